# SPDX-License-Identifier: MIT
# The kinds of tests, each with its ctest label.
#
# Criterion lets a test pass whose process ended with a sanitizer's report, so every test fails on the report's text.
set(BYOK_SANITIZER_REPORT "Sanitizer|runtime error:")

# Files and options that sanitizers take from the environment; the reasons stand in those files.
set(BYOK_TEST_ENVIRONMENT
  "ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1"
  "UBSAN_OPTIONS=print_stacktrace=1"
  "TSAN_OPTIONS=second_deadlock_stack=1:halt_on_error=1:suppressions=${PROJECT_SOURCE_DIR}/tests/support/tsan.supp")

function(byok_register_test name label)
  add_test(NAME ${name} COMMAND ${ARGN})
  set_tests_properties(${name} PROPERTIES LABELS "${label}" TIMEOUT 1200
    FAIL_REGULAR_EXPRESSION "${BYOK_SANITIZER_REPORT}" ENVIRONMENT "${BYOK_TEST_ENVIRONMENT}")
endfunction()

# byok_unit_test(<name> SOURCES test_x.c [more.c] USES <folders> [LIBS ...]): a Criterion program, target test_<name>.
function(byok_unit_test name)
  byok_program(test_${name} ${ARGN})
  target_link_libraries(test_${name} PRIVATE PkgConfig::CRITERION)
  if(BYOK_SANITIZE MATCHES "thread")
    # Criterion's own allocator aborts under TSan (Snaipe/Criterion#274). The target stays, for who sets properties on it.
    set_target_properties(test_${name} PROPERTIES EXCLUDE_FROM_ALL ON)
    return()
  endif()
  # One at a time in each process: ctest runs the programs beside each other already.
  byok_register_test(${name} unit test_${name} --jobs=1)
endfunction()

# byok_plain_test(<name> SOURCES ... USES ... LABEL stress|e2e|... [ARGS ...] [LIBS ...]): a program with its own main(),
# target test_<name>.
function(byok_plain_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "LABEL" "SOURCES;USES;LIBS;ARGS")
  byok_program(test_${name} SOURCES ${arg_SOURCES} USES ${arg_USES} LIBS ${arg_LIBS})
  byok_register_test(${name} "${arg_LABEL}" test_${name} ${arg_ARGS})
endfunction()

# byok_fuzz(<name> SOURCES fuzz_x.c USES ... CORPUS dir [dir ...]): target fuzz_<name>. With the fuzz preset a libFuzzer
# program; else the same entry point behind tests/fuzz/driver.c, which replays the corpus and some mutations of it.
function(byok_fuzz name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;USES;LIBS;CORPUS")
  set(target fuzz_${name})
  set(corpus "${PROJECT_SOURCE_DIR}/tests/fuzz/corpora/${name}" ${arg_CORPUS})
  list(REMOVE_DUPLICATES corpus)
  if(BYOK_FUZZ)
    byok_program(${target} SOURCES ${arg_SOURCES} USES ${arg_USES} LIBS ${arg_LIBS})
    target_link_options(${target} PRIVATE -fsanitize=fuzzer)
    byok_register_test(${target} fuzz ${target} -runs=2000 -seed=1 ${corpus})
    # `./dev fuzz` reads these: the program on the first line, a seed folder on each other.
    list(JOIN corpus "\n" lines)
    file(GENERATE OUTPUT "${PROJECT_BINARY_DIR}/fuzz/${target}.run" CONTENT "$<TARGET_FILE:${target}>\n${lines}\n")
  else()
    byok_program(${target} SOURCES ${arg_SOURCES} "${PROJECT_SOURCE_DIR}/tests/fuzz/driver.c" USES ${arg_USES} LIBS ${arg_LIBS})
    byok_register_test(${target} fuzz ${target} ${corpus})
  endif()
endfunction()
