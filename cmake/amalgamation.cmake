# `cmake --build build --target amalgamation` makes amalgamation/aksu.c and aksu.h, which compile alone.

find_package(Python3 COMPONENTS Interpreter)
if(TARGET aksu AND Python3_FOUND)
    file(GLOB_RECURSE amalgamation_inputs CONFIGURE_DEPENDS src/*.c src/*.h include/aksu/*.h
        include/aksu/events.def)
    set(amalgamation_dir ${PROJECT_BINARY_DIR}/amalgamation)
    add_custom_command(OUTPUT ${amalgamation_dir}/aksu.c ${amalgamation_dir}/aksu.h
        COMMAND ${Python3_EXECUTABLE} ${PROJECT_SOURCE_DIR}/tools/amalgamate.py ${PROJECT_SOURCE_DIR} ${amalgamation_dir}
        DEPENDS ${amalgamation_inputs} tools/amalgamate.py
        VERBATIM)
    add_custom_target(amalgamation DEPENDS ${amalgamation_dir}/aksu.c ${amalgamation_dir}/aksu.h)
endif()
