#include "cloud/sqlite_store.h"

#include <utility>

namespace selvedge::cloud {
namespace {

constexpr std::string_view file_name = "cloud.db";
constexpr std::uint32_t writing_lane = 0x636C0001, reading_lane = 0x636C0002;
constexpr std::size_t max_seen = 100'000;  // nodes noted and not yet written; more are not noted

}  // namespace

base::Result<std::unique_ptr<BlockStore>> BlockStore::open_sqlite(os::World& world,
                                                                  std::string_view path) {
  return TRY(SqliteStore::open(world, path, {}));
}

base::Result<std::unique_ptr<SqliteStore>> SqliteStore::open(os::World& world,
                                                             std::string_view path,
                                                             SqliteLimits limits) {
  constexpr std::string_view step = "open block store";
  const auto directory = TRY(while_doing(step, world.directory(path, true)));
  // Made here first so that only its owner may read it; SQLite gives its other files the same mode.
  TRY(while_doing(step, directory->open(file_name, os::Open::create_private)));
  const std::string file = std::string(path) + "/" + std::string(file_name);
  SqliteWriter writer = TRY(while_doing(step, SqliteWriter::open(file)));
  if (limits.pages > 0) {
    TRY(while_doing(
        step, writer.database().run("PRAGMA max_page_count = " + std::to_string(limits.pages))));
  }
  SqliteReader reader = TRY(while_doing(step, SqliteReader::open(file)));
  return std::unique_ptr<SqliteStore>(
      new SqliteStore(world, limits, std::move(writer), std::move(reader)));
}

SqliteStore::SqliteStore(os::World& world, SqliteLimits limits, SqliteWriter writer,
                         SqliteReader reader)
    : world_(world),
      limits_(limits),
      writing_{writing_lane, std::make_shared<SqliteWriter>(std::move(writer))},
      reading_{reading_lane, std::make_shared<SqliteReader>(std::move(reader))} {}

template <typename T, typename Connection, typename Job>
void SqliteStore::submit(Lane<Connection>& lane, Job job, Done<T> done) {
  const bool full = lane.waiting >= limits_.waiting_calls;
  if (closed_ || full) {
    auto why = full && !closed_
                   ? base::fail(base::Code::exhausted, "block store: too many calls wait")
                   : base::fail(base::Code::unavailable, "block store: it is closed");
    world_.loop().defer(
        [why = std::move(why), done = std::move(done), living = std::weak_ptr<bool>(alive_)] {
          if (!living.expired()) done(why);
        });
    return;
  }
  run<T>(lane, std::move(job), std::move(done));
}

template <typename T, typename Connection, typename Job>
void SqliteStore::run(Lane<Connection>& lane, Job job, Done<T> done) {
  ++lane.waiting;
  auto result = std::make_shared<base::Result<T>>();
  world_.loop().work(
      lane.number,
      [connection = lane.connection, job = std::move(job), result]() mutable {
        *result = job(*connection);
      },
      [&lane, result, done = std::move(done), living = std::weak_ptr<bool>(alive_)] {
        if (living.expired()) return;
        --lane.waiting;
        done(std::move(*result));
      });
}

void SqliteStore::commit(std::vector<Incoming> batches, Done<std::vector<Committed>> done) {
  submit(
      writing_, [batches = std::move(batches)](SqliteWriter& w) { return w.commit(batches); },
      std::move(done));
}

void SqliteStore::series(std::string node, std::string pattern, std::uint64_t limit,
                         Done<std::vector<SeriesInfo>> done) {
  submit(
      reading_,
      [node = std::move(node), pattern = std::move(pattern), limit](SqliteReader& r) {
        return r.series(node, pattern, limit);
      },
      std::move(done));
}

void SqliteStore::query(std::string node, std::string series, engine::QueryRange range,
                        Done<engine::QueryResult> done) {
  submit(
      reading_,
      [node = std::move(node), series = std::move(series),
       range = std::move(range)](SqliteReader& r) { return r.query(node, series, range); },
      std::move(done));
}

void SqliteStore::blocks(std::string node, std::string series, base::Time from, base::Time to,
                         std::uint64_t limit, Done<std::vector<BlockInfo>> done) {
  submit(
      reading_,
      [node = std::move(node), series = std::move(series), from, to, limit](SqliteReader& r) {
        return r.blocks(node, series, from, to, limit);
      },
      std::move(done));
}

void SqliteStore::nodes(Done<std::vector<NodeInfo>> done) {
  submit(
      reading_, [](SqliteReader& r) { return r.nodes(); }, std::move(done));
}

void SqliteStore::totals(Done<StoreTotals> done) {
  submit(
      reading_, [](SqliteReader& r) { return r.totals(); }, std::move(done));
}

void SqliteStore::revoked(Done<std::vector<std::string>> done) {
  submit(
      reading_, [](SqliteReader& r) { return r.revoked(); }, std::move(done));
}

void SqliteStore::add_token(TokenInfo token, Done<bool> done) {
  submit(
      writing_,
      [token = std::move(token), now = world_.loop().wall_now()](SqliteWriter& w) {
        return w.add_token(token, now);
      },
      std::move(done));
}

void SqliteStore::use_token(std::string id, std::string digest, std::string node, base::Time now,
                            Done<bool> done) {
  submit(
      writing_,
      [id = std::move(id), digest = std::move(digest), node = std::move(node),
       now](SqliteWriter& w) { return w.use_token(id, digest, node, now); },
      std::move(done));
}

void SqliteStore::add_node(NodeInfo node, bool replace, Done<bool> done) {
  submit(
      writing_,
      [node = std::move(node), replace](SqliteWriter& w) { return w.add_node(node, replace); },
      std::move(done));
}

void SqliteStore::revoke_node(std::string name, Done<std::vector<std::string>> serials) {
  submit(
      writing_,
      [name = std::move(name), now = world_.loop().wall_now()](SqliteWriter& w) {
        return w.revoke_node(name, now);
      },
      std::move(serials));
}

// A fleet that reconnects logs in by the thousand: what comes while one transaction runs goes into
// the next.
void SqliteStore::seen(std::string node, base::Time at) {
  if (closed_ || seen_.size() >= max_seen) return;
  base::Time& noted = seen_[std::move(node)];
  noted = std::max(noted, at);
  if (!writing_seen_) write_seen();
}

void SqliteStore::write_seen() {
  writing_seen_ = true;
  std::vector<std::pair<std::string, base::Time>> nodes(seen_.begin(), seen_.end());
  seen_.clear();
  submit<bool>(
      writing_, [nodes = std::move(nodes)](SqliteWriter& w) { return w.seen(nodes); },
      [this](const base::Result<bool>& written) {
        base::ignore(written, "a node that is there is seen again soon");
        writing_seen_ = false;
        if (!seen_.empty() && !closed_) write_seen();
      });
}

void SqliteStore::close(std::function<void()> done) {
  if (std::exchange(closed_, true)) {
    world_.loop().defer(std::move(done));
    return;
  }
  // The reader goes first, so that the writer can fold the whole log into the database.
  const auto close_reader = [](SqliteReader& reader) {
    reader.close();
    return base::Result<bool>(true);
  };
  run<bool>(reading_, close_reader, [this, done = std::move(done)](const base::Result<bool>&) {
    run<bool>(
        writing_, [](SqliteWriter& writer) { return writer.close(); },
        [done](const base::Result<bool>&) { done(); });
  });
}

}  // namespace selvedge::cloud
