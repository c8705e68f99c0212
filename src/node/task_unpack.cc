// From an artifact that is whole and verified to files in the folder of a task.

#include <algorithm>
#include <functional>
#include <set>

#include "base/text.h"
#include "codec/package/tar_stream.h"
#include "codec/package/unpack.h"
#include "node/task_files.h"

namespace selvedge::node {

using base::Bytes;
using base::BytesView;
using base::Code;
using base::fail;
using base::Result;

namespace {

constexpr std::size_t magic_at = 257, most_members = 10'000, most_part = 255;

bool looks_like_tar(BytesView head) {
  return head.size() >= 512 && base::as_text(head.subspan(magic_at, 5)) == "ustar";
}

// A file in a folder, with the folders between. Every part of the name is one component: Dir refuses others.
class Place {
 public:
  Place(std::unique_ptr<os::Dir> dir, std::uint64_t most, std::uint64_t& used) : dir_(std::move(dir)), most_(most), used_(used) {}

  Result<std::unique_ptr<os::File>> make(std::string_view name) {
    os::Dir* at = dir_.get();
    std::unique_ptr<os::Dir> below;
    for (std::size_t slash = name.find('/'); slash != name.npos; slash = name.find('/')) {
      below = TRY(at->public_subdir(name.substr(0, slash)));
      at = below.get();
      name.remove_prefix(slash + 1);
    }
    return at->open(name, os::Open::create_program);
  }
  Result<void> take(std::uint64_t bytes) {
    if (bytes > most_ - std::min(most_, used_))
      return fail(Code::exhausted, "its artifacts have more than " + base::size_text(most_) + " when unpacked");
    used_ += bytes;
    return {};
  }

 private:
  std::unique_ptr<os::Dir> dir_;
  std::uint64_t most_;
  std::uint64_t& used_;
};

Result<void> append(Place& place, os::File& file, BytesView bytes) {
  TRY(place.take(bytes.size()));
  return file.append(bytes);
}

// Every part of it is one component without surprises.
Result<std::string> clean(std::string_view name) {
  const std::string shown = "member '" + base::printable(name, 200) + "'";
  while (name.starts_with("./")) name.remove_prefix(2);
  if (name.empty()) return fail(Code::invalid_input, shown + " has no name");
  if (std::ranges::any_of(name, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == '\\' || c == 0x7f; }))
    return fail(Code::invalid_input, shown + " has a control character or backslash in its name");
  for (std::size_t at = 0; at <= name.size();) {
    const std::size_t slash = std::min(name.find('/', at), name.size());
    const std::string_view part = name.substr(at, slash - at);
    if (part.empty() || part == "." || part == ".." || part.size() > most_part)
      return fail(Code::invalid_input, shown + " has a name that is no clean relative path");
    at = slash + 1;
  }
  return std::string(name);
}

// The files of an archive, as they come.
class Members final : public codec::TarSink {
 public:
  explicit Members(Place& place) : place_(place) {}

 private:
  using Kind = codec::TarEntry::Kind;
  Result<void> entry(const codec::TarEntry& entry) override {
    if (entry.kind == Kind::folder) return {};
    if (entry.kind != Kind::file)
      return fail(Code::invalid_input, "member '" + base::printable(entry.name, 200) + "' is " + std::string(codec::name_of(entry.kind)));
    std::string name = TRY(clean(entry.name));
    const auto [at, is_new] = seen_.insert(std::move(name));
    if (!is_new) return fail(Code::invalid_input, "member '" + *at + "' is there twice");
    file_ = TRY(place_.make(*at));
    return {};
  }
  Result<void> content(BytesView bytes) override { return append(place_, *file_, bytes); }
  Result<void> end_entry() override {
    file_.reset();
    return {};
  }

  Place& place_;
  std::unique_ptr<os::File> file_;
  std::set<std::string, std::less<>> seen_;
};

Result<void> unpack_archive(Place& place, store::ArtifactReader& reader, const Bytes& first) {
  Members members(place);
  codec::TarStream tar(members, {.entries = most_members});
  codec::Unpack unpack(codec::packed_as(first), [&tar](BytesView plain) { return tar.feed(plain); });
  // The bytes are as they were signed: fetching them anew would not help.
  const auto as_signed = [](const Result<void>& done) -> Result<void> {
    if (!done && done.error().code == Code::corrupt) return fail(Code::invalid_input, done.error().message);
    return done;
  };
  TRY(as_signed(unpack.feed(first)));
  Bytes chunk;
  for (std::uint64_t i = 1; i < reader.chunks(); ++i) {
    chunk.clear();
    TRY(reader.read(i, chunk));
    TRY(as_signed(unpack.feed(chunk)));
  }
  TRY(as_signed(unpack.end()));
  return as_signed(tar.end());
}

}  // namespace

Result<void> unpack_artifact(os::World& world, const std::string& place, std::string_view path, store::ArtifactReader& reader,
                             std::uint64_t most, std::uint64_t& used) {
  TRY(world.directory(place, true));
  std::unique_ptr<os::Dir> top = TRY(world.directory(place, false));
  for (std::size_t at = 0; at < path.size();) {
    const std::size_t slash = std::min(path.find('/', at), path.size());
    top = TRY(top->public_subdir(path.substr(at, slash - at)));
    at = slash + 1;
  }
  Place into(std::move(top), most, used);
  Bytes chunk;
  if (reader.chunks() > 0) TRY(reader.read(0, chunk));
  if (codec::packed_as(chunk) == codec::Packed::zstd || looks_like_tar(chunk)) return unpack_archive(into, reader, chunk);
  const auto file = TRY(into.make(reader.manifest().name));
  TRY(append(into, *file, chunk));
  for (std::uint64_t i = 1; i < reader.chunks(); ++i) {
    chunk.clear();
    TRY(reader.read(i, chunk));
    TRY(append(into, *file, chunk));
  }
  return {};
}

}  // namespace selvedge::node
