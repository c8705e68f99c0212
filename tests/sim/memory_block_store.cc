#include "memory_block_store.h"

#include <algorithm>
#include <utility>

#include "cloud/name_pattern.h"

namespace selvedge::sim {
namespace {

using base::Code;
using base::fail;
using base::Result;

constexpr std::uint32_t lane = 0x51;

Result<void> mark(os::File& marks) {
  TRY(marks.append(base::as_bytes("committed\n")));
  return marks.sync();
}

cloud::SeriesInfo describe(const MemoryBlocks::Series& series) {
  cloud::SeriesInfo info{.node = series.node, .name = series.name, .device = series.device};
  info.kind = series.kind;
  for (const MemoryBlocks::Block& block : series.blocks) {
    const model::BlockSummary& s = block.info.summary;
    info.first_time = info.blocks == 0 ? s.first_time : std::min(info.first_time, s.first_time);
    if (info.blocks == 0 || s.last_time >= info.last_time) info.last = s.last;
    info.last_time = info.blocks == 0 ? s.last_time : std::max(info.last_time, s.last_time);
    info.readings += s.count;
    info.bytes += block.info.bytes;
    ++info.blocks;
  }
  return info;
}

std::unexpected<base::Error> no_series(const std::string& name) {
  return fail(Code::not_found, "there is no series " + name);
}

}  // namespace

Result<std::unique_ptr<cloud::BlockStore>> MemoryBlockStore::open(
    os::World& world, std::string_view path, std::shared_ptr<Database> database) {
  auto dir = TRY(world.directory(path, true));
  auto marks = TRY(dir->open("commits", os::Open::create));
  TRY(dir->sync());
  return std::unique_ptr<cloud::BlockStore>(
      new MemoryBlockStore(world, std::move(database), std::move(marks)));
}

template <typename T, typename Job>
void MemoryBlockStore::submit(Job job, Done<T> done) {
  const std::weak_ptr<bool> living(alive_);
  if (closed_) {
    world_.loop().defer([done = std::move(done), living] {
      if (!living.expired()) done(fail(Code::unavailable, "block store: it is closed"));
    });
    return;
  }
  ++waiting_;
  auto result = std::make_shared<Result<T>>();
  auto run = [database = database_, job = std::move(job), result] { *result = job(*database); };
  auto then = [this, result, done = std::move(done), living] {
    if (living.expired()) return;
    done(std::move(*result));
    if (!living.expired()) finished();
  };
  const base::Duration delay = database_->random.between({}, database_->longest_delay);
  world_.loop().after(delay, [this, run = std::move(run), then = std::move(then), living] {
    if (!living.expired()) world_.loop().work(lane, run, then);
  });
}

void MemoryBlockStore::finished() {
  if (--waiting_ == 0 && closing_) std::exchange(closing_, nullptr)();
}

void MemoryBlockStore::commit(std::vector<cloud::Incoming> batches,
                              Done<std::vector<cloud::Committed>> done) {
  submit<std::vector<cloud::Committed>>(
      [batches = std::move(batches),
       marks = marks_](Database& db) -> Result<std::vector<cloud::Committed>> {
        const auto ready = db.failing ? fail(Code::unavailable, "commit: the database is locked")
                                      : mark(*marks);
        if (!ready) {
          ++db.failed_commits;
          return std::unexpected(ready.error());
        }
        ++db.commits;
        auto committed = db.blocks.commit(batches);
        base::ignore(mark(*marks), "it is committed");
        return committed;
      },
      std::move(done));
}

void MemoryBlockStore::series(std::string node, std::string pattern, std::uint64_t limit,
                              Done<std::vector<cloud::SeriesInfo>> done) {
  submit<std::vector<cloud::SeriesInfo>>(
      [node, matches = cloud::NamePattern(pattern), limit](Database& db) {
        std::vector<cloud::SeriesInfo> all;
        for (const MemoryBlocks::Series& series : db.blocks.series())
          if ((node.empty() || series.node == node) && matches(series.name))
            all.push_back(describe(series));
        std::ranges::sort(all, {}, [](const auto& s) { return std::tie(s.node, s.name); });
        if (all.size() > limit) all.resize(limit);
        return Result<std::vector<cloud::SeriesInfo>>(std::move(all));
      },
      std::move(done));
}

void MemoryBlockStore::query(std::string node, std::string series, engine::QueryRange range,
                             Done<engine::QueryResult> done) {
  submit<engine::QueryResult>(
      [node, series, range](Database& db) -> Result<engine::QueryResult> {
        TRY(engine::validate(range));
        const auto kinds = db.blocks.find(node, series);
        if (kinds.empty()) return no_series(series);
        engine::Query query(range);
        for (const MemoryBlocks::Block& block : kinds.back()->blocks)
          TRY(query.block(block.info.summary, block.frame));
        return query.finish();
      },
      std::move(done));
}

void MemoryBlockStore::blocks(std::string node, std::string series, base::Time from, base::Time to,
                              std::uint64_t limit, Done<std::vector<cloud::BlockInfo>> done) {
  submit<std::vector<cloud::BlockInfo>>(
      [node, series, from, to, limit](Database& db) -> Result<std::vector<cloud::BlockInfo>> {
        const auto kinds = db.blocks.find(node, series);
        if (kinds.empty()) return no_series(series);
        std::vector<cloud::BlockInfo> found;
        for (const MemoryBlocks::Block& block : kinds.back()->blocks)
          if (block.info.summary.first_time < to && block.info.summary.last_time >= from)
            found.push_back(block.info);
        std::ranges::sort(found, {}, [](const auto& b) { return b.summary.first_time; });
        if (found.size() > limit) found.resize(limit);
        return found;
      },
      std::move(done));
}

void MemoryBlockStore::nodes(Done<std::vector<cloud::NodeInfo>> done) {
  submit<std::vector<cloud::NodeInfo>>(
      [](Database& db) {
        std::vector<cloud::NodeInfo> all;
        for (const auto& [name, node] : db.blocks.nodes) all.push_back(node);
        return Result<std::vector<cloud::NodeInfo>>(std::move(all));
      },
      std::move(done));
}

void MemoryBlockStore::totals(Done<cloud::StoreTotals> done) {
  submit<cloud::StoreTotals>(
      [](Database& db) {
        cloud::StoreTotals totals;
        for (const auto& [name, node] : db.blocks.nodes) {
          ++totals.nodes;
          totals.series += node.series;
          totals.blocks += node.blocks;
          totals.readings += node.readings;
          totals.frame_bytes += node.bytes;
        }
        totals.file_bytes = totals.frame_bytes;
        return Result<cloud::StoreTotals>(totals);
      },
      std::move(done));
}

void MemoryBlockStore::add_token(cloud::TokenInfo token, Done<bool> done) {
  submit<bool>(
      [token, now = world_.loop().wall_now()](Database& db) -> Result<bool> {
        std::erase_if(db.blocks.tokens, [&](const auto& one) { return one.second.expires <= now; });
        if (db.blocks.tokens.size() >= 10'000)
          return fail(Code::exhausted, "add join token: too many are waiting to be used");
        if (!db.blocks.tokens.emplace(token.id, token).second)
          return fail(Code::conflict, "add join token: it exists already");
        return true;
      },
      std::move(done));
}

void MemoryBlockStore::use_token(std::string id, std::string digest, std::string node,
                                 base::Time now, Done<bool> done) {
  submit<bool>(
      [id, digest, node, now](Database& db) -> Result<bool> {
        const auto found = db.blocks.tokens.find(id);
        if (found == db.blocks.tokens.end() || found->second.digest != digest ||
            found->second.expires <= now ||
            (!found->second.node.empty() && found->second.node != node))
          return fail(Code::denied, "use join token: it is not valid here and now");
        db.blocks.tokens.erase(found);
        return true;
      },
      std::move(done));
}

void MemoryBlockStore::add_node(cloud::NodeInfo node, bool replace, Done<bool> done) {
  submit<bool>(
      [node, replace](Database& db) -> Result<bool> {
        cloud::NodeInfo& there = db.blocks.nodes[node.name];
        if (!there.name.empty() && !replace && there.status != "revoked")
          return fail(Code::conflict, "add node " + node.name + ": it exists already");
        there.name = node.name;
        there.serial = node.serial;
        there.status = node.status;
        there.joined_at = node.joined_at;
        if (!node.serial.empty()) db.blocks.certificates[node.name].insert(node.serial);
        return true;
      },
      std::move(done));
}

void MemoryBlockStore::revoke_node(std::string name, Done<std::vector<std::string>> serials) {
  submit<std::vector<std::string>>(
      [name](Database& db) -> Result<std::vector<std::string>> {
        const auto found = db.blocks.nodes.find(name);
        if (found == db.blocks.nodes.end())
          return fail(Code::not_found, "revoke node " + name + ": it is unknown");
        found->second.status = "revoked";
        const auto& all = db.blocks.certificates[name];
        db.blocks.revoked.insert(all.begin(), all.end());
        return std::vector<std::string>(all.begin(), all.end());
      },
      std::move(serials));
}

void MemoryBlockStore::revoked(Done<std::vector<std::string>> done) {
  submit<std::vector<std::string>>(
      [](Database& db) {
        const auto& all = db.blocks.revoked;
        return Result<std::vector<std::string>>(std::in_place, all.begin(), all.end());
      },
      std::move(done));
}

void MemoryBlockStore::seen(std::string node, base::Time at) {
  const auto found = database_->blocks.nodes.find(node);
  if (found != database_->blocks.nodes.end())
    found->second.last_seen = std::max(found->second.last_seen, at);
}

void MemoryBlockStore::close(std::function<void()> done) {
  if (std::exchange(closed_, true) || waiting_ == 0) {
    world_.loop().defer(std::move(done));
    return;
  }
  closing_ = std::move(done);
}

}  // namespace selvedge::sim
