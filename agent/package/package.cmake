# What `cpack -G DEB` puts into the two packages. A program and its helpers stand in one folder of /usr/lib; /usr/bin leads there.
include(GNUInstallDirs)
set(packaging ${PROJECT_SOURCE_DIR}/agent/package)

# What is installed compressed, or under another name, is made beside the programs.
function(install_gz file to component)
  get_filename_component(name ${file} NAME)
  add_custom_command(OUTPUT ${PROJECT_BINARY_DIR}/package/${component}/${name}.gz
    COMMAND ${CMAKE_COMMAND} -E make_directory ${PROJECT_BINARY_DIR}/package/${component}
    COMMAND gzip -9nc ${file} > ${PROJECT_BINARY_DIR}/package/${component}/${name}.gz
    DEPENDS ${file} VERBATIM)
  set_property(GLOBAL APPEND PROPERTY package_files ${PROJECT_BINARY_DIR}/package/${component}/${name}.gz)
  install(FILES ${PROJECT_BINARY_DIR}/package/${component}/${name}.gz DESTINATION ${to} COMPONENT ${component})
endfunction()

# package(NAME PROGRAMS... HELPERS): programs into /usr/lib/NAME, with what every Debian package has.
function(package_basics component)
  install_gz(${packaging}/changelog share/doc/${component} ${component})
  install(FILES ${packaging}/copyright DESTINATION share/doc/${component} COMPONENT ${component})
endfunction()

set(CMAKE_INSTALL_PREFIX /usr)
set(helpers fleet-fetch-https)
if(TARGET fleet-fetch-git)
  list(APPEND helpers fleet-fetch-git fleet-post-git)
endif()

file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/package)

