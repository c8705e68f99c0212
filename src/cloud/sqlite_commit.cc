#include "cloud/sqlite_commit.h"

#include <algorithm>

#include "base/text.h"

namespace selvedge::cloud {
namespace {

// Of one node, through all its epochs: ten times what a node's own table holds.
constexpr std::uint64_t max_series_of_node = 1'000'000;

constexpr std::string_view select_node = "SELECT id, series FROM nodes WHERE name = ?";
constexpr std::string_view insert_node =
    "INSERT INTO nodes (name, serial, status, joined_at, last_seen) VALUES (?1, '', 'joined', ?2, "
    "?2)";
constexpr std::string_view select_epoch = "SELECT id FROM node_epochs WHERE node = ? AND epoch = ?";
constexpr std::string_view insert_epoch = "INSERT INTO node_epochs (node, epoch) VALUES (?, ?)";
constexpr std::string_view select_number =
    "SELECT s.id, s.kind, s.name FROM epoch_series e JOIN series s ON s.id = e.series "
    "WHERE e.epoch = ? AND e.number = ?";
constexpr std::string_view insert_number =
    "INSERT INTO epoch_series (epoch, number, series) VALUES (?, ?, ?)";
constexpr std::string_view select_series =
    "SELECT id FROM series WHERE node = ? AND name = ? AND kind = ?";
constexpr std::string_view insert_series =
    "INSERT INTO series (node, name, kind, device) VALUES (?, ?, ?, ?)";
constexpr std::string_view update_device = "UPDATE series SET device = ? WHERE id = ?";
constexpr std::string_view insert_block =
    "INSERT INTO blocks (epoch, seq, series, sealed_at, stored_at, first_time, last_time, codec, "
    "count, nan_count, min, max, sum, first, last, frame) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (epoch, seq) DO NOTHING";
constexpr std::string_view add_to_series =
    "UPDATE series SET readings = readings + ?2, blocks = blocks + ?3, bytes = bytes + ?4, "
    "first_time = min(coalesce(first_time, ?5), ?5), "
    "last = CASE WHEN last_time IS NULL OR ?6 >= last_time THEN ?7 ELSE last END, "
    "last_time = max(coalesce(last_time, ?6), ?6), longest = max(longest, ?8) WHERE id = ?1";
constexpr std::string_view add_to_node =
    "UPDATE nodes SET readings = readings + ?2, blocks = blocks + ?3, bytes = bytes + ?4, "
    "series = series + ?5, last_seen = max(last_seen, ?6) WHERE id = ?1";
constexpr std::string_view add_to_totals =
    "UPDATE totals SET nodes = nodes + ?, series = series + ?, blocks = blocks + ?, "
    "readings = readings + ?, frame_bytes = frame_bytes + ?";

base::Error mismatch(model::SeriesId number, std::string_view stored, std::string_view told) {
  return {base::Code::invalid_input,
          "series " + std::to_string(static_cast<std::uint32_t>(number)) + " is \"" +
              base::printable(stored) + "\", not \"" + base::printable(told) + "\""};
}

std::int64_t span_of(const model::BlockSummary& summary) {
  const std::uint64_t span = static_cast<std::uint64_t>(summary.last_time.ns) -
                             static_cast<std::uint64_t>(summary.first_time.ns);
  return static_cast<std::int64_t>(std::min<std::uint64_t>(span, INT64_MAX));
}

}  // namespace

SqliteCommit::SqliteCommit(Database& database, Transaction transaction)
    : database_(&database), transaction_(std::move(transaction)) {}

base::Result<SqliteCommit> SqliteCommit::begin(Database& database) {
  return SqliteCommit(database, TRY(Transaction::begin(database, Transaction::Kind::write)));
}

base::Result<SqliteCommit::Node*> SqliteCommit::find_node(const std::string& name) {
  const auto [at, fresh] = nodes_.try_emplace(name);
  Node& node = at->second;
  if (fresh) {
    Statement statement = TRY(database_->prepare(select_node));
    if (TRY(statement.bind(name).step())) {
      node.id = statement.integer(0);
      node.all_series = statement.count(1);
    }
  }
  return &node;
}

base::Result<SqliteCommit::Stream*> SqliteCommit::find_stream(Node& node, model::Epoch epoch) {
  const auto number = static_cast<std::uint64_t>(epoch);
  const auto [at, fresh] = node.streams.try_emplace(number);
  Stream& stream = at->second;
  if (fresh && node.id != 0) {
    Statement statement = TRY(database_->prepare(select_epoch));
    if (TRY(statement.bind(node.id, number).step())) stream.id = statement.integer(0);
  }
  return &stream;
}

base::Result<SqliteCommit::Known> SqliteCommit::find_series(Stream& stream,
                                                            model::SeriesId number) {
  const auto key = static_cast<std::uint32_t>(number);
  const auto at = stream.series.find(key);
  if (at != stream.series.end()) return at->second;
  if (stream.id == 0) return Known{};
  Statement statement = TRY(database_->prepare(select_number));
  if (!TRY(statement.bind(stream.id, key).step())) return Known{};
  const Known known{statement.integer(0), static_cast<model::Kind>(statement.integer(1))};
  stream.series.emplace(key, known);
  return known;
}

base::Result<std::optional<base::Error>> SqliteCommit::objection(Stream& stream,
                                                                 const model::SeriesDef& def) {
  if (stream.id == 0) return std::nullopt;
  Statement statement = TRY(database_->prepare(select_number));
  if (!TRY(statement.bind(stream.id, static_cast<std::uint32_t>(def.id)).step())) {
    return std::nullopt;
  }
  if (statement.text(2) != def.name) return mismatch(def.id, statement.text(2), def.name);
  const auto kind = static_cast<model::Kind>(statement.integer(1));
  if (kind != def.kind) return mismatch(def.id, model::name(kind), model::name(def.kind));
  return std::nullopt;
}

base::Result<std::optional<base::Error>> SqliteCommit::objection(Node& node, Stream& stream,
                                                                 const CheckedBatch& checked) {
  std::unordered_map<std::uint32_t, const model::SeriesDef*> told;
  for (const model::SeriesDef& def : checked.batch.series) {
    const auto [at, fresh] = told.emplace(static_cast<std::uint32_t>(def.id), &def);
    if (!fresh && (at->second->name != def.name || at->second->kind != def.kind)) {
      return mismatch(def.id, at->second->name, def.name);
    }
    if (auto why = TRY(objection(stream, def))) return why;
  }
  if (node.all_series + node.series + told.size() > max_series_of_node) {
    return base::Error{base::Code::exhausted,
                       "the node has " + std::to_string(node.all_series + node.series) + " series"};
  }
  for (std::size_t i = 0; i < checked.summaries.size(); ++i) {
    const model::SeriesId number = checked.batch.blocks[i].series;
    const std::string id = std::to_string(static_cast<std::uint32_t>(number));
    model::Kind kind{};
    if (const auto at = told.find(static_cast<std::uint32_t>(number)); at != told.end()) {
      kind = at->second->kind;
    } else if (const Known known = TRY(find_series(stream, number)); known.series != 0) {
      kind = known.kind;
    } else {
      return base::Error{base::Code::invalid_input, "unknown series " + id};
    }
    if (kind != checked.summaries[i].kind) {
      return base::Error{base::Code::invalid_input,
                         "series " + id + " holds " + std::string(model::name(kind)) +
                             ", its block " + std::string(model::name(checked.summaries[i].kind))};
    }
  }
  return std::nullopt;
}

base::Result<void> SqliteCommit::make_node(const Incoming& incoming, Node& node) {
  if (node.id != 0) return {};
  Statement statement = TRY(database_->prepare(insert_node));
  TRY(statement.bind(incoming.node, incoming.arrived).run());
  node.id = database_->last_row();
  ++new_nodes_;
  return {};
}

base::Result<void> SqliteCommit::make_stream(Node& node, model::Epoch epoch, Stream& stream) {
  if (stream.id != 0) return {};
  Statement statement = TRY(database_->prepare(insert_epoch));
  TRY(statement.bind(node.id, static_cast<std::uint64_t>(epoch)).run());
  stream.id = database_->last_row();
  return {};
}

base::Result<void> SqliteCommit::define(Node& node, Stream& stream, const model::SeriesDef& def) {
  const Known known = TRY(find_series(stream, def.id));
  if (known.series != 0) return {};
  const auto kind = static_cast<std::uint8_t>(def.kind);
  RowId series = 0;
  {
    Statement found = TRY(database_->prepare(select_series));
    if (TRY(found.bind(node.id, def.name, kind).step())) series = found.integer(0);
  }
  if (series != 0) {
    Statement statement = TRY(database_->prepare(update_device));
    TRY(statement.bind(def.device, series).run());
  } else {
    Statement statement = TRY(database_->prepare(insert_series));
    TRY(statement.bind(node.id, def.name, kind, def.device).run());
    series = database_->last_row();
    ++node.series;
  }
  const auto number = static_cast<std::uint32_t>(def.id);
  Statement statement = TRY(database_->prepare(insert_number));
  TRY(statement.bind(stream.id, number, series).run());
  stream.series[number] = {series, def.kind};
  return {};
}

base::Result<bool> SqliteCommit::insert(const Stream& stream, const codec::uplink::BlockView& block,
                                        const model::BlockSummary& s, base::Time arrived) {
  const RowId series = stream.series.at(static_cast<std::uint32_t>(block.series)).series;
  Statement statement = TRY(database_->prepare(insert_block));
  TRY(statement
          .bind(stream.id, model::number(block.seq), series, block.sealed_at, arrived, s.first_time,
                s.last_time, s.codec, s.count, s.nan_count, s.min, s.max, s.sum, s.first, s.last,
                block.frame)
          .run());
  return database_->changes() == 1;
}

void SqliteCommit::count(Node& node, RowId series, const model::BlockSummary& summary,
                         std::size_t bytes) {
  node.readings += summary.count;
  node.bytes += bytes;
  ++node.blocks;
  SeriesChange& change = series_[series];
  change.readings += summary.count;
  change.bytes += bytes;
  ++change.blocks;
  change.first_time = std::min(change.first_time, summary.first_time);
  if (summary.last_time >= change.last_time) {
    change.last_time = summary.last_time;
    change.last = summary.last;
  }
  change.longest = std::max(change.longest, span_of(summary));
}

base::Result<Committed> SqliteCommit::add(const Incoming& incoming, const CheckedBatch& checked) {
  const codec::uplink::Batch& batch = checked.batch;
  Committed committed;
  committed.node = incoming.node;
  Node& node = *TRY(find_node(incoming.node));
  Stream& stream = *TRY(find_stream(node, batch.epoch));
  committed.refused = TRY(objection(node, stream, checked));
  if (committed.refused) return committed;

  TRY(make_node(incoming, node));
  TRY(make_stream(node, batch.epoch, stream));
  for (const model::SeriesDef& def : batch.series) TRY(define(node, stream, def));
  for (std::size_t i = 0; i < batch.blocks.size(); ++i) {
    const codec::uplink::BlockView& block = batch.blocks[i];
    const model::BlockSummary& summary = checked.summaries[i];
    if (!TRY(insert(stream, block, summary, incoming.arrived))) {
      ++committed.duplicates;
      continue;
    }
    count(node, stream.series.at(static_cast<std::uint32_t>(block.series)).series, summary,
          block.frame.size());
    ++committed.blocks;
    committed.readings += summary.count;
    committed.frame_bytes += block.frame.size();
  }
  node.seen = std::max(node.seen, incoming.arrived);
  committed.ack = ack_of(batch);
  return committed;
}

base::Result<void> SqliteCommit::finish() {
  for (const auto& [id, change] : series_) {
    Statement statement = TRY(database_->prepare(add_to_series));
    TRY(statement
            .bind(id, change.readings, change.blocks, change.bytes, change.first_time,
                  change.last_time, change.last, change.longest)
            .run());
  }
  std::uint64_t series = 0, blocks = 0, readings = 0, bytes = 0;
  for (const auto& [name, node] : nodes_) {
    if (node.id == 0) continue;  // its batches were all refused
    Statement statement = TRY(database_->prepare(add_to_node));
    TRY(statement.bind(node.id, node.readings, node.blocks, node.bytes, node.series, node.seen)
            .run());
    series += node.series;
    blocks += node.blocks;
    readings += node.readings;
    bytes += node.bytes;
  }
  Statement statement = TRY(database_->prepare(add_to_totals));
  TRY(statement.bind(new_nodes_, series, blocks, readings, bytes).run());
  return transaction_.commit();
}

}  // namespace selvedge::cloud
