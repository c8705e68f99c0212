// Blocks written by earlier versions stay readable for ever: tests/golden/block holds one frame of
// each shape in sample_columns.h. A new codec adds files beside them and changes none.
// SELVEDGE_GOLDEN=write makes those that are missing.

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "codec/series/sample_columns.h"

namespace selvedge::codec {
namespace {

namespace fs = std::filesystem;

// The file of a shape, made now if it is missing and SELVEDGE_GOLDEN asks for that.
fs::path golden_file(const SampleColumns& sample, const std::string& suffix, const EncodeOptions& options) {
  const char* mode = std::getenv("SELVEDGE_GOLDEN");
  const fs::path file = fs::path(SELVEDGE_GOLDEN_BLOCKS) / (sample.name + suffix + ".bin");
  if (mode == nullptr || std::string_view(mode) != "write" || fs::exists(file)) return file;
  base::Bytes frame;
  EXPECT_TRUE(encode_frame(sample.columns, frame, options));
  std::ofstream(file, std::ios::binary).write(reinterpret_cast<const char*>(frame.data()),
                                              static_cast<std::streamsize>(frame.size()));
  return file;
}

TEST(Frame, StillReadsTheBlocksOfEarlierVersions) {
  struct Generation {
    std::string suffix;                // the first had none
    EncodeOptions options;
  };
  const Generation generations[] = {{"", {}}, {".dense", {}}, {".fast", {.effort = Effort::fast, .bound = {}}}};
  for (const SampleColumns& sample : sample_columns()) {
    for (const auto& [suffix, options] : generations) {
      SCOPED_TRACE(sample.name + suffix);
      const fs::path file = golden_file(sample, suffix, options);
      std::ifstream in(file, std::ios::binary);
      ASSERT_TRUE(in) << file;
      const std::string bytes{std::istreambuf_iterator<char>(in), {}};
      Columns columns;
      const auto summary = decode_frame(base::as_bytes(bytes), columns);
      ASSERT_TRUE(summary) << summary.error().message;
      ASSERT_EQ(columns.times, sample.columns.times);
      for (std::size_t i = 0; i < columns.size(); ++i) ASSERT_TRUE(columns.at(i) == sample.columns.at(i));
    }
  }
}

}  // namespace
}  // namespace selvedge::codec
