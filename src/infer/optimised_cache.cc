#include "infer/optimised_cache.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <vector>

#include "base/text.h"
#include "crypto/hasher.h"

namespace selvedge::infer {

namespace filesystem = std::filesystem;
using base::Bytes;

namespace {

constexpr const char* ending = ".optimised";
constexpr const char* beginning = ".making-";
constexpr std::size_t most_files = 32;
constexpr std::uint64_t most_bytes = std::uint64_t{512} << 20;
constexpr std::chrono::hours oldest_unfinished{1};
// After the content: its SHA-256, then this.
constexpr std::string_view mark = "SLVOPT01";
constexpr std::size_t trailer = sizeof(crypto::Digest) + mark.size();

// Names the processor as its kernel does: the features that decide which kernels are chosen.
std::string processor() {
  std::ifstream in("/proc/cpuinfo");
  std::string line, found;
  while (std::getline(in, line) && !line.empty())
    if (line.starts_with("model name") || line.starts_with("flags") || line.starts_with("Features") ||
        line.starts_with("CPU part"))
      found += line + "\n";
  return found;
}

// Nothing, if there is less or more.
Bytes content_of(const std::string& path) {
  std::error_code failed;
  const auto size = filesystem::file_size(path, failed);
  if (failed || size <= trailer || size > most_bytes) return {};
  Bytes bytes(size);
  std::ifstream in(path, std::ios::binary);
  if (!in.read(reinterpret_cast<char*>(bytes.data()), std::streamsize(size))) return {};
  return bytes;
}

}  // namespace

std::string OptimisedCache::key(base::BytesView model, const std::string& form) {
  static const std::string machine = processor();
  crypto::Hasher hasher;
  hasher.add(model);
  hasher.add(base::as_bytes("\n" + form + "\n" + machine));
  return base::to_hex(hasher.finish());
}

std::string OptimisedCache::path_of(const std::string& key) const { return folder_ + "/" + key + ending; }

std::shared_ptr<const Bytes> OptimisedCache::find(const std::string& key) const {
  const std::string path = path_of(key);
  Bytes bytes = content_of(path);
  if (bytes.size() <= trailer) return nullptr;
  const base::BytesView content = base::BytesView(bytes).first(bytes.size() - trailer);
  const base::BytesView end = base::BytesView(bytes).last(trailer);
  const crypto::Digest digest = crypto::sha256(content);
  if (base::as_text(end.last(mark.size())) != mark || !std::ranges::equal(end.first(digest.size()), digest)) return nullptr;
  bytes.resize(bytes.size() - trailer);
  std::error_code ignored;                         // its age then stays what it was
  filesystem::last_write_time(path, filesystem::file_time_type::clock::now(), ignored);
  return std::make_shared<const Bytes>(std::move(bytes));
}

void OptimisedCache::remove(const std::string& key) const { discard(path_of(key)); }

std::string OptimisedCache::place_to_write() const {
  static std::atomic<unsigned> count = 0;
  std::error_code failed;
  filesystem::create_directories(folder_, failed);
  if (failed || access(folder_.c_str(), W_OK) != 0) return "";
  return folder_ + "/" + beginning + std::to_string(getpid()) + "-" + std::to_string(count++);
}

void OptimisedCache::keep(const std::string& written, const std::string& key) const {
  std::error_code failed;
  const auto size = filesystem::file_size(written, failed);
  Bytes bytes(failed || size > most_bytes ? 0 : size);
  std::ifstream in(written, std::ios::binary);
  if (bytes.empty() || !in.read(reinterpret_cast<char*>(bytes.data()), std::streamsize(size))) return discard(written);
  std::ofstream out(written, std::ios::binary | std::ios::app);
  const crypto::Digest digest = crypto::sha256(bytes);
  out.write(reinterpret_cast<const char*>(digest.data()), std::streamsize(digest.size()));
  out.write(mark.data(), std::streamsize(mark.size()));
  out.close();
  if (!out) return discard(written);
  filesystem::rename(written, path_of(key), failed);
  if (failed) return discard(written);
  prune();
}

void OptimisedCache::discard(const std::string& written) {
  std::error_code ignored;
  filesystem::remove(written, ignored);
}

void OptimisedCache::prune() const {
  struct File {
    filesystem::path path;
    filesystem::file_time_type used;
    std::uint64_t size;
  };
  std::vector<File> files;
  std::error_code failed;
  const auto now = filesystem::file_time_type::clock::now();
  for (filesystem::directory_iterator at(folder_, failed), end; !failed && at != end; at.increment(failed)) {
    std::error_code gone;                          // by another process, meanwhile
    const File file{at->path(), filesystem::last_write_time(at->path(), gone), filesystem::file_size(at->path(), gone)};
    if (gone) continue;
    const std::string name = file.path.filename();
    if (name.starts_with(beginning) && now - file.used > oldest_unfinished) discard(file.path);
    if (name.ends_with(ending)) files.push_back(file);
  }
  std::ranges::sort(files, [](const File& a, const File& b) { return a.used > b.used; });
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < files.size(); ++i) {
    total += files[i].size;
    if (i > 0 && (i >= most_files || total > most_bytes)) discard(files[i].path);
  }
}

}  // namespace selvedge::infer
