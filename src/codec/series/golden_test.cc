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

fs::path golden_folder() {
  return fs::path(__FILE__).parent_path() / "../../../tests/golden/block";
}

TEST(Frame, StillReadsTheBlocksOfEarlierVersions) {
  const char* mode = std::getenv("SELVEDGE_GOLDEN");
  for (const auto& [name, expected] : sample_columns()) {
    SCOPED_TRACE(name);
    const fs::path file = golden_folder() / (name + ".bin");
    if (mode != nullptr && std::string_view(mode) == "write" && !fs::exists(file)) {
      base::Bytes frame;
      ASSERT_TRUE(encode_frame(expected, frame));
      std::ofstream(file, std::ios::binary).write(reinterpret_cast<const char*>(frame.data()),
                                                  static_cast<std::streamsize>(frame.size()));
    }
    std::ifstream in(file, std::ios::binary);
    ASSERT_TRUE(in) << file;
    const std::string bytes{std::istreambuf_iterator<char>(in), {}};
    Columns columns;
    const auto summary = decode_frame(base::as_bytes(bytes), columns);
    ASSERT_TRUE(summary) << summary.error().message;
    ASSERT_EQ(columns.times, expected.times);
    for (std::size_t i = 0; i < columns.size(); ++i) ASSERT_TRUE(columns.at(i) == expected.at(i));
  }
}

}  // namespace
}  // namespace selvedge::codec
