# Writes what the Extensions Manager would show, a line each, for the test to read.
foreach(name HOMEPAGE CONTRIBUTORS DESCRIPTION ICONURL SCREENSHOTURLS DEPENDS)
  if("${EXTENSION_${name}}" STREQUAL "" OR "${EXTENSION_${name}}" MATCHES ";")
    message(FATAL_ERROR "EXTENSION_${name} is empty, or a list")
  endif()
  string(APPEND lines "${name}=${EXTENSION_${name}}\n")
endforeach()
get_property(self_tests GLOBAL PROPERTY SELF_TESTS)
file(WRITE ${CMAKE_BINARY_DIR}/extension.txt "NAME=${PROJECT_NAME}\n${lines}SELF_TESTS=${self_tests}\n")
