#include "infer/runtime.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "infer/graphs_for_test.h"
#include "infer/library.h"
#include "infer/models_fixture.h"

// Under the address sanitizer: what is allocated now. Memory it has freed it keeps for a while.
extern "C" [[gnu::weak]] std::size_t __sanitizer_get_current_allocated_bytes();

namespace selvedge::infer {
namespace {

using base::Code;
using codec::onnx::write;

#define NEEDS_RUNTIME(name)           \
  const auto opened = test_runtime(); \
  if (!opened) GTEST_SKIP() << opened.error().message; \
  Runtime& name = **opened

std::vector<float> numbers(std::size_t count) {
  std::vector<float> all(count);
  for (std::size_t i = 0; i < count; ++i) all[i] = float(i) - 1.5F;
  return all;
}

TensorView view(const std::vector<float>& values, const Shape& shape) {
  return {ElementType::float32, shape, {reinterpret_cast<const std::uint8_t*>(values.data()), values.size() * 4}};
}

std::size_t in_use() {
  if (__sanitizer_get_current_allocated_bytes != nullptr) return __sanitizer_get_current_allocated_bytes();
  std::ifstream statm("/proc/self/statm");
  std::size_t total = 0, resident = 0;
  statm >> total >> resident;
  return resident * 4096;
}

TEST(Runtime, SaysThatALibraryIsNotThere) {
  const auto runtime = Runtime::open("/nowhere/libonnxruntime.so");
  ASSERT_FALSE(runtime);
  EXPECT_EQ(runtime.error().code, Code::unavailable);
  EXPECT_NE(runtime.error().message.find("/nowhere/libonnxruntime.so"), std::string::npos);
}

TEST(Runtime, RefusesALibraryThatIsNoModelRuntime) {
  const auto runtime = Runtime::open("libm.so.6");
  ASSERT_FALSE(runtime);
  EXPECT_EQ(runtime.error().code, Code::unavailable);
  EXPECT_EQ(runtime.error().message, "open libm.so.6: not an ONNX Runtime: it has no OrtGetApiBase");
}

TEST(Runtime, RefusesAFileThatIsNoLibrary) {
  const std::string path = std::filesystem::path(testing::TempDir()) / "no_library.so";
  std::ofstream(path) << "#!/bin/sh\n";
  const auto runtime = Runtime::open(path);
  ASSERT_FALSE(runtime);
  EXPECT_EQ(runtime.error().code, Code::unavailable);
}

TEST(Runtime, RefusesALibraryThatIsTooOld) {
  const auto runtime = Runtime::open(SELVEDGE_OLD_RUNTIME);
  ASSERT_FALSE(runtime);
  EXPECT_EQ(runtime.error().code, Code::unavailable);
  EXPECT_NE(runtime.error().message.find("ONNX Runtime 1.2.3 has no functions of version 14; it must be 1.14 or later"),
            std::string::npos) << runtime.error().message;
}

TEST(Runtime, SaysWhereItLooked) {
  const auto restore = [](const char* name, const std::optional<std::string>& value) {
    if (value) setenv(name, value->c_str(), 1);
    else unsetenv(name);
  };
  const auto keep = [](const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  };
  const auto cache = keep("XDG_CACHE_HOME"), named = keep("SELVEDGE_ONNXRUNTIME");
  setenv("XDG_CACHE_HOME", "/nowhere/cache", 1);
  unsetenv("SELVEDGE_ONNXRUNTIME");
  const auto candidates = library_candidates();
  const auto open = Runtime::open();
  setenv("SELVEDGE_ONNXRUNTIME", "/nowhere/named.so", 1);
  const auto by_name = Runtime::open();
  restore("XDG_CACHE_HOME", cache);
  restore("SELVEDGE_ONNXRUNTIME", named);
  EXPECT_EQ(candidates.back(), "/nowhere/cache/selvedge/onnxruntime/*/libonnxruntime.so");
  // A machine may have one among its system libraries.
  if (!open) {
    EXPECT_NE(open.error().message.find("scripts/fetch runtime"), std::string::npos);
    for (const std::string& candidate : candidates)
      EXPECT_NE(open.error().message.find(candidate), std::string::npos) << candidate;
  }
  ASSERT_FALSE(by_name);
  EXPECT_NE(by_name.error().message.find("SELVEDGE_ONNXRUNTIME: open /nowhere/named.so"), std::string::npos);
}

TEST(Runtime, TakesTheNewestOfTheCache) {
  const auto root = std::filesystem::path(testing::TempDir()) / "newest";
  for (const char* version : {"1.9.0", "1.28.2", "1.28.10"}) {
    std::filesystem::create_directories(root / "selvedge/onnxruntime" / version);
    std::ofstream(root / "selvedge/onnxruntime" / version / "libonnxruntime.so") << "x";
  }
  const char* before = std::getenv("XDG_CACHE_HOME");
  const std::string kept = before == nullptr ? "" : before;
  setenv("XDG_CACHE_HOME", root.c_str(), 1);
  const auto candidates = library_candidates();
  if (before != nullptr) setenv("XDG_CACHE_HOME", kept.c_str(), 1);
  else unsetenv("XDG_CACHE_HOME");
  ASSERT_GE(candidates.size(), 3U);
  EXPECT_EQ(std::filesystem::path(candidates[candidates.size() - 3]).parent_path().filename(), "1.28.10");
  EXPECT_EQ(std::filesystem::path(candidates.back()).parent_path().filename(), "1.9.0");
}

TEST(Runtime, IsOpenedOnce) {
  NEEDS_RUNTIME(runtime);
  EXPECT_EQ(Runtime::open()->get(), &runtime);
  EXPECT_EQ(Runtime::open(runtime.path())->get(), &runtime);
  EXPECT_EQ(runtime.version().substr(0, 2), "1.");
}

TEST(Runtime, RefusesWhatIsNoModel) {
  NEEDS_RUNTIME(runtime);
  EXPECT_EQ(runtime.load({}).error().code, Code::invalid_input);
  EXPECT_EQ(runtime.load(base::as_bytes("this is no model")).error().code, Code::invalid_input);
  const auto model = write(doubling({2}));
  for (std::size_t size = 1; size < model.size(); ++size) {
    const auto session = runtime.load(base::BytesView(model).first(size));
    if (!session) {
      EXPECT_EQ(session.error().code, Code::invalid_input) << session.error().message;
    }
  }
}

TEST(Runtime, NamesAnOperatorItDoesNotKnow) {
  NEEDS_RUNTIME(runtime);
  auto graph = doubling({2});
  graph.nodes[0].op = "Frobnicate";
  const auto session = runtime.load(write(graph));
  ASSERT_FALSE(session);
  EXPECT_EQ(session.error().code, Code::invalid_input);
  EXPECT_NE(session.error().message.find("Frobnicate"), std::string::npos) << session.error().message;
}

TEST(Runtime, RefusesTextsAndImpossibleOptions) {
  NEEDS_RUNTIME(runtime);
  auto graph = doubling({2});
  graph.nodes[0] = {"", "Identity", "", {"x"}, {"y"}, {}};
  graph.inputs[0].type = graph.outputs[0].type = ElementType::text;
  const auto texts = runtime.load(write(graph));
  ASSERT_FALSE(texts);
  EXPECT_NE(texts.error().message.find("'x' holds texts"), std::string::npos) << texts.error().message;
  EXPECT_FALSE(runtime.load(write(doubling({2})), {.threads = 0}));
}

TEST(Session, RunsAndSaysWhatItTakes) {
  NEEDS_RUNTIME(runtime);
  const auto session = runtime.load(write(doubling({2, 3})));
  ASSERT_TRUE(session) << session.error().message;
  EXPECT_EQ((*session)->inputs(), (std::vector<ValueInfo>{{"x", ElementType::float32, {2, 3}}}));
  const auto values = numbers(6);
  const auto outputs = (*session)->run(std::array{view(values, {2, 3})});
  ASSERT_TRUE(outputs) << outputs.error().message;
  ASSERT_EQ(outputs->size(), 1U);
  EXPECT_EQ(outputs->at(0).shape, (Shape{2, 3}));
  for (std::size_t i = 0; i < 6; ++i) EXPECT_EQ(outputs->at(0).floats()[i], values[i] * 2);
}

TEST(Session, RunsWithSizesThatTheModelLeavesOpen) {
  NEEDS_RUNTIME(runtime);
  const auto session = runtime.load(write(doubling({-1, 3})));
  ASSERT_TRUE(session) << session.error().message;
  for (const std::int64_t rows : {1, 4, 0}) {
    const auto values = numbers(std::size_t(rows) * 3);
    const auto outputs = (*session)->run(std::array{view(values, {rows, 3})});
    ASSERT_TRUE(outputs) << outputs.error().message;
    EXPECT_EQ(outputs->at(0).shape, (Shape{rows, 3}));
    EXPECT_EQ(outputs->at(0).data.size(), std::size_t(rows) * 12);
  }
}

TEST(Session, CopesWithAModelThatStatesAWrongShape) {
  NEEDS_RUNTIME(runtime);
  auto graph = doubling({-1, 3});
  graph.outputs[0].shape = {7, 3};
  const auto session = runtime.load(write(graph));
  if (!session) GTEST_SKIP() << "the library refuses it: " << session.error().message;
  const auto values = numbers(6);
  for (int round = 0; round < 2; ++round) {
    const auto outputs = (*session)->run(std::array{view(values, {2, 3})});
    ASSERT_TRUE(outputs) << outputs.error().message;
    EXPECT_EQ(outputs->at(0).shape, (Shape{2, 3}));
  }
}

TEST(Session, RefusesInputsThatDoNotFit) {
  NEEDS_RUNTIME(runtime);
  const auto session = *runtime.load(write(doubling({-1, 3})));
  const auto values = numbers(6);
  const auto refused = [&](std::vector<TensorView> inputs) {
    const auto outputs = session->run(inputs);
    return outputs ? "accepted" : outputs.error().message;
  };
  EXPECT_EQ(refused({}), "the model takes 1 inputs, given 0");
  EXPECT_EQ(refused({view(values, {3, 2})}), "input 'x' takes [?,3], given [3,2]");
  EXPECT_EQ(refused({view(values, {6})}), "input 'x' takes [?,3], given [6]");
  EXPECT_EQ(refused({view(values, {-1, 3})}), "input 'x' takes [?,3], given [?,3]");
  EXPECT_EQ(refused({view(values, {3, 3})}), "input 'x' of [3,3] has 36 bytes, given 24");
  TensorView whole = view(values, {2, 3});
  whole.type = ElementType::int64;
  EXPECT_EQ(refused({whole}), "input 'x' takes float32, given int64");
}

TEST(Session, IsRunByManyThreadsAtOnce) {
  NEEDS_RUNTIME(runtime);
  const auto session = *runtime.load(write(product(64)));
  const auto values = numbers(64);
  const auto alone = session->run(std::array{view(values, {1, 64})});
  std::vector<std::thread> threads;
  std::atomic<int> right = 0;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (int round = 0; round < 50; ++round) {
        const auto outputs = session->run(std::array{view(values, {1, 64})});
        if (outputs && outputs->at(0).data == alone->at(0).data) ++right;
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(right, 200);
}

TEST(Session, LeavesNothingBehind) {
  NEEDS_RUNTIME(runtime);
  const auto model = write(product(256));
  const auto values = numbers(256);
  const auto once = [&] {
    const auto session = runtime.load(model);
    ASSERT_TRUE(session);
    ASSERT_TRUE((*session)->run(std::array{view(values, {1, 256})}));
  };
  for (int i = 0; i < 20; ++i) once();
  const std::size_t before = in_use();
  for (int i = 0; i < 120; ++i) once();
  // A session of this model holds 256 KiB of weights: one kept a round would be 30 MiB.
  EXPECT_LE(in_use(), before + (std::size_t{3} << 20));
}

}  // namespace
}  // namespace selvedge::infer
