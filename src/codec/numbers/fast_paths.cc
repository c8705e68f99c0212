#include "codec/numbers/fast_paths.h"

#include <atomic>

#include "codec/numbers/fast.h"

namespace selvedge::codec {

namespace {

constexpr const FastPath* built[] = {
#if defined(__x86_64__)
    &fast_path_avx512,
    &fast_path_avx2,
#elif defined(__aarch64__)
    &fast_path_neon,
#endif
    &fast_path_baseline,
};

std::atomic<const FastPath*> chosen = nullptr;

const FastPath& widest() {
  for (const FastPath* path : built)
    if (path->is_here()) return *path;
  return fast_path_baseline;
}

}  // namespace

std::span<const FastPath* const> fast_paths() {
  return built;
}

const FastPath& current_fast_path() {
  const FastPath* path = chosen.load(std::memory_order_relaxed);
  if (path == nullptr) {
    path = &widest();  // every thread that comes here finds the same
    chosen.store(path, std::memory_order_relaxed);
  }
  return *path;
}

bool force_fast_path(std::string_view name) {
  for (const FastPath* path : built)
    if (path->name == name && path->is_here()) {
      chosen.store(path, std::memory_order_relaxed);
      return true;
    }
  if (name.empty()) chosen.store(&widest(), std::memory_order_relaxed);
  return name.empty();
}

const char* fast_path() {
  return current_fast_path().name.data();
}

}  // namespace selvedge::codec
