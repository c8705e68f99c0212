// Replay: real series sent as devices send them: one MQTT connection a series, one reading (or a
// small batch) a publish, acknowledged or not, at a rate or by the series' own clock.
//
// Every acknowledged reading can be written to a ledger ("series,time_ns,value" a line), which
// `selvedge series verify` holds against the cloud.

#pragma once

#include <cstdio>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/metrics.h"
#include "cli/csv_series.h"
#include "client/device.h"
#include "os/world.h"

namespace selvedge::cli {

struct ReplayOptions {
  enum class Pace : std::uint8_t { maximum, rate, realtime } pace = Pace::maximum;
  double rate = 0;                     // readings a second, of all devices
  double speed = 1;                    // with realtime: how many times faster than the clock
  std::uint8_t qos = 1;
  std::uint32_t batch = 1;             // readings in a message
  bool stamp_now = false;              // the time of publishing instead of the file's
  base::Duration time_limit{};         // stop publishing after this; 0: when the files end
  bool loop_files = false;             // begin again at the end of a file, times moved on
  client::DeviceOptions device;        // client_id is set for each
  std::string topic_prefix;
  std::FILE* ledger = nullptr;
};

struct ReplayTotals {
  std::uint64_t devices = 0, connected = 0;
  std::uint64_t published = 0, acknowledged = 0, refused = 0;   // readings
  std::uint64_t reconnects = 0;
  double seconds = 0, ack_p50_us = 0, ack_p99_us = 0;
};

class Replay {
 public:
  Replay(os::World& world, std::vector<CsvSeries> series, ReplayOptions options);
  ~Replay();

  // `done` once all is published and acknowledged (QoS 1, 2), or stop() was called.
  void start(std::function<void()> done);
  // Publishes no more; waits for what is outstanding, at most `patience`.
  void stop(base::Duration patience);
  ReplayTotals totals() const;

 private:
  struct Source;
  void pump();
  bool publish_next(Source& source);
  void acknowledged(Source& source, engine::PublishId id, codec::mqtt::Reason reason);
  void finish_if_done();
  std::uint64_t due() const;

  os::World& world_;
  ReplayOptions options_;
  std::vector<std::unique_ptr<Source>> sources_;
  std::function<void()> done_;
  ReplayTotals totals_;
  base::Histogram ack_seconds_;
  base::Instant began_{};
  std::uint64_t outstanding_ = 0;      // publishes
  std::size_t turn_ = 0;
  bool stopping_ = false;
  os::TimerId timer_{}, patience_{};
};

}  // namespace selvedge::cli
