// EventHub: what happens to twins, told to those who listen over HTTP.
//
// It tells only what is durable, in the order it happened. The last events are kept for listeners who
// come back. Bounds: listeners; bytes that wait for the disk (beyond them every listener is told that
// it missed something); events kept. Without listeners it costs nothing. Belongs to the loop thread;
// must not outlive the store.

#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "os/world.h"
#include "store/twin_store.h"
#include "things/http_access.h"

namespace selvedge::things {

struct TwinNews {
  store::TwinEvent::Kind kind{};
  std::uint64_t number = 0;            // of the hub, growing by one
  model::TwinId id;
  std::uint64_t revision = 0;
  std::uint64_t modified_ms = 0;
  std::string difference;              // RFC 7396, from the root; "" of a removed twin
};

// What a listener wants to hear of.
struct Interest {
  Sight sight;
  std::vector<model::TwinId> ids;      // sorted; none: all
  std::vector<std::string> namespaces; // none: all
  // Asked of the twin as it is after the change; a removed twin is always told of.
  std::shared_ptr<const engine::TwinFilter> filter;

  bool wants(std::string_view id, const engine::Twin* twin) const;
};

class EventListener {
 public:
  virtual ~EventListener() = default;
  // May call EventHub::leave.
  virtual void tell(const TwinNews& news) = 0;
  virtual void missed() = 0;           // some that it wanted
};

struct EventHubLimits {
  std::size_t listeners = 1000;
  std::size_t waiting_bytes = 16 << 20;
  std::size_t kept_bytes = 4 << 20;
  std::size_t kept = 2000;
};

class EventHub {
 public:
  EventHub(os::World& world, store::TwinStore& store, EventHubLimits limits);
  ~EventHub();
  EventHub(const EventHub&) = delete;
  EventHub& operator=(const EventHub&) = delete;

  // Code::exhausted: there are too many.
  base::Result<void> listen(std::shared_ptr<EventListener> listener, Interest interest);
  void leave(EventListener& listener);
  std::size_t listeners() const { return listeners_.size(); }

  // "3f2a91c04b7d8e15-42": where a listener that knows all so far would go on.
  std::string place() const;
  std::string place(const TwinNews& news) const;
  // Tells `listener`, with its interest, what came behind `place`. False: that is not known any more.
  bool catch_up(EventListener& listener, std::string_view place);

 private:
  struct Entry {
    std::shared_ptr<EventListener> listener;
    Interest interest;
  };
  struct Waiting {
    std::shared_ptr<const TwinNews> news;
    std::vector<EventListener*> to;
  };

  void happened(const store::TwinEvent& event);
  const engine::Twin* twin_of(const TwinNews& news) const;
  void forget();
  void plan();
  void publish(std::uint64_t up_to);
  void keep(std::shared_ptr<const TwinNews> news);

  os::World& world_;
  store::TwinStore& store_;
  EventHubLimits limits_;
  store::TwinStore::WatchId watch_{};
  std::uint64_t token_ = 0;            // of this process, in places
  std::uint64_t number_ = 0;           // of the last event
  std::uint64_t told_ = 0;             // of the last event that was published
  std::map<EventListener*, Entry> listeners_;
  std::deque<Waiting> waiting_;        // for the disk
  std::size_t waiting_bytes_ = 0;
  bool planned_ = false;
  bool forgot_ = false;                // something that waited; nobody was told of it
  bool ever_listened_ = false;
  std::deque<std::shared_ptr<const TwinNews>> kept_;
  std::size_t kept_bytes_ = 0;
  std::shared_ptr<char> life_ = std::make_shared<char>();
};

}  // namespace selvedge::things
