#include "store/twin_store.h"

#include <algorithm>

#include "base/crc32c.h"
#include "store/twin_store_impl.h"

namespace selvedge::store {

using base::Code;
using base::Result;
using engine::Twin;
using engine::TwinFilter;

namespace {

constexpr std::uint32_t log_lane = 14;
constexpr std::size_t most_indexes = 8;
constexpr std::size_t worth_an_index = 2000;   // twins; fewer are looked through quickly

}  // namespace

Result<std::unique_ptr<TwinStore>> TwinStore::open(os::World& world, std::string_view path,
                                                   std::string_view replica, TwinStoreLimits limits) {
  auto store = std::make_unique<TwinStoreImpl>(world, replica, limits);
  TRY(base::while_doing("open twins", store->load(TRY(world.directory(path, true)))));
  return std::unique_ptr<TwinStore>(std::move(store));
}

TwinStoreImpl::TwinStoreImpl(os::World& world, std::string_view replica, TwinStoreLimits limits)
    : world_(world), origin_(base::crc32c(base::as_bytes(replica))), limits_(limits) {
  indexes_.reserve(most_indexes);
}

Result<void> TwinStoreImpl::load(std::unique_ptr<os::Dir> dir) {
  LogLimits limits;
  limits.total_bytes = limits_.log_bytes;
  limits.segment_bytes = limits_.segment_bytes;
  limits.record_bytes = 4ULL * limits_.twin.document_bytes + (1ULL << 20);
  limits.pending_bytes = std::min<std::uint64_t>(64ULL << 20, limits_.log_bytes / 4);
  limits.when_full = WhenFull::refuse_new;
  log_ = TRY(SegmentLog::open(std::move(dir), world_.loop(), log_lane, limits,
                              [this](const Record& record) -> Result<void> {
                                replay(record);
                                return {};
                              }));
  after_replay();
  return {};
}

const Twin* TwinStoreImpl::find(std::string_view id) const {
  const TwinRecord* const record = table_.find(id);
  return record != nullptr && record->live ? &record->twin : nullptr;
}

std::vector<model::TwinId> TwinStoreImpl::list(std::string_view prefix, std::string_view after,
                                               std::size_t limit) const {
  std::vector<model::TwinId> found;
  const bool goes_on = after >= prefix;
  table_.each(goes_on ? after : prefix, goes_on && !after.empty() ? TwinTable::From::after : TwinTable::From::at,
              [&](const TwinRecord& record) {
                if (found.size() >= limit || !record.id().starts_with(prefix)) return false;
                if (record.live) found.emplace_back(record.id());
                return true;
              });
  return found;
}

// An index that serves the filter, made if there is none and it pays.
TwinIndex* TwinStoreImpl::index_for(const TwinFilter& filter, std::string_view& value) const {
  const auto required = filter.required();
  ++searches_;
  for (const auto& leaf : required)
    for (TwinIndex& index : indexes_)
      if (index.is(leaf.part, leaf.path)) {
        index.used = searches_;
        value = leaf.value;
        return &index;
      }
  if (required.empty() || table_.size() < worth_an_index) return nullptr;
  if (indexes_.size() == most_indexes)
    indexes_.erase(std::min_element(indexes_.begin(), indexes_.end(),
                                    [](const TwinIndex& a, const TwinIndex& b) { return a.used < b.used; }));
  TwinIndex& made = indexes_.emplace_back(required[0].part, required[0].path);
  made.build(table_);
  made.used = searches_;
  value = required[0].value;
  return &made;
}

Result<std::vector<model::TwinId>> TwinStoreImpl::search(const TwinFilter& filter,
                                                         std::string_view prefix,
                                                         std::string_view after, std::size_t limit,
                                                         std::size_t examined) const {
  std::vector<model::TwinId> found;
  std::size_t looked_at = 0;
  const auto look = [&](const TwinRecord& record) {
    if (found.size() >= limit || ++looked_at > examined) return false;
    if (record.live && record.id().starts_with(prefix) && filter.matches(record.id(), record.twin))
      found.emplace_back(record.id());
    return true;
  };
  std::string_view value;
  if (const TwinIndex* const index = index_for(filter, value)) {
    const bool goes_on = after >= prefix && !after.empty();
    index->each(value, goes_on ? after : prefix, [&](const TwinRecord& record) {
      if (goes_on && record.id() == after) return true;
      return record.id().starts_with(prefix) && look(record);
    });
  } else {
    const bool goes_on = after >= prefix && !after.empty();
    table_.each(goes_on ? after : prefix, goes_on ? TwinTable::From::after : TwinTable::From::at,
                [&](const TwinRecord& record) {
                  return record.id().starts_with(prefix) && look(record);
                });
  }
  if (looked_at > examined)
    return base::fail(Code::exhausted, "search twins: more than " + std::to_string(examined) +
                                           " would have to be looked at");
  return found;
}

Result<void> TwinStoreImpl::index(std::string_view pointer) {
  std::string rql = "eq(" + std::string(pointer) + ",0)";
  const TwinFilter filter = TRY(TwinFilter::parse(rql));
  const auto required = filter.required();
  if (required.size() != 1)
    return base::fail(Code::invalid_input, "index '" + std::string(pointer) + "': not a single leaf");
  for (const TwinIndex& index : indexes_)
    if (index.is(required[0].part, required[0].path)) return {};
  if (indexes_.size() == most_indexes)
    return base::fail(Code::exhausted, "index '" + std::string(pointer) + "': there are 8 already");
  indexes_.emplace_back(required[0].part, required[0].path).build(table_);
  return {};
}

TwinStore::WatchId TwinStoreImpl::watch(std::function<void(const TwinEvent&)> told) {
  watchers_[next_watch_] = std::make_shared<std::function<void(const TwinEvent&)>>(std::move(told));
  return next_watch_++;
}

TwinStore::Stats TwinStoreImpl::stats() const {
  Stats stats = counts_;
  stats.twins = live_;
  stats.memory_bytes = memory_;
  stats.log_bytes = log_->stats().bytes + log_->stats().pending_bytes;
  stats.unsent = peers_.count();
  return stats;
}

void TwinStoreImpl::close(std::function<void()> done) { log_->commit(std::move(done)); }

}  // namespace selvedge::store
