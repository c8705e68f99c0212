// The state of many series as bytes, in parts of about 256 KiB. Each part: u8 version 1, u8 flags (1: the first,
// 2: the last), then records, each with its length in front: u8 kind (1: an output that is pending, 2: a series) and
// what belongs to that kind.

#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/wire.h"

namespace selvedge::engine {

enum class SavedKind : std::uint8_t { output = 1, series = 2 };

class PartsWriter {
 public:
  PartsWriter();

  template <typename Write>
  void add(SavedKind kind, const Write& write) {
    record_.clear();
    base::Writer out(record_);
    out.u8(static_cast<std::uint8_t>(kind));
    write(out);
    add_record();
  }
  // Also of nothing a part: it replaces what was saved before.
  std::vector<base::Bytes> finish() &&;

 private:
  void add_record();

  std::vector<base::Bytes> parts_;
  base::Bytes record_;                 // reused
};

class PartsReader {
 public:
  // The parts in order, as they were saved. True if this was the last one: read() may follow. Parts whose beginning
  // is gone are left out; a later state is whole.
  base::Result<bool> add(base::BytesView part);
  // All records in order; the parts are forgotten. Code::corrupt if they are damaged, or `take` says that one is.
  base::Result<void> read(const std::function<bool(SavedKind, base::Reader&)>& take);

 private:
  std::vector<base::Bytes> parts_;
};

}  // namespace selvedge::engine
