#include "store/series_table.h"

#include "base/text.h"
#include "base/wire.h"

namespace selvedge::store {
namespace {

using base::Code;

constexpr std::uint8_t kind_definition = 1;
constexpr std::size_t max_name_bytes = 512, max_device_bytes = 512;
constexpr std::uint32_t max_id = 1U << 24;  // bounds what a damaged record can ask for

bool is_name(std::string_view name) {
  if (name.empty() || name.size() > max_name_bytes || !base::is_utf8(name)) return false;
  return std::none_of(name.begin(), name.end(),
                      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

}  // namespace

base::Result<std::unique_ptr<SeriesTable>> SeriesTable::open(std::unique_ptr<os::Dir> dir,
                                                             os::Loop& loop, std::uint32_t lane,
                                                             std::uint32_t limit,
                                                             std::uint64_t keep_free_bytes) {
  auto table = std::unique_ptr<SeriesTable>(new SeriesTable);
  table->limit_ = limit;
  LogLimits limits;
  limits.total_bytes = 512ULL << 20;
  limits.segment_bytes = 1 << 20;
  limits.record_bytes = 4096;
  limits.keep_free_bytes = keep_free_bytes;
  table->log_ = TRY(SegmentLog::open(std::move(dir), loop, lane, limits, [&](const Record& record) {
    return table->replay(record);
  }));
  return table;
}

base::Result<void> SeriesTable::replay(const Record& record) {
  if (record.kind != kind_definition) return {};  // of a later version
  base::Reader in(record.payload);
  const std::uint64_t id = in.varint();
  const std::uint8_t kind = in.u8();
  const std::string_view name = in.text();
  const std::string_view device = in.text();
  if (!in.ok() || id == 0 || id > max_id || kind > 3 || !is_name(name))
    return base::fail(Code::corrupt, "read the series table: a damaged definition");
  if (by_name_.contains(name)) return {};
  place({static_cast<model::SeriesId>(id), static_cast<model::Kind>(kind), std::string(name),
         std::string(device)});
  return {};
}

void SeriesTable::place(model::SeriesDef def) {
  const auto id = static_cast<std::uint32_t>(def.id);
  keep_taken(id);
  definitions_[id] = std::move(def);
  by_name_.emplace(definitions_[id].name, id);
}

void SeriesTable::keep_taken(std::uint32_t id) {
  if (id <= max_id && id >= definitions_.size()) definitions_.resize(id + 1);
}

base::Result<model::SeriesId> SeriesTable::find_or_make(std::string_view name, model::Kind kind,
                                                        std::string_view device) {
  if (const model::SeriesDef* const known = find(name)) {
    if (known->kind == kind) return known->id;
    return base::fail(Code::conflict, "series " + std::string(name) + " holds " +
                                          std::string(model::name(known->kind)) + ", not " +
                                          std::string(model::name(kind)));
  }
  if (!is_name(name) || device.size() > max_device_bytes)
    return base::fail(Code::invalid_input,
                      "make series '" + base::printable(name) +
                          "': a name is UTF-8 of 1 to 512 bytes without control characters");
  if (by_name_.size() >= limit_ || next_id() > max_id)
    return base::fail(Code::exhausted, "make series " + std::string(name) + ": there are " +
                                           std::to_string(limit_) + " already");
  const std::uint32_t id = next_id();
  base::Bytes payload;
  base::Writer out(payload);
  out.varint(id);
  out.u8(static_cast<std::uint8_t>(kind));
  out.text(name);
  out.text(device);
  TRY(log_->append(kind_definition, payload));
  place({static_cast<model::SeriesId>(id), kind, std::string(name), std::string(device)});
  return static_cast<model::SeriesId>(id);
}

const model::SeriesDef* SeriesTable::find(std::string_view name) const {
  const auto at = by_name_.find(name);
  return at == by_name_.end() ? nullptr : &definitions_[at->second];
}

const model::SeriesDef* SeriesTable::find(model::SeriesId id) const {
  const auto i = static_cast<std::uint32_t>(id);
  return i < definitions_.size() && !definitions_[i].name.empty() ? &definitions_[i] : nullptr;
}

void SeriesTable::each(const std::function<bool(const model::SeriesDef&)>& visit) const {
  for (const model::SeriesDef& def : definitions_)
    if (!def.name.empty() && !visit(def)) return;
}

}  // namespace selvedge::store
