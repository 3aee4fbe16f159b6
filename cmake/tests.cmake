# Every test is one ctest test.  Exit status 77 means skipped, and the last line that the test printed says why.
#
#   tests/unit/test_*.c     cmocka programs                                  label unit
#   tests/sim/sim_*.c       programs that run the simulator                  label sim
#   tests/fuzz/fuzz_*.c     fuzz targets, here for a fixed number of inputs  label fuzz     with AKSU_FUZZERS
#   tests/interop/*.sh      against the kernel, in network namespaces        label interop  with AKSU_SYSTEM_TESTS
#   tests/embed, consumer, freestanding                                      label package  with AKSU_SYSTEM_TESTS
#   tests/conformance       every cell of the state table against its oracle label conformance, the same
#   tests/*/test_*.py       tests of the tools and oracles                   label tools    the same
#   tests/*/tests.cmake     what a folder adds by itself, with the functions of this file
#
# A script whose name begins with an underscore is a part of others.

# aksu_test_program(<source> <label> <timeout in seconds> [library...])
function(aksu_test_program source label timeout_s)
    get_filename_component(name ${source} NAME_WE)
    add_executable(${name} ${source})
    target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR} src include tests/unit)
    target_compile_definitions(${name} PRIVATE _GNU_SOURCE AKSU_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
    target_link_libraries(${name} PRIVATE aksu-flags ${aksu_libraries} ${ARGN})
    if(NOT label STREQUAL "fuzz")
        add_test(NAME ${name} COMMAND ${name})
        set_tests_properties(${name} PROPERTIES LABELS ${label} TIMEOUT ${timeout_s} SKIP_RETURN_CODE 77)
    endif()
endfunction()

list(REVERSE aksu_libraries) # a static library stands before what it needs

file(GLOB unit_sources CONFIGURE_DEPENDS tests/unit/test_*.c)
file(GLOB sim_sources CONFIGURE_DEPENDS tests/sim/sim_*.c)
if(unit_sources OR sim_sources)
    find_package(PkgConfig REQUIRED)
    pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka)
endif()
foreach(source IN LISTS unit_sources)
    aksu_test_program(${source} unit 120 PkgConfig::CMOCKA)
endforeach()
foreach(source IN LISTS sim_sources)
    aksu_test_program(${source} sim 300 PkgConfig::CMOCKA m)
endforeach()

if(AKSU_FUZZERS)
    file(GLOB fuzz_sources CONFIGURE_DEPENDS tests/fuzz/fuzz_*.c)
    foreach(source IN LISTS fuzz_sources)
        get_filename_component(name ${source} NAME_WE)
        aksu_test_program(${source} fuzz 300)
        target_compile_options(${name} PRIVATE -fsanitize=fuzzer)
        target_link_options(${name} PRIVATE -fsanitize=fuzzer)
        set(seeds "")
        if(IS_DIRECTORY ${PROJECT_SOURCE_DIR}/tests/fuzz/corpus/${name})
            set(seeds ${PROJECT_SOURCE_DIR}/tests/fuzz/corpus/${name})
        endif()
        if(name STREQUAL "fuzz_scenario")
            set(seeds ${PROJECT_SOURCE_DIR}/lab/scenarios)
        endif()
        # With -runs the seeds are read and nothing is written to their folder: the first folder is the one for new finds.
        file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/finds/${name})
        add_test(NAME ${name} COMMAND ${name} -runs=20000 -seed=1 -max_total_time=60
            -artifact_prefix=${PROJECT_BINARY_DIR}/finds/${name}- ${PROJECT_BINARY_DIR}/finds/${name} ${seeds})
        set_tests_properties(${name} PROPERTIES LABELS fuzz TIMEOUT 180)
    endforeach()
    if(fuzz_sources AND TARGET aksu)
        foreach(target IN ITEMS aksu aksu-svc aksu-view aksu-lab)
            if(TARGET ${target})
                target_compile_options(${target} PRIVATE -fsanitize=fuzzer-no-link) # coverage guides the fuzzer
            endif()
        endforeach()
        target_link_options(aksu-flags INTERFACE -fsanitize=fuzzer-no-link)
    endif()
endif()

# aksu_test_script(<name> <label> <timeout in seconds> <command...>)
function(aksu_test_script name label timeout_s)
    add_test(NAME ${name} COMMAND ${ARGN})
    set_tests_properties(${name} PROPERTIES LABELS ${label} TIMEOUT ${timeout_s} SKIP_RETURN_CODE 77
        ENVIRONMENT "AKSU=${PROJECT_BINARY_DIR}/aksu;AKSU_SOURCE=${PROJECT_SOURCE_DIR};AKSU_BUILD=${PROJECT_BINARY_DIR}")
endfunction()

