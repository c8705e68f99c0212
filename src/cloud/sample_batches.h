// Batches as a node would send them, for the tests of the block store.

#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <stdlib.h>

#include "cloud/block_store.h"
#include "codec/series/frame.h"
#include "codec/uplink/uplink.h"

namespace selvedge::cloud {

inline constexpr std::int64_t second = 1'000'000'000;
inline constexpr base::Time day_one{1'772'366'400 * second};

// `count` readings of one second each, from `from` seconds after day_one; their values count up.
inline base::Bytes sample_frame(std::int64_t from, std::size_t count,
                                model::Kind kind = model::Kind::float64) {
  codec::Columns columns;
  columns.kind = kind;
  for (std::size_t i = 0; i < count; ++i) {
    const std::int64_t n = from + static_cast<std::int64_t>(i);
    columns.push({day_one.ns + n * second}, kind == model::Kind::int64
                                                ? model::ValueView::of(n)
                                                : model::ValueView::of(static_cast<double>(n)));
  }
  base::Bytes frame;
  CHECK(codec::encode_frame(columns, frame).has_value());
  return frame;
}

class SampleBatch {
 public:
  explicit SampleBatch(std::uint64_t epoch) {
    batch_.epoch = model::Epoch{epoch};
    batch_.sent_at = day_one;
  }
  SampleBatch& series(std::uint32_t id, std::string name,
                      model::Kind kind = model::Kind::float64) {
    batch_.series.push_back(
        {.id = model::SeriesId{id}, .kind = kind, .name = std::move(name), .device = "d1"});
    return *this;
  }
  SampleBatch& block(std::uint64_t seq, std::uint32_t series, base::Bytes frame) {
    frames_.push_back(std::move(frame));
    batch_.blocks.push_back({.seq = model::BlockSeq{seq},
                             .series = model::SeriesId{series},
                             .sealed_at = day_one,
                             .frame = {}});
    return *this;
  }
  Incoming from(std::string node) const {
    codec::uplink::Batch whole = batch_;
    for (std::size_t i = 0; i < frames_.size(); ++i) whole.blocks[i].frame = frames_[i];
    Incoming incoming{.node = std::move(node), .payload = {}, .arrived = day_one};
    codec::uplink::encode(whole, incoming.payload);
    return incoming;
  }

 private:
  codec::uplink::Batch batch_;
  std::vector<base::Bytes> frames_;
};

// A folder of its own that goes with the test; in `parent`, or where temporary files go.
class TemporaryFolder {
 public:
  explicit TemporaryFolder(std::string_view parent = "") {
    const std::filesystem::path place =
        parent.empty() ? std::filesystem::temp_directory_path() : std::filesystem::path(parent);
    std::string pattern = (place / "selvedge-XXXXXX").string();
    CHECK(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::string& path() const { return path_; }
  std::string file(std::string_view name) const { return path_ + "/" + std::string(name); }

 private:
  std::string path_;
};

}  // namespace selvedge::cloud
