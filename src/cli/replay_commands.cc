#include <csignal>

#include "base/json.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/device_link.h"
#include "cli/replay.h"

namespace selvedge::cli {

using base::Code;
using base::fail;
using base::Result;

namespace {

Result<ReplayOptions> options_of(const Arguments& arguments, os::World& world) {
  ReplayOptions options;
  options.device = TRY(device_options(arguments, world));
  const std::string rate = arguments.text("rate", "max");
  if (rate == "realtime") {
    options.pace = ReplayOptions::Pace::realtime;
    const auto speed = base::parse_double(arguments.text("speed", "1"));
    if (!speed || *speed <= 0) return fail(Code::invalid_input, "--speed: expected a number above 0");
    options.speed = *speed;
  } else if (rate != "max") {
    const auto per_second = base::parse_double(rate);
    if (!per_second || *per_second <= 0)
      return fail(Code::invalid_input, "--rate: expected readings a second, realtime or max");
    options.pace = ReplayOptions::Pace::rate;
    options.rate = *per_second;
  }
  options.qos = static_cast<std::uint8_t>(TRY(arguments.integer("qos", 1, 0, 2)));
  options.batch = static_cast<std::uint32_t>(TRY(arguments.integer("batch", 1, 1, 10'000)));
  options.device.inflight =
      static_cast<std::uint16_t>(TRY(arguments.integer("inflight", 20, 1, 1000)));
  options.device.waiting_bytes = 64 << 20;
  const std::string stamp = arguments.text("stamp", "file");
  if (stamp != "file" && stamp != "now") return fail(Code::invalid_input, "--stamp: file or now");
  options.stamp_now = stamp == "now";
  options.loop_files = arguments.has("loop");
  if (arguments.has("for"))
    options.time_limit = TRY(base::while_doing("--for", base::parse_duration(arguments.text("for"))));
  if (options.loop_files && !arguments.has("for"))
    return fail(Code::invalid_input, "--loop needs --for");
  options.topic_prefix = arguments.text("prefix");
  return options;
}

void report(const ReplayTotals& totals, std::uint8_t qos, Out& out) {
  base::JsonWriter json;
  json.begin_object()
      .field("devices", totals.devices)
      .field("published", totals.published)
      .field("acknowledged", totals.acknowledged)
      .field("refused", totals.refused)
      .field("reconnects", totals.reconnects)
      .field("seconds", totals.seconds)
      .field("ack_p50_us", totals.ack_p50_us)
      .field("ack_p99_us", totals.ack_p99_us)
      .end_object();
  if (out.json()) return out.document(json.text());
  const double rate = static_cast<double>(qos > 0 ? totals.acknowledged : totals.published) / totals.seconds;
  char text[64];
  std::snprintf(text, sizeof text, "%.0f", rate);
  out.table({"DEVICES", "PUBLISHED", "ACKNOWLEDGED", "REFUSED", "RECONNECTS", "READINGS/S"},
            {{std::to_string(totals.devices), std::to_string(totals.published),
              std::to_string(totals.acknowledged), std::to_string(totals.refused),
              std::to_string(totals.reconnects), text}});
}

void show_progress(os::World& world, Replay& replay, Out& out, const bool& over) {
  if (over) return;
  const ReplayTotals totals = replay.totals();
  char text[160];
  std::snprintf(text, sizeof text, "%llu devices, %llu published, %llu acknowledged",
                static_cast<unsigned long long>(totals.connected),
                static_cast<unsigned long long>(totals.published),
                static_cast<unsigned long long>(totals.acknowledged));
  out.progress(text);
  world.loop().after(std::chrono::milliseconds(500),
                     [&world, &replay, &out, &over] { show_progress(world, replay, out, over); });
}

Result<int> replay(const Arguments& arguments, Session& session) {
  ReplayOptions options = TRY(options_of(arguments, session.world));
  const auto rows = TRY(arguments.integer("rows", 100'000'000, 1, 100'000'000));
  std::vector<CsvSeries> series;
  for (const std::string& file : arguments.positional)
    for (CsvSeries& one : TRY(read_csv_series(session.world, file, static_cast<std::size_t>(rows))))
      series.push_back(std::move(one));
  if (series.empty()) return fail(Code::invalid_input, "no readings in these files");
  const auto devices = TRY(arguments.integer("devices", 0, 0, 100'000));
  for (std::size_t i = 0; devices > 0 && series.size() < static_cast<std::size_t>(devices); ++i) {
    CsvSeries copy = series[i];
    copy.device += "-" + std::to_string(series.size());
    copy.topic += "/" + std::to_string(series.size());
    series.push_back(std::move(copy));
  }
  if (arguments.has("ledger")) {
    options.ledger = std::fopen(arguments.text("ledger").c_str(), "w");
    if (options.ledger == nullptr) return fail(Code::invalid_input, "--ledger: cannot write");
  }
  std::FILE* const ledger = options.ledger;
  const std::uint8_t qos = options.qos;
  Replay replay(session.world, std::move(series), std::move(options));
  bool over = false;
  replay.start([&] {
    over = true;
    session.world.stop();
  });
  show_progress(session.world, replay, session.out, over);
  const int signals[] = {SIGINT, SIGTERM};
  while (!over)
    if (session.world.run(signals) != 0) replay.stop(std::chrono::seconds(10));
  session.out.progress_done();
  if (ledger != nullptr) std::fclose(ledger);
  const ReplayTotals totals = replay.totals();
  report(totals, qos, session.out);
  const bool complete = qos == 0 || totals.acknowledged == totals.published;
  return complete ? 0 : base::exit_status(Code::unavailable);
}

}  // namespace

std::vector<Command> replay_commands() {
  return {{"device", "replay", "FILE...", 1, 10'000,
           "Send the series of CSV files as devices do, one connection a series.",
           "Each file has a header, a time column and value columns; each value column is a device "
           "that publishes {\"ts\":MS,\"COLUMN\":X} on FILE.",
           {"selvedge device replay temps.csv --to mqtt://127.0.0.1:1883 --rate 1000",
            "selvedge device replay data/*.csv --rate max --qos 1 --ledger sent.csv"},
           device_link_flags({
               {"rate", "N", "Readings a second in all, or realtime, or max.", "max"},
               {"speed", "X", "With realtime: how many times faster.", "1"},
               {"qos", "0|1|2", "Quality of service.", "1"},
               {"batch", "N", "Readings in a message.", "1"},
               {"inflight", "N", "Unacknowledged publishes of a device.", "20"},
               {"stamp", "file|now", "Which time the readings carry.", "file"},
               {"rows", "N", "Read at most this many rows of a file."},
               {"devices", "N", "Repeat the series until there are this many devices."},
               {"loop", "", "Begin again at the end of a file; needs --for."},
               {"for", "DURATION", "Stop after this long."},
               {"prefix", "TEXT", "Put in front of every topic."},
               {"ledger", "FILE", "Write every acknowledged reading here."}}),
           replay}};
}

}  // namespace selvedge::cli