file(GLOB folder_tests CONFIGURE_DEPENDS tests/*/tests.cmake)
foreach(file IN LISTS folder_tests)
    include(${file})
endforeach()

if(NOT AKSU_SYSTEM_TESTS)
    return()
endif()

if(TARGET aksu)
    add_custom_target(amalgamation-for-tests ALL DEPENDS amalgamation)
    foreach(compiler IN ITEMS gcc clang)
        aksu_test_script(embed_${compiler} package 300 bash ${PROJECT_SOURCE_DIR}/tests/embed/run.sh ${compiler})
        aksu_test_script(freestanding_${compiler} package 300
            bash ${PROJECT_SOURCE_DIR}/tests/freestanding/run.sh ${compiler})
    endforeach()
    aksu_test_script(freestanding_wasm32 package 300 bash ${PROJECT_SOURCE_DIR}/tests/freestanding/run.sh wasm32)
    aksu_test_script(headers_alone package 60 bash ${PROJECT_SOURCE_DIR}/tests/embed/headers.sh)
    foreach(way IN ITEMS find_package pkg_config)
        aksu_test_script(consumer_${way} package 300 bash ${PROJECT_SOURCE_DIR}/tests/consumer/run.sh ${way})
    endforeach()
endif()
if(Python3_FOUND)
    file(GLOB python_tests CONFIGURE_DEPENDS tests/*/test_*.py)
    foreach(script IN LISTS python_tests)
        get_filename_component(name ${script} NAME_WE)
        string(REGEX REPLACE "^test_" "python_" name ${name})
        aksu_test_script(${name} tools 300 ${Python3_EXECUTABLE} -B ${script})
    endforeach()
    # Each requirement of the RFC has its tests or its reason, and the table of them is up to date.
    file(GLOB requirement_lists CONFIGURE_DEPENDS docs/requirements/*.txt)
    foreach(list IN LISTS requirement_lists)
        get_filename_component(name ${list} NAME_WE)
        aksu_test_script(requirements_${name} tools 60 ${Python3_EXECUTABLE} -B
            ${PROJECT_SOURCE_DIR}/tools/requirements.py --check docs/requirements/${name}.txt docs/${name}.md)
    endforeach()
    # So has each attack.
    aksu_test_script(attacks tools 60 ${Python3_EXECUTABLE} -B ${PROJECT_SOURCE_DIR}/tools/attacks.py --check)
endif()

# The oracle states what each cell does, in Python; the program asks the core.
file(GLOB conformance_sources CONFIGURE_DEPENDS tests/conformance/*.c)
if(TARGET aksu AND Python3_FOUND AND conformance_sources)
    set(oracle ${PROJECT_SOURCE_DIR}/tests/conformance/oracle.py)
    set(oracle_table ${PROJECT_BINARY_DIR}/oracle.table)
    add_custom_command(OUTPUT ${oracle_table} COMMAND ${Python3_EXECUTABLE} -B ${oracle} --dump ${oracle_table}
        DEPENDS ${oracle} VERBATIM)
    add_executable(exhaustive ${conformance_sources} ${oracle_table})
    target_link_libraries(exhaustive PRIVATE aksu-flags aksu)
    aksu_test_script(conformance conformance 900 exhaustive ${oracle_table})
endif()

if(TARGET aksu-command)
    file(GLOB interop_scripts CONFIGURE_DEPENDS tests/interop/[!_]*.sh)
    foreach(script IN LISTS interop_scripts)
        get_filename_component(name ${script} NAME_WE)
        aksu_test_script(interop_${name} interop 600 bash ${PROJECT_SOURCE_DIR}/tools/in_namespace.sh bash ${script})
        # They measure nothing, but two gigabyte transfers at once on two cores run into each other's time limits.
        set_tests_properties(interop_${name} PROPERTIES RUN_SERIAL ON)
    endforeach()
endif()

# The pictures of docs/lab.md are drawn by the command; the test says when they are not what it draws now.
if(TARGET aksu-command AND Python3_FOUND)
    set(lab_pictures ${Python3_EXECUTABLE} -B ${PROJECT_SOURCE_DIR}/tools/lab_pictures.py)
    add_custom_target(lab-pictures COMMAND ${lab_pictures} $<TARGET_FILE:aksu-command> DEPENDS aksu-command VERBATIM)
    aksu_test_script(lab_pictures tools 120 ${lab_pictures} --check $<TARGET_FILE:aksu-command>)
endif()

# Packet scripts: every state with every event, and what else lies there.
if(TARGET aksu-command AND Python3_FOUND)
    aksu_test_script(scripts scripts 120 sh -c
        "find '${PROJECT_SOURCE_DIR}/tests/scripts' -name '*.pkt' -print0 | sort -z | xargs -0 '${PROJECT_BINARY_DIR}/aksu' script --quiet")
    aksu_test_script(script_grid tools 60 ${Python3_EXECUTABLE} -B ${PROJECT_SOURCE_DIR}/tools/script_grid.py --check)
endif()
