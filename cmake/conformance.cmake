# The exhaustive segment table (tests/conformance/README.md): the oracle's own tests, then every cell on the core.
find_package(Python3 COMPONENTS Interpreter)
if(NOT Python3_FOUND OR NOT TARGET aksu)
    return()
endif()
set(conformance ${PROJECT_SOURCE_DIR}/tests/conformance)
set(conformance_table ${PROJECT_BINARY_DIR}/conformance.table)
add_custom_command(OUTPUT ${conformance_table}
    COMMAND ${Python3_EXECUTABLE} ${conformance}/oracle.py --dump ${conformance_table}
    DEPENDS ${conformance}/oracle.py VERBATIM)
add_custom_target(conformance-table ALL DEPENDS ${conformance_table})
add_executable(exhaustive ${conformance}/exhaustive.c ${conformance}/prepare.c ${conformance}/table.c)
target_link_libraries(exhaustive PRIVATE aksu-flags aksu)
add_dependencies(exhaustive conformance-table)

add_test(NAME conformance_oracle COMMAND ${Python3_EXECUTABLE} -B ${conformance}/test_oracle.py)
add_test(NAME conformance_exhaustive COMMAND exhaustive ${conformance_table})
set_tests_properties(conformance_oracle PROPERTIES LABELS conformance TIMEOUT 120)
set_tests_properties(conformance_exhaustive PROPERTIES LABELS conformance TIMEOUT 900)
