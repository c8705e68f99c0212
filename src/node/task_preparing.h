// What Tasks keeps of a preparation and of a health check under way. Private to tasks*.cc.

#pragma once

#include <memory>
#include <string>

#include "node/tasks_state.h"

namespace selvedge::node {

struct Tasks::State::Preparing {
  std::string name;
  std::uint64_t id = 0;
  engine::TaskValue task;
  std::size_t next = 0;                            // artifact
  std::uint64_t used = 0, most = 0;                // bytes unpacked, and allowed
  bool abandoned = false;
};

struct Tasks::State::Checking final : os::ChildEvents {
  Checking(Tasks::State& o, const engine::TaskCheck& c) : owner(o), asked(c) {}
  void on_output(os::Child&, os::ChildOutput, base::BytesView bytes) override;
  void on_exit(os::Child&, const os::ChildExit& how) override;
  void on_failure(os::Child&, const base::Error& why) override;

  Tasks::State& owner;
  engine::TaskCheck asked;
  std::unique_ptr<os::Child> child;
  net::http::Transfer transfer;
  os::TimerId timer = os::TimerId::none;
  std::string said;                                // the beginning of what the command wrote
};

}  // namespace selvedge::node
