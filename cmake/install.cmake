# Headers, libraries, find_package(aksu) and pkg-config.

if(NOT aksu_installed)
    return()
endif()

install(DIRECTORY include/aksu DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h" PATTERN "*.def")
if(TARGET aksu-view)
    # In the source tree "view/ladder.h", installed "aksu/view/ladder.h".
    install(DIRECTORY view/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/aksu/view FILES_MATCHING PATTERN "*.h")
endif()
install(TARGETS ${aksu_installed} EXPORT aksu ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT aksu NAMESPACE aksu:: FILE aksu-targets.cmake DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/aksu)

configure_package_config_file(cmake/aksu-config.cmake.in ${PROJECT_BINARY_DIR}/aksu-config.cmake
    INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/aksu)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/aksu-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/aksu-config.cmake ${PROJECT_BINARY_DIR}/aksu-config-version.cmake
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/aksu)

# aksu.pc is the core; aksu-host.pc and so on are the floors above it.
file(RELATIVE_PATH pc_prefix /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
string(REGEX REPLACE "/$" "" pc_prefix "${pc_prefix}")
foreach(target IN LISTS aksu_installed)
    set(pc_requires "")
    if(NOT target STREQUAL "aksu")
        set(pc_requires "aksu = ${PROJECT_VERSION}")
    endif()
    set(pc_name ${target})
    configure_file(cmake/aksu.pc.in ${PROJECT_BINARY_DIR}/${target}.pc @ONLY)
    install(FILES ${PROJECT_BINARY_DIR}/${target}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endforeach()
