// TaskNodeTest: a node on a fake machine whose programs are scripts, and artifacts of tasks on its disk.

#pragma once

#include "codec/package/tar.h"
#include "node/cameras_fixture.h"

namespace selvedge::node {

class TaskNodeTest : public CameraNodeTest {
 protected:
  using Process = os::fake::Process;
  os::fake::Processes& programs() { return machine.processes(); }

  void wish(const std::string& path, std::string_view json) {
    const std::string pointer = "/features/tasks/desiredProperties/" + path;
    const auto edited = node->twins().edit(twin, json.empty() ? engine::TwinEdit{engine::TwinEdit::Kind::remove, pointer, ""}
                                                              : engine::TwinEdit{engine::TwinEdit::Kind::put, pointer, json});
    ASSERT_TRUE(edited) << edited.error().message;
    bool durable = false;
    node->twins().commit([&] { durable = true; });
    run_until([&] { return durable; });
  }
  std::string said(const std::string& path) {
    const engine::Twin* own = node->twins().find(twin);
    return own == nullptr ? "" : std::string(own->leaf(model::TwinPart::reported, "/tasks/" + path));
  }
  void until_said(const std::string& path, const std::string& json) {
    ASSERT_TRUE(sim.run_until([&] { return said(path) == json; }, std::chrono::minutes(10)))
        << path << " is " << said(path) << "; " << said(path.substr(0, path.find('/')) + "/reason");
  }
  std::size_t running(std::string_view program) {
    const auto all = programs().running();
    return static_cast<std::size_t>(std::ranges::count_if(all, [&](const Process* p) { return p->options().program == program; }));
  }
  Process* process(std::string_view program) {
    for (Process* one : programs().running())
      if (one->options().program == program) return one;
    return nullptr;
  }
  std::string content(const std::string& path) {
    const auto bytes = machine.disk().contents(path);
    return bytes ? std::string(base::as_text(*bytes)) : "(none)";
  }
  static std::string tar(const std::vector<std::pair<std::string, std::string>>& files) {
    std::vector<codec::ArchiveMember> members;
    for (const auto& [name, text] : files) members.push_back({name, base::to_bytes(text)});
    const base::Bytes bytes = codec::write_tar(members).value();
    return std::string(base::as_text(bytes));
  }
  // The node's program ends, and begins again; what it started goes on.
  void program_restart() {
    machine.crash({os::fake::Crash::Disk::keeps_written});
    devices.clear();
    node.reset();
    machine.restart();
    start();
  }
};

}  // namespace selvedge::node
