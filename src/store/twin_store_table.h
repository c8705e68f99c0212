// TwinTable: all twins of a store in memory: by id, in order of id, and by the values of some leaves.
//
// A record is one allocation beside the twin's own, and stays where it is until it is erased. Private to
// the twin store.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/twin/twin.h"
#include "store/twin_store_order.h"

namespace selvedge::store {

struct TwinPeer;

// Members of a list that knows nothing of its members but this.
struct TwinLinks {
  TwinLinks* previous = nullptr;
  TwinLinks* next = nullptr;

  bool linked() const { return next != nullptr; }
  void unlink();
};

struct TwinRecord : TwinLinks {
  engine::Twin twin;
  TwinPeer* peer = nullptr;
  std::uint64_t acknowledged = 0;      // the revision up to which the peer knows everything
  std::uint64_t sent = 0;              // handed to the peer, if `sent_epoch` is the peer's
  std::uint32_t sent_epoch = 0;
  std::uint32_t hash = 0;
  std::uint16_t id_bytes = 0;
  bool live = false;                   // something of it is visible
  bool in_sent = false;                // the list it is in, if `sent_epoch` is the peer's

  std::string_view id() const { return {reinterpret_cast<const char*>(this + 1), id_bytes}; }
};

class TwinTable {
 public:
  TwinTable() = default;
  ~TwinTable();
  TwinTable(const TwinTable&) = delete;

  TwinRecord* find(std::string_view id) const;
  TwinRecord& insert(std::string_view id);       // which is not there yet
  void erase(TwinRecord& record);
  std::size_t size() const { return order_.size(); }
  static std::size_t record_bytes(std::string_view id);

  // The first record whose id is greater, or at least `id` if it may be the same.
  enum class From : std::uint8_t { at, after };
  TwinRecord* first(std::string_view id, From from) const;
  // Visits in order from there until `visit` returns false.
  template <typename Visit>
  void each(std::string_view id, From from, const Visit& visit) const {
    for (auto place = bound(id, from); const auto* record = order_.get(place); place = order_.next(place))
      if (!visit(**record)) return;
  }

 private:
  struct ById {
    bool operator()(const TwinRecord* a, const TwinRecord* b) const { return a->id() < b->id(); }
    bool operator()(const TwinRecord* a, std::string_view b) const { return a->id() < b; }
  };
  using ByIdOrder = Order<TwinRecord*, ById>;

  ByIdOrder::Place bound(std::string_view id, From from) const;
  std::size_t slot_of(std::string_view id, std::uint32_t hash) const;
  void grow();

  ByIdOrder order_;
  std::vector<TwinRecord*> slots_;               // open addressing, at most three quarters full
};

// Which twins have which value at one leaf.
class TwinIndex {
 public:
  TwinIndex(model::TwinPart part, std::string_view path) : part_(part), path_(path) {}

  bool is(model::TwinPart part, std::string_view path) const { return part_ == part && path_ == path; }
  void build(const TwinTable& table);
  void changed(TwinRecord& record, const engine::Twin* before, const engine::Twin* after);
  // Visits those that may have this value, in order of id, beginning at `from`.
  void each(std::string_view value, std::string_view from,
            const std::function<bool(TwinRecord&)>& visit) const;
  std::uint64_t used = 0;

 private:
  struct Entry {
    std::uint64_t hash;
    TwinRecord* record;
  };
  struct Key {
    std::uint64_t hash;
    std::string_view id;
  };
  struct Less {
    bool operator()(const Entry& a, const Entry& b) const {
      return a.hash != b.hash ? a.hash < b.hash : a.record->id() < b.record->id();
    }
    bool operator()(const Entry& a, const Key& b) const {
      return a.hash != b.hash ? a.hash < b.hash : a.record->id() < b.id;
    }
  };

  model::TwinPart part_;
  std::string path_;
  Order<Entry, Less> entries_;
};

}  // namespace selvedge::store
