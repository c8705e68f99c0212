// device follow: a device that does what is wished of it, and says so.

#include <csignal>

#include "base/json.h"
#include "cli/commands.h"
#include "cli/device_link.h"
#include "client/device_twin.h"

namespace selvedge::cli {

using base::Result;

namespace {

Result<int> follow(const Arguments& arguments, Session& session) {
  client::DeviceOptions options = TRY(device_options(arguments, session.world));
  const std::string name = arguments.positional[0];
  const auto wanted = TRY(arguments.integer("count", 0, 0, 1'000'000'000));
  options.client_id = arguments.text("client-id", name);
  options.clean_start = false;         // wishes wait in the session that an earlier run left
  client::Device device(session.world, options);
  client::DeviceTwin twin(device, name);
  std::int64_t done = 0;
  std::optional<base::Error> problem;
  device.on_lost([&](const base::Error& why) { session.out.note("connection lost: " + why.message); });
  twin.on_refused([&](std::string_view why) { session.out.note("the node refused a report: " + std::string(why)); });
  std::map<engine::PublishId, std::int64_t> reports;
  device.on_acknowledged([&](engine::PublishId id, codec::mqtt::Reason) {
    if (reports.erase(id) == 0) return;
    if (++done == wanted) session.world.stop();
  });
  twin.on_wish([&](std::uint64_t version, const codec::json::Value& wishes) {
    base::JsonWriter state;
    codec::json::write(wishes, state);
    base::JsonWriter line;
    line.begin_object().field("version", version).key("wish").raw(state.text()).end_object();
    session.out.line(session.out.json() ? line.text() : "version " + std::to_string(version) + ": " + state.text());
    const auto reported = twin.report(state.text());
    if (reported) {
      reports[*reported] = done;
    } else {
      problem = reported.error();
      session.world.stop();
    }
  });
  if (arguments.has("report")) {
    const std::string state = arguments.text("report");
    TRY(base::while_doing("--report", codec::json::parse(state, 64 << 10)));
    TRY(twin.report(state));
  }
  device.start();
  const int signals[] = {SIGINT, SIGTERM};
  session.world.run(signals);
  device.stop();
  if (problem) return std::unexpected(*problem);
  return 0;
}

}  // namespace

std::vector<Command> follow_commands() {
  return {{"device", "follow", "NAME", 1, 1, "Act as a device that does whatever is wished of it.",
           "Prints each wish of the device's twin and reports it as done. Until Ctrl-C, or --count wishes.",
           {"selvedge device follow pump-7 --to mqtt://127.0.0.1:1883",
            "selvedge device follow pump-7 --count 1 --report '{\"motor\":{\"speed\":0}}'"},
           device_link_flags({{"client-id", "TEXT", "MQTT client id.", "NAME"},
                              {"report", "JSON", "Report this first."},
                              {"count", "N", "Stop after this many wishes are done and acknowledged; 0: never.", "0"}}),
           follow}};
}

}  // namespace selvedge::cli
