// A twin as bytes: docs/spec/twin.md, "Bytes".

#include <algorithm>

#include "base/wire.h"
#include "engine/twin/json_text.h"
#include "engine/twin/place.h"
#include "engine/twin/twin.h"

namespace selvedge::engine {

using base::Code;
using base::Result;
using model::TwinPart;
using twin::Entries;

namespace {

constexpr std::uint8_t version = 1;
constexpr std::uint64_t most_entries = 1 << 20;

TwinLimits stored_limits() {
  TwinLimits limits;
  limits.depth = 1000;
  limits.name_bytes = UINT16_MAX;
  return limits;
}

struct Header {
  std::uint64_t revision = 0, newest = 0, count = 0;
};

std::unexpected<base::Error> corrupt(std::string_view why) {
  return base::fail(Code::corrupt, "read a twin: " + std::string(why));
}

class EntryReader {
 public:
  EntryReader(base::BytesView bytes) : in_(bytes), bytes_(bytes.size()) {}

  Result<Header> header() {
    if (in_.u8() != version) return corrupt("an unknown version");
    header_ = {in_.varint(), in_.varint(), in_.varint()};
    if (!in_.ok() || header_.count > most_entries || header_.count > in_.remaining() / 8)
      return corrupt("it is cut short");
    return header_;
  }

  // The view lives until the next call.
  Result<Entries::View> next() {
    Entries::View entry;
    const std::uint8_t flags = in_.u8();
    const std::uint64_t shared = in_.varint();
    const std::string_view rest = in_.text();
    const std::uint64_t age = in_.varint();
    entry.stamp.origin = in_.u32();
    const std::uint64_t behind = in_.varint();
    entry.value = in_.text();
    if (!in_.ok() || flags > 7 || shared > path_.size() || age > header_.newest ||
        behind > header_.revision || header_.revision >> 56 != 0 || header_.newest >> 63 != 0)
      return corrupt("an entry is damaged");
    path_.resize(static_cast<std::size_t>(shared));
    path_ += rest;
    entry.key = {static_cast<TwinPart>(flags & 3), path_};
    entry.joined = (flags & 4) != 0;
    entry.stamp.time = header_.newest - age;
    entry.changed = header_.revision - behind;
    const bool sound = path_.size() <= UINT16_MAX && entry.value.size() <= UINT16_MAX &&
                       twin::is_path(entry.key.part, path_, limits_) && good_value(entry);
    if (!sound) return corrupt("an entry makes no sense");
    return entry;
  }

  bool at_end() const { return in_.at_end(); }
  std::size_t bytes() const { return bytes_; }

 private:
  static bool good_value(const Entries::View& entry) {
    if (entry.value.empty()) return true;
    if (twin::is_mark(entry.key.path)) return entry.value == "{}";
    return entry.value[0] != '{' && !twin::Place::of(entry.key).must_be_object() &&
           twin::is_canonical_json(entry.value);
  }

  base::Reader in_;
  std::size_t bytes_;
  Header header_;
  std::string path_;
  TwinLimits limits_ = stored_limits();
};

}  // namespace

void Twin::encode(std::uint64_t after, base::Bytes& out) const {
  base::Writer writer(out);
  std::uint64_t count = 0;
  for (std::size_t i = 0; i < entries_.size(); ++i) count += entries_.at(i).changed > after;
  writer.u8(version);
  writer.varint(revision());
  writer.varint(entries_.newest());
  writer.varint(count);
  std::string_view before;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    const Entries::View entry = entries_.at(i);
    if (entry.changed <= after) continue;
    const std::string_view path = entry.key.path;
    const auto shared = static_cast<std::size_t>(
        std::mismatch(path.begin(), path.end(), before.begin(), before.end()).first - path.begin());
    writer.u8(static_cast<std::uint8_t>(static_cast<unsigned>(entry.key.part) | (entry.joined ? 4u : 0u)));
    writer.varint(shared);
    writer.text(path.substr(shared));
    writer.varint(entries_.newest() - entry.stamp.time);
    writer.u32(entry.stamp.origin);
    writer.varint(revision() - entry.changed);
    writer.text(entry.value);
    before = path;
  }
}

void Twin::save(base::Bytes& out) const {
  // Entries that a load_changes() of a first revision brought have changed after 0, all others too.
  encode(0, out);
}

void Twin::save_changes(std::uint64_t after, base::Bytes& out) const { encode(after, out); }

Result<Twin> Twin::load(base::BytesView bytes) {
  EntryReader reader(bytes);
  const Header header = TRY(reader.header());
  Twin made;
  made.entries_.reserve(static_cast<std::size_t>(header.count), reader.bytes() * 3 / 2);
  std::vector<std::size_t> above;        // entries above the one that is read, the nearest last
  for (std::uint64_t i = 0; i < header.count; ++i) {
    const Entries::View entry = TRY(reader.next());
    if (entry.changed == 0) return corrupt("an entry makes no sense");
    Entries& entries = made.entries_;
    if (entries.size() > 0 && twin::compare(entries.at(entries.size() - 1).key, entry.key) >= 0)
      return corrupt("entries out of order");
    while (!above.empty()) {
      const Entries::View near = entries.at(above.back());
      if (near.key.part == entry.key.part && twin::is_beneath(entry.key.path, near.key.path)) {
        // Those further above are not newer than the nearest.
        if (near.stamp > entry.stamp || !near.value.empty())
          return corrupt("an entry contradicts one above it");
        break;
      }
      above.pop_back();
    }
    above.push_back(entries.size());
    entries.append(entry);
  }
  if (!reader.at_end()) return corrupt("there is something behind it");
  made.entries_.fit();
  made.entries_.set_newest(header.newest);
  made.entries_.set_revision(header.revision);
  return made;
}

Result<void> Twin::load_changes(base::BytesView bytes) {
  if (entries_.size() == 0 && entries_.revision() == 0)
    if (auto first = load(bytes)) {      // what a twin began with
      *this = std::move(*first);
      return {};
    }
  EntryReader reader(bytes);
  const Header header = TRY(reader.header());
  for (std::uint64_t i = 0; i < header.count; ++i) entries_.put(TRY(reader.next()));
  if (!reader.at_end()) return corrupt("there is something behind it");
  entries_.set_newest(header.newest);
  entries_.set_revision(std::max(entries_.revision(), header.revision));
  return {};
}

}  // namespace selvedge::engine
