# The headers that nearly every test includes, compiled once for all of them.
if(SELVEDGE_TESTS)
  file(WRITE ${PROJECT_BINARY_DIR}/test_headers.cc "")
  add_library(selvedge_test_headers OBJECT ${PROJECT_BINARY_DIR}/test_headers.cc)
  target_link_libraries(selvedge_test_headers PRIVATE selvedge_warnings GTest::gtest_main GTest::gmock)
  target_compile_options(selvedge_test_headers PRIVATE -O0)
  target_precompile_headers(selvedge_test_headers PRIVATE <algorithm> <array> <chrono> <cstdint>
    <cstring> <deque> <functional> <map> <memory> <optional> <span> <string> <string_view>
    <unordered_map> <utility> <variant> <vector> <expected> <gtest/gtest.h>)
endif()

# One shape for every module: a static library with the alias selvedge::<name>, its unit tests in
# one program with the ctest label <name>, and its fuzzers, whose corpus also runs as a test.
#
#   selvedge_module(store DEPS selvedge::base SYSTEM PkgConfig::SQLITE SOURCES a.cc TESTS a_test.cc
#                   TEST_DEPS selvedge::os_fake FUZZERS frame)
#
# DEPS are seen by whoever uses the module; SYSTEM libraries stay private to its .cc files.
# FUZZERS name files <name>_fuzz.cc with a corpus in tests/fuzz/<module>_<name>/.
function(selvedge_module name)
  cmake_parse_arguments(M "" "" "DEPS;SYSTEM;SOURCES;TESTS;TEST_DEPS;FUZZERS" ${ARGN})
  string(REPLACE "/" "_" target ${name})
  list(TRANSFORM M_DEPS REPLACE "selvedge::" "selvedge_")
  list(TRANSFORM M_TEST_DEPS REPLACE "selvedge::" "selvedge_")
  add_library(selvedge_${target} STATIC ${M_SOURCES})
  add_library(selvedge::${target} ALIAS selvedge_${target})
  target_include_directories(selvedge_${target} PUBLIC ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(selvedge_${target} PUBLIC ${M_DEPS} PRIVATE selvedge_warnings ${M_SYSTEM})
  if(NOT target STREQUAL "base")
    target_precompile_headers(selvedge_${target} REUSE_FROM selvedge_base)
  else()
    target_precompile_headers(selvedge_base PRIVATE <algorithm> <array> <chrono> <cstdint> <cstring>
      <deque> <functional> <map> <memory> <optional> <span> <string> <string_view> <unordered_map>
      <utility> <variant> <vector> <expected>)
  endif()
  if(M_TESTS AND SELVEDGE_TESTS)
    add_executable(${target}_test ${M_TESTS})
    target_link_libraries(${target}_test PRIVATE selvedge_${target} ${M_TEST_DEPS}
                          selvedge_warnings GTest::gtest_main GTest::gmock)
    # Test code is compiled once and run briefly: not optimising it halves the build.
    target_compile_options(${target}_test PRIVATE -O0)
    target_precompile_headers(${target}_test REUSE_FROM selvedge_test_headers)
    gtest_discover_tests(${target}_test DISCOVERY_MODE PRE_TEST PROPERTIES LABELS ${target} TIMEOUT 300
                         DISCOVERY_TIMEOUT 60)
  endif()
  foreach(fuzzer IN LISTS M_FUZZERS)
    selvedge_fuzzer(${target} ${fuzzer})
  endforeach()
endfunction()

# With SELVEDGE_FUZZ (clang) a libFuzzer program; otherwise a program that runs the corpus once.
function(selvedge_fuzzer target fuzzer)
  set(program fuzz_${target}_${fuzzer})
  set(corpus ${PROJECT_SOURCE_DIR}/tests/fuzz/${target}_${fuzzer})
  if(SELVEDGE_FUZZ)
    add_executable(${program} ${fuzzer}_fuzz.cc)
    target_link_options(${program} PRIVATE -fsanitize=fuzzer)
  elseif(SELVEDGE_TESTS)
    add_executable(${program} ${fuzzer}_fuzz.cc ${PROJECT_SOURCE_DIR}/tests/fuzz/run_corpus.cc)
    add_test(NAME ${program} COMMAND ${program} ${corpus})
    set_tests_properties(${program} PROPERTIES LABELS fuzz TIMEOUT 300)
  else()
    return()
  endif()
  target_link_libraries(${program} PRIVATE selvedge::${target} selvedge_warnings)
endfunction()
