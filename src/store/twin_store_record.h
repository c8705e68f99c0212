// What the twin store writes: docs/spec/twin.md, "Log". Private to the twin store.

#pragma once

#include <cstdint>
#include <string_view>

#include "base/bytes.h"
#include "base/wire.h"

namespace selvedge::store {

enum class TwinRecordKind : std::uint8_t {
  image = 1,         // id, acknowledged revision, the whole twin
  changes = 2,       // id, the entries of one change
  gone = 3,          // id: nothing is remembered of it any more
  acknowledged = 4,  // id, revision
};

// The part before the twin's own bytes.
inline void put_twin_head(base::Bytes& out, std::string_view id) { base::Writer(out).text(id); }
inline void put_twin_head(base::Bytes& out, std::string_view id, std::uint64_t revision) {
  base::Writer writer(out);
  writer.text(id);
  writer.varint(revision);
}

struct TwinLogRecord {
  std::string_view id;
  std::uint64_t revision = 0;
  base::BytesView twin;
};

// False if it makes no sense.
inline bool take_twin_record(std::uint8_t kind, base::BytesView bytes, TwinLogRecord& record) {
  base::Reader reader(bytes);
  record.id = reader.text();
  const auto of = static_cast<TwinRecordKind>(kind);
  if (of == TwinRecordKind::image || of == TwinRecordKind::acknowledged) record.revision = reader.varint();
  const bool has_twin = of == TwinRecordKind::image || of == TwinRecordKind::changes;
  if (has_twin) record.twin = reader.rest();
  return reader.ok() && reader.at_end() && kind >= 1 && kind <= 4 && !record.id.empty() &&
         record.id.size() <= 256;
}

}  // namespace selvedge::store
