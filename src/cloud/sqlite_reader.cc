#include "cloud/sqlite_reader.h"

#include <algorithm>

#include "base/text.h"
#include "cloud/name_pattern.h"

namespace selvedge::cloud {
namespace {

constexpr std::uint64_t max_listed = 100'000;  // series or blocks of one answer

// By the names' own order, from the pattern's literal beginning on, so that "boiler/*" reads only
// the series that begin so.
constexpr std::string_view select_series =
    "SELECT s.name, s.device, s.kind, s.readings, s.blocks, s.bytes, s.first_time, s.last_time, "
    "s.last FROM series s WHERE s.node = ? AND s.name >= ? ORDER BY s.name, s.kind";
constexpr std::string_view select_all_nodes = "SELECT id, name FROM nodes ORDER BY name";
constexpr std::string_view select_one_node = "SELECT id, name FROM nodes WHERE name = ?";
constexpr std::string_view select_nodes =
    "SELECT name, serial, status, joined_at, last_seen, readings, blocks, bytes, series FROM nodes "
    "ORDER BY name";
constexpr std::string_view select_totals =
    "SELECT nodes, series, blocks, readings, frame_bytes FROM totals";
constexpr std::string_view select_revoked =
    "SELECT serial FROM certificates WHERE revoked_at IS NOT NULL";
// A name that has held several kinds over the years answers with the one written last.
constexpr std::string_view select_queried =
    "SELECT s.id, s.kind, s.longest FROM series s JOIN nodes n ON n.id = s.node "
    "WHERE n.name = ? AND s.name = ? ORDER BY s.last_time DESC, s.id DESC LIMIT 1";
constexpr std::string_view select_blocks =
    "SELECT rowid, first_time, last_time, codec, count, nan_count, min, max, sum, first, last "
    "FROM blocks WHERE series = ? AND first_time >= ? AND first_time < ? AND last_time >= ? "
    "ORDER BY first_time, last_time, rowid";
constexpr std::string_view select_listed =
    "SELECT b.rowid, b.first_time, b.last_time, b.codec, b.count, b.nan_count, b.min, b.max, "
    "b.sum, "
    "b.first, b.last, e.epoch, b.seq, b.sealed_at, b.stored_at, length(b.frame) "
    "FROM blocks b JOIN node_epochs e ON e.id = b.epoch WHERE b.series = ? AND b.first_time >= ? "
    "AND "
    "b.first_time < ? AND b.last_time >= ? ORDER BY b.first_time, b.last_time, b.rowid LIMIT ?";
constexpr std::string_view select_frame = "SELECT frame FROM blocks WHERE rowid = ?";

SeriesInfo read_series(const Statement& row, std::string_view node) {
  SeriesInfo info;
  info.node = node;
  info.name = row.text(0);
  info.device = row.text(1);
  info.kind = static_cast<model::Kind>(row.integer(2));
  info.readings = row.count(3);
  info.blocks = row.count(4);
  info.bytes = row.count(5);
  if (info.blocks == 0) return info;
  info.first_time = row.time(6);
  info.last_time = row.time(7);
  info.last = row.real(8);
  return info;
}

model::BlockSummary read_summary(const Statement& row, model::Kind kind) {
  model::BlockSummary summary;
  summary.kind = kind;
  summary.first_time = row.time(1);
  summary.last_time = row.time(2);
  summary.codec = static_cast<std::uint8_t>(row.integer(3));
  summary.count = static_cast<std::uint32_t>(row.integer(4));
  summary.nan_count = static_cast<std::uint32_t>(row.integer(5));
  summary.min = row.real(6);
  summary.max = row.real(7);
  summary.sum = row.real(8);
  summary.first = row.real(9);
  summary.last = row.real(10);
  return summary;
}

// The earliest first_time that a block may have and still reach `from`.
std::int64_t earliest(base::Time from, std::int64_t longest) {
  return from.ns < INT64_MIN + longest ? INT64_MIN : from.ns - longest;
}

}  // namespace

base::Result<SqliteReader> SqliteReader::open(const std::string& file) {
  Database database = TRY(Database::open(file, Database::Access::read_only));
  TRY(while_doing("open " + file, database.run("PRAGMA cache_size = -16384")));
  return SqliteReader(std::move(database));
}

base::Result<std::vector<SeriesInfo>> SqliteReader::series(const std::string& node,
                                                           const std::string& pattern,
                                                           std::uint64_t limit) {
  const NamePattern match(pattern);
  const std::uint64_t most = std::min(limit, max_listed);
  const std::string_view beginning = match.beginning();
  Transaction transaction = TRY(Transaction::begin(database_, Transaction::Kind::read));
  std::vector<SeriesInfo> found;
  Statement nodes = TRY(database_.prepare(node.empty() ? select_all_nodes : select_one_node));
  if (!node.empty()) nodes.bind(node);
  while (found.size() < most && TRY(nodes.step())) {
    Statement row = TRY(database_.prepare(select_series));
    row.bind(nodes.integer(0), beginning);
    while (found.size() < most && TRY(row.step())) {
      const std::string_view name = row.text(0);
      if (!name.starts_with(beginning)) break;
      if (match(name)) found.push_back(read_series(row, nodes.text(1)));
    }
  }
  return found;
}

base::Result<SqliteReader::Queried> SqliteReader::find(const std::string& step,
                                                       const std::string& node,
                                                       const std::string& series) {
  Statement found = TRY(database_.prepare(select_queried));
  if (!TRY(found.bind(node, series).step())) {
    return base::fail(base::Code::not_found,
                      step + ": node \"" + base::printable(node) + "\" has no such series");
  }
  return Queried{found.integer(0), found.integer(2), static_cast<model::Kind>(found.integer(1))};
}

base::Result<std::vector<BlockInfo>> SqliteReader::blocks(const std::string& node,
                                                          const std::string& series,
                                                          base::Time from, base::Time to,
                                                          std::uint64_t limit) {
  const std::string step = "blocks of \"" + base::printable(series) + "\"";
  Transaction transaction = TRY(Transaction::begin(database_, Transaction::Kind::read));
  const auto [id, longest, kind] = TRY(find(step, node, series));
  Statement row = TRY(database_.prepare(select_listed));
  row.bind(id, earliest(from, longest), to, from, std::min(limit, max_listed));
  std::vector<BlockInfo> found;
  while (TRY(while_doing(step, row.step()))) {
    BlockInfo& block = found.emplace_back();
    block.summary = read_summary(row, kind);
    block.epoch = model::Epoch{static_cast<std::uint64_t>(row.integer(11))};
    block.seq = model::BlockSeq{row.count(12)};
    block.sealed_at = row.time(13);
    block.arrived_at = row.time(14);
    block.bytes = row.count(15);
  }
  return found;
}

base::Result<engine::QueryResult> SqliteReader::query(const std::string& node,
                                                      const std::string& series,
                                                      const engine::QueryRange& range) {
  const std::string step = "query \"" + base::printable(series) + "\"";
  Transaction transaction = TRY(Transaction::begin(database_, Transaction::Kind::read));
  const auto [id, longest, kind] = TRY(find(step, node, series));
  engine::Query query(range);
  const base::Time from = query.needed_from();
  if (query.wants_outline()) {
    std::vector<engine::SourceExtent> sources;
    Statement all = TRY(database_.prepare(select_blocks));
    all.bind(id, earliest(from, longest), range.to, from);
    while (TRY(while_doing(step, all.step()))) sources.push_back({all.time(1), all.time(2)});
    query.outline(sources);
  }
  Statement blocks = TRY(database_.prepare(select_blocks));
  blocks.bind(id, earliest(from, longest), range.to, from);
  while (TRY(while_doing(step, blocks.step()))) {
    const model::BlockSummary summary = read_summary(blocks, kind);
    Statement frame = TRY(database_.prepare(select_frame));
    if (query.needs_frame(summary)) {
      if (!TRY(while_doing(step, frame.bind(blocks.integer(0)).step()))) {
        return base::fail(base::Code::corrupt, step + ": a block is in the index but not there");
      }
      if (!TRY(while_doing(step, query.block(summary, frame.blob(0))))) break;
    } else if (!TRY(while_doing(step, query.block(summary, {})))) {
      break;
    }
  }
  engine::QueryResult result = TRY(while_doing(step, query.finish()));
  result.kind = kind;  // also when no block was in the range
  return result;
}

base::Result<std::vector<NodeInfo>> SqliteReader::nodes() {
  Statement row = TRY(database_.prepare(select_nodes));
  std::vector<NodeInfo> nodes;
  while (TRY(row.step())) {
    NodeInfo& node = nodes.emplace_back();
    node.name = row.text(0);
    node.serial = row.text(1);
    node.status = row.text(2);
    node.joined_at = row.time(3);
    node.last_seen = row.time(4);
    node.readings = row.count(5);
    node.blocks = row.count(6);
    node.bytes = row.count(7);
    node.series = row.count(8);
  }
  return nodes;
}

base::Result<StoreTotals> SqliteReader::totals() {
  StoreTotals totals;
  {
    Statement row = TRY(database_.prepare(select_totals));
    if (!TRY(row.step())) {
      return base::fail(base::Code::corrupt, "read totals: the row is missing");
    }
    totals = {.nodes = row.count(0),
              .series = row.count(1),
              .blocks = row.count(2),
              .readings = row.count(3),
              .frame_bytes = row.count(4)};
  }
  const std::int64_t pages = TRY(database_.number("PRAGMA page_count"));
  totals.file_bytes = static_cast<std::uint64_t>(pages * TRY(database_.number("PRAGMA page_size")));
  return totals;
}

base::Result<std::vector<std::string>> SqliteReader::revoked() {
  Statement row = TRY(database_.prepare(select_revoked));
  std::vector<std::string> serials;
  while (TRY(row.step())) serials.emplace_back(row.text(0));
  return serials;
}

}  // namespace selvedge::cloud
