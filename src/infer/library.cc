#include "infer/library.h"

#include <dlfcn.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "base/text.h"

namespace selvedge::infer {

using base::Code;
using base::fail;
using base::Result;
namespace filesystem = std::filesystem;

namespace {

// What OrtGetApiBase() gives.
struct ApiBase {
  const void* (*table)(std::uint32_t version);
  const char* (*version)();
};

constexpr const char* file_name = "libonnxruntime.so";

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// 1.9.0 before 1.28.2.
std::vector<std::int64_t> version_key(const std::string& text) {
  std::vector<std::int64_t> numbers;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t dot = std::min(text.find('.', at), text.size());
    numbers.push_back(base::parse_int(text.substr(at, dot - at)).value_or(-1));
    at = dot + 1;
  }
  return numbers;
}

// Newest first.
void add_cached(const filesystem::path& folder, std::vector<std::string>& into) {
  std::error_code none;
  std::vector<filesystem::path> versions;
  for (filesystem::directory_iterator at(folder, none), end; !none && at != end; at.increment(none))
    if (filesystem::exists(at->path() / file_name, none)) versions.push_back(at->path());
  std::ranges::sort(versions, [](const auto& a, const auto& b) {
    return version_key(a.filename()) > version_key(b.filename());
  });
  for (const auto& version : versions) into.push_back(version / file_name);
  if (versions.empty()) into.push_back(folder / "*" / file_name);
}

std::string loader_message() {
  const char* text = dlerror();
  return text == nullptr ? "no reason given" : base::printable(text, 300);
}

}  // namespace

std::vector<std::string> library_candidates() {
  std::vector<std::string> all;
  std::error_code none;
  const filesystem::path program = filesystem::read_symlink("/proc/self/exe", none);
  if (!none) {
    const filesystem::path root = program.parent_path().parent_path();
    all.push_back(root / "lib" / "selvedge" / file_name);
  }
  all.push_back(file_name);
  all.push_back(std::string(file_name) + ".1");
  const std::string cache = environment("XDG_CACHE_HOME"), home = environment("HOME");
  if (!cache.empty()) add_cached(filesystem::path(cache) / "selvedge" / "onnxruntime", all);
  else if (!home.empty()) add_cached(filesystem::path(home) / ".cache" / "selvedge" / "onnxruntime", all);
  return all;
}

Result<Library> open_library(const std::string& path) {
  void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) return fail(Code::unavailable, "open " + path + ": " + loader_message());
  const auto refuse = [&](const std::string& why) {
    dlclose(handle);
    return fail(Code::unavailable, "open " + path + ": " + why);
  };
  void* entry = dlsym(handle, "OrtGetApiBase");
  if (entry == nullptr) return refuse("not an ONNX Runtime: it has no OrtGetApiBase");
  const auto* start = reinterpret_cast<const ApiBase* (*)()>(entry)();
  if (start == nullptr) return refuse("OrtGetApiBase gave nothing");
  const std::string version = base::printable(start->version(), 40);
  const void* table = start->table(OrtApi::version);
  if (table == nullptr)
    return refuse("ONNX Runtime " + version + " has no functions of version " +
                  std::to_string(OrtApi::version) + "; it must be 1." + std::to_string(OrtApi::version) +
                  " or later");
  Library library;
  library.api = OrtApi::from(table);
  library.version = version;
  Dl_info where;
  library.path = dladdr(entry, &where) != 0 && where.dli_fname != nullptr ? where.dli_fname : path;
  const std::string step = "start ONNX Runtime " + version;
  // Its failures come back as statuses; what it would print says them a second time.
  TRY(library.api.check(library.api.create_env(OrtApi::log_fatal, "selvedge", &library.environment), step,
                        Code::unavailable));
  TRY(library.api.check(library.api.disable_telemetry(library.environment), step, Code::unavailable));
  TRY(library.api.check(library.api.allocator(&library.allocator), step, Code::unavailable));
  return library;
}

}  // namespace selvedge::infer