package_basics(fleet-agent)
install(TARGETS fleet-agent fleet-guard ${helpers} RUNTIME DESTINATION lib/fleet-agent COMPONENT fleet-agent)
install(TARGETS fleet-launch RUNTIME DESTINATION bin COMPONENT fleet-agent)
file(GLOB units ${PROJECT_SOURCE_DIR}/agent/units/*.service ${PROJECT_SOURCE_DIR}/agent/units/*.socket ${PROJECT_SOURCE_DIR}/agent/units/*.timer)
install(FILES ${units} DESTINATION /lib/systemd/system COMPONENT fleet-agent)
install(FILES ${packaging}/fleet-agent.sysusers DESTINATION lib/sysusers.d RENAME fleet-agent.conf COMPONENT fleet-agent)
install(FILES ${packaging}/fleet-agent.tmpfiles DESTINATION lib/tmpfiles.d RENAME fleet-agent.conf COMPONENT fleet-agent)
install(FILES ${packaging}/sshd.conf DESTINATION /etc/ssh/sshd_config.d RENAME fleet-agent.conf COMPONENT fleet-agent)
install_gz(${PROJECT_SOURCE_DIR}/agent/man/fleet-agent.8 share/man/man8 fleet-agent)
install(FILES ${packaging}/fleet-agent.bash DESTINATION share/bash-completion/completions RENAME fleet-agent COMPONENT fleet-agent)

package_basics(fleetctl)
install(TARGETS fleetctl ${helpers} fleet-push-git RUNTIME DESTINATION lib/fleetctl COMPONENT fleetctl)
file(CREATE_LINK ../lib/fleetctl/fleetctl ${PROJECT_BINARY_DIR}/package/fleetctl.link SYMBOLIC)
install(FILES ${PROJECT_BINARY_DIR}/package/fleetctl.link DESTINATION bin RENAME fleetctl COMPONENT fleetctl)
file(GLOB pages ${PROJECT_SOURCE_DIR}/fleetctl/man/*.[1-8] ${PROJECT_SOURCE_DIR}/keys/*.[1-8])
foreach(page ${pages})
  string(REGEX MATCH "[1-8]$" chapter ${page})
  install_gz(${page} share/man/man${chapter} fleetctl)
endforeach()
file(GLOB units ${PROJECT_SOURCE_DIR}/fleetctl/units/*.service ${PROJECT_SOURCE_DIR}/fleetctl/units/*.timer)
install(FILES ${units} DESTINATION /lib/systemd/system COMPONENT fleetctl)
# A script for bash, which the program itself says; for another architecture, this machine's own program: FLEET_COMPLETION is its file.
set(FLEET_COMPLETION "" CACHE FILEPATH "fleetctl.bash, as another build of the same source made it")
if(NOT CMAKE_CROSSCOMPILING)
  add_custom_command(OUTPUT ${PROJECT_BINARY_DIR}/package/fleetctl.bash
    COMMAND fleetctl completion > ${PROJECT_BINARY_DIR}/package/fleetctl.bash DEPENDS fleetctl VERBATIM)
  set_property(GLOBAL APPEND PROPERTY package_files ${PROJECT_BINARY_DIR}/package/fleetctl.bash)
  set(completion ${PROJECT_BINARY_DIR}/package/fleetctl.bash)
else()
  set(completion ${FLEET_COMPLETION})
endif()
if(completion)
  install(FILES ${completion} DESTINATION share/bash-completion/completions RENAME fleetctl COMPONENT fleetctl)
endif()

get_property(files GLOBAL PROPERTY package_files)
add_custom_target(package-files ALL DEPENDS ${files})

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME fleet)
set(CPACK_PACKAGE_CONTACT "Fleet developers <fleet@example.org>")
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_HOMEPAGE_URL https://example.org/fleet)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_ALL fleet-agent fleetctl)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
if(CMAKE_CROSSCOMPILING)
  string(REGEX REPLACE "^aarch64.*" arm64 arch ${FLEET_CROSS})
  string(REGEX REPLACE "^arm-.*" armhf arch ${arch})
  set(CPACK_DEBIAN_PACKAGE_ARCHITECTURE ${arch})
endif()
# As dpkg-shlibdeps finds them for amd64 on Debian 12; one list for all architectures. tests/e2e holds it against what is linked.
set(libs "libc6 (>= 2.36), libcurl4 (>= 7.88), libjansson4 (>= 2.14), libseccomp2 (>= 2.5.0), libssl3 (>= 3.0.0), libzstd1 (>= 1.5.2), libarchive13 (>= 3.6.2)")
if(TARGET fleet-fetch-git)
  string(APPEND libs ", libgit2-1.5 (>= 1.5.1), zlib1g (>= 1:1.2.11)")
endif()
set(CPACK_DEBIAN_FLEET-AGENT_PACKAGE_NAME fleet-agent)
set(CPACK_DEBIAN_FLEET-AGENT_PACKAGE_DEPENDS "${libs}, openssh-server, systemd (>= 250), tzdata")
set(CPACK_COMPONENT_FLEET-AGENT_DESCRIPTION
  "keeps an unattended host on the release that was signed for it
Takes releases of scripts over SSH or by polling a repository, verifies who
signed them, swaps them in atomically, proves that they work, and goes back by
itself when they do not.")
set(CPACK_DEBIAN_FLEET-AGENT_PACKAGE_CONTROL_EXTRA ${packaging}/postinst ${packaging}/prerm ${packaging}/postrm ${packaging}/conffiles)
set(CPACK_DEBIAN_FLEET-AGENT_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_FLEETCTL_PACKAGE_NAME fleetctl)
set(CPACK_DEBIAN_FLEETCTL_PACKAGE_DEPENDS "${libs}, libsqlite3-0 (>= 3.40), libssh-4 (>= 0.10.5), libuv1 (>= 1.44), libyaml-0-2, openssh-client")
set(CPACK_COMPONENT_FLEETCTL_DESCRIPTION
  "signs releases of scripts and rolls them out to a fleet of small hosts
Compiles and signs what each plan runs, rolls it out in waves over SSH,
watches, halts and undoes.")
set(CPACK_DEBIAN_FLEETCTL_PACKAGE_CONTROL_STRICT_PERMISSION ON)
include(CPack)
