// The path for every processor; and which one to take.

#include "codec/numbers/token_path.h"
#include "codec/numbers/token_run.h"

namespace selvedge::codec::tokens {

const Paths baseline_paths = {decode_any, read_raw_any, weigh_any};

const Paths* paths_of(Processor wanted) {
  if (wanted > processor()) return nullptr;
#ifdef __x86_64__
  if (wanted == Processor::avx512) return &avx512_paths;
  if (wanted == Processor::avx2) return &avx2_paths;
#endif
  return &baseline_paths;
}

namespace {
const Paths* forced = nullptr;
}  // namespace

void force_paths(const Paths* paths) { forced = paths; }

const Paths& current_paths() {
  static const Paths* const widest = paths_of(processor());
  return forced != nullptr ? *forced : *widest;
}

}  // namespace selvedge::codec::tokens
