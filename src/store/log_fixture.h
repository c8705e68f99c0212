// A segment log on a fake machine, for tests.

#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "os/fake/simulation.h"
#include "store/segment_log.h"

namespace selvedge::store {

class LogTest : public testing::Test {
 protected:
  static constexpr std::uint32_t lane = 1;

  // What a log holds, by position.
  using Contents = std::map<std::uint64_t, std::string>;

  void open(LogLimits limits = {}) {
    log.reset();
    replayed.clear();
    auto opened = SegmentLog::open(machine.directory("log", true).value(), machine.loop(), lane,
                                   limits, [&](const Record& record) -> base::Result<void> {
                                     replayed[record.at.value] = base::as_text(record.payload);
                                     return {};
                                   });
    ASSERT_TRUE(opened) << opened.error().message;
    log = std::move(*opened);
  }

  Position append(std::string_view text) {
    const auto at = log->append(1, base::as_bytes(text));
    EXPECT_TRUE(at) << at.error().message;
    return at.value_or(Position{});
  }

  // Waits until everything so far is durable; false if that takes more than a minute.
  bool commit() {
    bool done = false;
    log->commit([&] { done = true; });
    return sim.run_until([&] { return done; }, std::chrono::minutes(1));
  }

  Contents scanned(Position from = {}) {
    Contents found;
    const auto end = log->scan(from, [&](const Record& record) {
      found[record.at.value] = base::as_text(record.payload);
      return true;
    });
    EXPECT_TRUE(end) << end.error().message;
    return found;
  }

  std::string text_at(Position at) {
    base::Bytes payload;
    const auto kind = log->read(at, payload);
    return kind ? std::string(base::as_text(payload)) : "(" + kind.error().message + ")";
  }

  void power_cut() {
    log.reset();
    machine.crash();
    machine.restart();
  }

  std::vector<std::string> files() { return machine.disk().files(); }

  os::fake::Simulation sim{7};
  os::fake::Machine& machine = sim.machine("node");
  std::unique_ptr<SegmentLog> log;
  Contents replayed;
};

}  // namespace selvedge::store
