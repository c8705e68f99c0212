// From an artifact that is whole and verified to files in the folder of a task.

#include <algorithm>
#include <optional>

#include "base/text.h"
#include "codec/package/archive.h"
#include "codec/package/tar.h"
#include "node/task_files.h"

namespace selvedge::node {

using base::Bytes;
using base::BytesView;
using base::Code;
using base::fail;
using base::Result;

namespace {

constexpr std::size_t magic_at = 257, most_members = 10'000;

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

Result<void> unpack_archive(Place& place, store::ArtifactReader& reader, Bytes bytes, std::uint64_t most) {
  if (reader.plain_size() > most_archive)
    return fail(Code::exhausted, "an archive may have " + base::size_text(most_archive) + ", it has " + base::size_text(reader.plain_size()));
  Bytes chunk;
  for (std::uint64_t i = 1; i < reader.chunks(); ++i) {
    chunk.clear();
    TRY(reader.read(i, chunk));
    base::append(bytes, chunk);
  }
  codec::ArchiveLimits limits;
  limits.unpacked = static_cast<std::size_t>(std::min(most, most_archive));
  limits.members = most_members;
  const auto members = codec::looks_packed(bytes) ? codec::read_archive(bytes, limits) : codec::read_tar(bytes, most_members);
  // The bytes are as they were signed: fetching them anew would not help.
  if (!members && members.error().code == Code::corrupt) return fail(Code::invalid_input, members.error().message);
  if (!members) return std::unexpected(members.error());
  for (const codec::ArchiveMember& member : *members) {
    const auto file = TRY(place.make(member.name));
    TRY(append(place, *file, member.data));
  }
  return {};
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
  if (codec::looks_packed(chunk) || looks_like_tar(chunk)) return unpack_archive(into, reader, std::move(chunk), most);
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
