# SPDX-License-Identifier: MIT
# One folder = one static library whose link graph is the layer graph.

# The folders that a folder may name in USES; tools/layers reads the same table and proves it by symbols.
set(BYOK_LAYERS_base "")
set(BYOK_LAYERS_schemas base)
set(BYOK_LAYERS_adapters base schemas)
set(BYOK_LAYERS_vault_rocks base schemas)
set(BYOK_LAYERS_actors base schemas adapters vault_rocks)
set(BYOK_LAYERS_worker base schemas adapters vault_rocks actors)
set(BYOK_LAYERS_client base schemas vault_rocks)

# Each header is compiled alone, under the flags of the project: it needs no include before it.
function(byok_header_test module)
  set(sources)
  foreach(header IN LISTS ARGN)
    string(MAKE_C_IDENTIFIER "${header}" id)
    set(source "${CMAKE_CURRENT_BINARY_DIR}/header_test/${id}.c")
    # The declaration keeps an include of macros only from being an empty translation unit.
    file(CONFIGURE OUTPUT "${source}" CONTENT
      "#include \"${module}/${header}\"\n#include \"${module}/${header}\"\ntypedef int byok_header_test_${id};\n")
    list(APPEND sources "${source}")
  endforeach()
  if(sources)
    add_library(byok_${module}_headers OBJECT ${sources})
    target_link_libraries(byok_${module}_headers PRIVATE byok_${module})
  endif()
endfunction()

# byok_module(<folder> SOURCES a.c ... HEADERS a.h ... USES base ... LIBS PkgConfig::X ...)
function(byok_module module)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;HEADERS;USES;LIBS")
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "byok_module(${module}): unknown '${arg_UNPARSED_ARGUMENTS}'")
  endif()
  add_library(byok_${module} STATIC ${arg_SOURCES})
  target_link_libraries(byok_${module} PUBLIC byok_flags ${arg_LIBS})
  foreach(used IN LISTS arg_USES)
    if(NOT used IN_LIST BYOK_LAYERS_${module})
      message(FATAL_ERROR "${module}/ may not use ${used}/ (layers, see cmake/byok_module.cmake)")
    endif()
    if(NOT TARGET byok_${used})
      message(FATAL_ERROR "${module}/ uses ${used}/, which is not built before it")
    endif()
    target_link_libraries(byok_${module} PUBLIC byok_${used})
  endforeach()
  byok_header_test(${module} ${arg_HEADERS})
endfunction()

# byok_program(<name> SOURCES ... USES <folders> LIBS ...): the same for an executable. Installing is its folder's affair.
function(byok_program name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;USES;LIBS")
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "${name}: unknown '${arg_UNPARSED_ARGUMENTS}'")
  endif()
  add_executable(${name} ${arg_SOURCES})
  list(TRANSFORM arg_USES PREPEND byok_)
  target_link_libraries(${name} PRIVATE byok_flags ${arg_USES} ${arg_LIBS} Threads::Threads)
endfunction()
