// A client and a server that says whatever the input says. Whatever comes, the client must send
// only what decodes, stay within its bounds, and never report a publish twice.

#include <cstddef>
#include <cstdint>
#include <set>

#include "base/bytes.h"
#include "codec/mqtt/packet.h"
#include "engine/session/client.h"

namespace {

using namespace selvedge;
using engine::Client;
using engine::ClientEvents;

class Play {
 public:
  Play(base::BytesView script, codec::mqtt::Version version)
      : script_(script), client_(options(version)), sent_(1 << 20), version_(version) {}

  void run() {
    open();
    while (!script_.empty()) {
      step(script_[0]);
      check();
    }
  }

 private:
  static engine::ClientOptions options(codec::mqtt::Version version) {
    engine::ClientOptions options;
    options.version = version;
    options.client_id = "fuzz";
    options.session_expiry = 60;
    options.clean_start = version == codec::mqtt::Version::v5;
    options.inflight = 4;
    options.receive_maximum = 4;
    options.packet_bytes = 1'000;
    options.waiting_bytes = 500;
    return options;
  }

  void open() {
    sent_ = codec::mqtt::Decoder(1 << 20);
    sent_.set_version(version_);
    client_.transport_open(now_, events_);
  }

  // The top two bits of a step say what happens; the rest how much of it.
  void step(std::uint8_t what) {
    script_ = script_.subspan(1);
    const std::size_t amount = what & 0x3F;
    const auto qos = static_cast<std::uint8_t>(amount % 3);
    switch (what >> 6) {
      case 0: {
        const std::size_t count = std::min(amount, script_.size());
        client_.received(script_.first(count), now_, events_);
        script_ = script_.subspan(count);
        break;
      }
      case 1: {
        const auto id = client_.publish("t", base::BytesView(payload_).first(amount), qos,
                                        amount % 5 == 0, now_, events_);
        if (id && *id != engine::PublishId::none) CHECK(open_.insert(*id).second);
        break;
      }
      case 2:
        now_ = now_ + std::chrono::seconds(amount);
        client_.tick(now_, events_);
        break;
      default:
        if (amount < 8) {
          client_.disconnect(now_, events_);
        } else if (amount < 32) {
          client_.subscribe(amount % 2 == 0 ? "a/#" : "b", qos, now_, events_);
        } else {
          check();
          client_.transport_closed(now_, events_);
          open();
        }
    }
  }

  void check() {
    sent_.feed(events_.send);
    for (;;) {
      const auto packet = sent_.next();
      CHECK(packet);
      if (!*packet) break;
    }
    for (const auto& one : events_.acknowledged) CHECK(open_.erase(one.id) == 1);
    CHECK(client_.inflight() <= 4);
    CHECK(client_.inflight() + client_.waiting() == open_.size());
    events_.clear();
  }

  base::BytesView script_;
  Client client_;
  ClientEvents events_;
  codec::mqtt::Decoder sent_;
  codec::mqtt::Version version_;
  base::Instant now_;
  const base::Bytes payload_ = base::Bytes(64, 'p');
  std::set<engine::PublishId> open_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  for (const auto version : {codec::mqtt::Version::v311, codec::mqtt::Version::v5}) {
    Play({data, size}, version).run();
  }
  return 0;
}
