# SPDX-License-Identifier: MIT
# Every third-party library as one imported target PkgConfig::<NAME>, whatever the distribution calls it.
#
# The names are a contract with all folders: SODIUM CURL SSL CRYPTO RDKAFKA MSGPACK ROCKSDB UV YYJSON CYAML YAML MICROHTTPD
# SECCOMP CRITERION MIMALLOC.
find_package(PkgConfig REQUIRED)
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)

# What `tools/deps build` built because the system's is too old; in front, so that it wins.
set(BYOK_DEPS_DIR "${PROJECT_SOURCE_DIR}/.deps" CACHE PATH "Prefix of the libraries that tools/deps built")
if(EXISTS "${BYOK_DEPS_DIR}/lib/pkgconfig")
  set(ENV{PKG_CONFIG_PATH} "${BYOK_DEPS_DIR}/lib/pkgconfig:$ENV{PKG_CONFIG_PATH}")
endif()

function(byok_find name)
  pkg_search_module(${name} QUIET IMPORTED_TARGET GLOBAL ${ARGN})
  if(NOT ${name}_FOUND)
    list(JOIN ARGN "' or '" wanted)
    message(FATAL_ERROR "No pkg-config module '${wanted}': run ./dev deps")
  endif()
  message(STATUS "${name}: ${${name}_MODULE_NAME} ${${name}_VERSION}")
endfunction()

byok_find(SODIUM "libsodium>=1.0.18")
byok_find(CURL "libcurl>=7.88")
# Debian 13's msgpack-c.pc names a relative include path, its CMake package is right; Debian 12 has only the former.
find_package(msgpack-c CONFIG QUIET)
if(TARGET msgpack-c)
  add_library(PkgConfig::MSGPACK INTERFACE IMPORTED GLOBAL)
  target_link_libraries(PkgConfig::MSGPACK INTERFACE msgpack-c)
  message(STATUS "MSGPACK: msgpack-c ${msgpack-c_VERSION}")
else()
  byok_find(MSGPACK msgpack)
endif()
byok_find(ROCKSDB "rocksdb>=7.8")
byok_find(UV "libuv>=1.44")
byok_find(YYJSON "yyjson>=0.10")
byok_find(CYAML "libcyaml>=1.3")
byok_find(YAML "yaml-0.1>=0.2") # libcyaml's own; for the lines of settings
byok_find(CRYPTO "libcrypto>=3.0") # of the variant of libcurl whose TLS memory can be wiped
byok_find(SSL "libssl>=3.0")
byok_find(SECCOMP "libseccomp>=2.5")
byok_find(MICROHTTPD "libmicrohttpd>=0.9.75")
# Stands in for the C library's malloc() in all of the program that links it, libraries included; sanitizers have their own.
if(BYOK_SANITIZE)
  add_library(PkgConfig::MIMALLOC INTERFACE IMPORTED GLOBAL)
else()
  byok_find(MIMALLOC "mimalloc>=2.0")
endif()
if(BYOK_TESTS)
  byok_find(CRITERION "criterion>=2.4")
endif()

# librdkafka's static .pc names the archive but not what the archive needs, so that list stands here.
pkg_search_module(RDKAFKA_STATIC QUIET "rdkafka-static>=2.12")
if(RDKAFKA_STATIC_FOUND)
  pkg_check_modules(RDKAFKA_NEEDS REQUIRED QUIET IMPORTED_TARGET GLOBAL zlib libzstd liblz4 libssl libcrypto libsasl2 libcurl)
  add_library(PkgConfig::RDKAFKA STATIC IMPORTED GLOBAL)
  set_target_properties(PkgConfig::RDKAFKA PROPERTIES
    IMPORTED_LOCATION "${RDKAFKA_STATIC_LIBDIR}/librdkafka.a"
    INTERFACE_INCLUDE_DIRECTORIES "${RDKAFKA_STATIC_INCLUDEDIR}"
    INTERFACE_COMPILE_DEFINITIONS LIBRDKAFKA_STATICLIB)
  target_link_libraries(PkgConfig::RDKAFKA INTERFACE PkgConfig::RDKAFKA_NEEDS Threads::Threads ${CMAKE_DL_LIBS} m)
  message(STATUS "RDKAFKA: rdkafka-static ${RDKAFKA_STATIC_VERSION}")
else()
  byok_find(RDKAFKA "rdkafka>=2.12")
endif()

# librdkafka's threads are C11's, which ThreadSanitizer does not know.
if(BYOK_SANITIZE MATCHES "thread")
  add_library(byok_c11_threads STATIC "${PROJECT_SOURCE_DIR}/tests/support/c11_threads.c")
  target_compile_options(byok_c11_threads PRIVATE -fsanitize=thread)
  target_link_libraries(PkgConfig::RDKAFKA INTERFACE byok_c11_threads)
endif()
