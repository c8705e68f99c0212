#include "engine/derive/saved_parts.h"

#include <utility>

namespace selvedge::engine {
namespace {

constexpr std::uint8_t version = 1, is_first = 1, is_last = 2;
constexpr std::size_t part_bytes = 256 << 10, most_parts = 4096;

std::unexpected<base::Error> damaged() {
  return base::fail(base::Code::corrupt, "the saved state is damaged");
}

}  // namespace

PartsWriter::PartsWriter() { parts_.push_back({version, is_first}); }

void PartsWriter::add_record() {
  if (parts_.back().size() + record_.size() > part_bytes) parts_.push_back({version, 0});
  base::Writer(parts_.back()).bytes(record_);
}

std::vector<base::Bytes> PartsWriter::finish() && {
  parts_.back()[1] = static_cast<std::uint8_t>(parts_.back()[1] | is_last);
  return std::move(parts_);
}

base::Result<bool> PartsReader::add(base::BytesView part) {
  if (part.size() < 2 || part[0] != version) return damaged();
  if (part[1] & is_first) parts_.clear();
  else if (parts_.empty()) return false;
  if (parts_.size() >= most_parts) return damaged();
  parts_.emplace_back(part.begin(), part.end());
  return (part[1] & is_last) != 0;
}

base::Result<void> PartsReader::read(const std::function<bool(SavedKind, base::Reader&)>& take) {
  const std::vector<base::Bytes> parts = std::exchange(parts_, {});
  for (const base::Bytes& part : parts) {
    base::Reader in(base::BytesView(part).subspan(2));
    while (in.ok() && !in.at_end()) {
      base::Reader record(in.bytes());
      const auto kind = static_cast<SavedKind>(record.u8());
      if (kind != SavedKind::output && kind != SavedKind::series) return damaged();
      if (!take(kind, record)) return damaged();
    }
    if (!in.ok()) return damaged();
  }
  return {};
}

}  // namespace selvedge::engine
