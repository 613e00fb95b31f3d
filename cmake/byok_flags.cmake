# SPDX-License-Identifier: MIT
# The one INTERFACE target that carries language level, warnings, hardening and sanitizers; no CMAKE_C_FLAGS anywhere.
set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
include(CheckPIESupported)
check_pie_supported(LANGUAGES C) # without it CMake compiles with -fPIE but does not link with -pie

add_library(byok_flags INTERFACE)
target_compile_definitions(byok_flags INTERFACE _POSIX_C_SOURCE=200809L)
target_include_directories(byok_flags INTERFACE "${PROJECT_SOURCE_DIR}")
target_compile_options(byok_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wstrict-prototypes
  -Werror=implicit-function-declaration # its result would be read as an int
  -Wmissing-prototypes -Wold-style-definition -Wcast-qual -Wcast-align -Wwrite-strings -Wformat=2
  -Wundef -Wvla -Wimplicit-fallthrough
  $<$<BOOL:${BYOK_WERROR}>:-Werror>
  -UNDEBUG # assert stays on in release: it guards our own invariants around paid calls
  -fno-common -fstack-protector-strong)
target_link_options(byok_flags INTERFACE -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,--as-needed)

if(BYOK_SANITIZE)
  target_compile_options(byok_flags INTERFACE
    -fsanitize=${BYOK_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(byok_flags INTERFACE -fsanitize=${BYOK_SANITIZE})
elseif(CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo")
  # Not beside sanitizers: the fortified calls hide errors from them. Debian's gcc predefines level 2.
  target_compile_options(byok_flags INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
endif()
if(BYOK_FUZZ)
  # Coverage feedback everywhere; the driver itself is linked only into the fuzz targets.
  target_compile_options(byok_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(BYOK_COVERAGE)
  target_compile_options(byok_flags INTERFACE --coverage -fprofile-update=atomic)
  target_link_options(byok_flags INTERFACE --coverage)
endif()
