// The twin store's own view of itself. Private to the twin store.

#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "store/segment_log.h"
#include "store/twin_store.h"
#include "store/twin_store_peers.h"
#include "store/twin_store_record.h"
#include "store/twin_store_table.h"

namespace selvedge::store {

class TwinStoreImpl final : public TwinStore {
 public:
  TwinStoreImpl(os::World& world, std::string_view replica, TwinStoreLimits limits);
  base::Result<void> load(std::unique_ptr<os::Dir> dir);

  const engine::Twin* find(std::string_view id) const override;
  std::size_t size() const override { return live_; }
  std::vector<model::TwinId> list(std::string_view prefix, std::string_view after,
                                  std::size_t limit) const override;
  base::Result<std::vector<model::TwinId>> search(const engine::TwinFilter& filter,
                                                  std::string_view prefix, std::string_view after,
                                                  std::size_t limit,
                                                  std::size_t examined) const override;

  base::Result<engine::TwinChange> edit(std::string_view id, const engine::TwinEdit& edit,
                                        const TwinPrecondition& if_) override;
  base::Result<engine::TwinChange> join(std::string_view id,
                                        std::span<const model::TwinLeaf> leaves) override;
  base::Result<void> remove(std::string_view id, const TwinPrecondition& if_, bool from_peer) override;
  base::Result<void> index(std::string_view pointer) override;
  void commit(std::function<void()> done) override { log_->commit(std::move(done)); }

  std::vector<UnsentTwin> unsent(std::string_view node, std::size_t max_bytes) override {
    return peers_.unsent(node, max_bytes);
  }
  void acknowledged(std::string_view id, std::uint64_t revision) override;
  void forget_sent(std::string_view node) override { peers_.forget_sent(node); }
  bool has_unsent(std::string_view node) const override { return peers_.has_unsent(node); }

  WatchId watch(std::function<void(const TwinEvent&)> told) override;
  void unwatch(WatchId id) override { watchers_.erase(id); }

  Stats stats() const override;
  void close(std::function<void()> done) override;

 private:
  enum class Source : std::uint8_t { here, peer, peer_silently };
  struct Attempt;                        // one change, until it is in the log

  // twin_store_edit.cc
  base::Result<Attempt> begin(std::string_view id);
  base::Result<engine::TwinChange> finish(Attempt& attempt, engine::TwinChange change, Source source);
  void take_back(Attempt& attempt);
  base::Result<void> check(const TwinRecord* record, std::string_view id,
                           const TwinPrecondition& if_) const;
  base::Result<void> append(TwinRecordKind kind, base::BytesView head, base::BytesView tail);
  void tell(const TwinRecord& record, TwinEvent::Kind kind, const engine::TwinChange& change, bool from_peer);
  engine::TwinClock clock() const;

  // twin_store_clean.cc: the log is kept short by writing every twin anew, a few at a time, and
  // deleting what lies before the first of them.
  void replay(const Record& record);
  void after_replay();
  void clean_for(std::size_t bytes_appended);
  void clean_soon();
  void clean();
  bool clean_one(TwinRecord& record);
  bool is_due() const;
  bool is_short_of_room() const;
  bool forgettable(const TwinRecord& record) const;
  void forget(TwinRecord& record);

  TwinIndex* index_for(const engine::TwinFilter& filter, std::string_view& value) const;

  os::World& world_;
  std::uint32_t origin_;
  TwinStoreLimits limits_;
  std::unique_ptr<SegmentLog> log_;
  TwinTable table_;
  TwinPeers peers_;
  mutable std::vector<TwinIndex> indexes_;
  mutable std::uint64_t searches_ = 0;
  std::size_t live_ = 0;
  std::uint64_t memory_ = 0;
  Stats counts_;
  base::Bytes head_, tail_;               // of the record that is made
  std::uint64_t damaged_ = 0;             // records that made no sense

  struct Cleaning {
    Position begun;                       // everything before it goes when all is written
    std::string after;                    // the last twin written
    std::uint64_t bytes = 0;
  };
  std::optional<Cleaning> cleaning_;
  std::uint64_t image_bytes_ = 0;         // of all twins, when last written
  std::uint64_t clean_credit_ = 0;        // bytes that may be written for what was appended
  bool clean_scheduled_ = false;

  std::map<WatchId, std::shared_ptr<std::function<void(const TwinEvent&)>>> watchers_;
  WatchId next_watch_ = 1;
  std::shared_ptr<char> alive_ = std::make_shared<char>();   // callbacks hold it weakly
};

}  // namespace selvedge::store
