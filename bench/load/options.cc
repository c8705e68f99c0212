#include "load/options.h"

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <string_view>

namespace selvedge::bench {
namespace {

[[noreturn]] void usage(const std::string& problem) {
  std::fprintf(stderr, R"(mqtt_load: %s

usage: mqtt_load MODE --port P [options]       loopback only; prints one line of JSON

  fanin   publishers in a closed loop, each with a window; a subscriber on everything
  paced   the same at a fixed --rate: latencies
  batch   every message carries --batch-readings readings
  hold    opens --connections, leaves them idle, says what they cost in memory
  post    the batches by HTTP POST on --connections kept alive

  --pubs N            publishers (100), each with a topic of its own
  --msgs N            messages in all (100000)
  --maxsec S          stop after this long (60)
  --qos 0|1           (0)
  --inflight N        messages under way, of all publishers (4000)
  --window N          QoS 1: unacknowledged, of one publisher (20, at most 250)
  --rate R            messages a second in all
  --payload KIND      number ("21.53"), json ({"ts":...,"value":21.53}), random bytes
  --size N            bytes of a random payload; json is padded to it
  --batch-readings N  (100)    --format json|line
  --no-subscriber
  --v5                MQTT 5 instead of 3.1.1
  --user U --password P
  --topic PREFIX      (bench/), the publisher's number follows
  --ca F --cert F --key F   TLS, mutual if a certificate is given
  --suites S          of TLS 1.3 (TLS_AES_128_GCM_SHA256)
  --pid A,B           server processes whose CPU and memory is reported
  --connections N     hold, post (1000)    --settle S   hold (2)
  --path P            post (/api/v1/readings?format=line-protocol)
  --label TEXT        copied to the output
)",
               problem.c_str());
  std::exit(2);
}

template <typename T>
T number(std::string_view name, std::string_view text, T least, T most) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < least || value > most)
    usage(std::string(name) + ": '" + std::string(text) + "' is not a number in its range");
  return value;
}

template <typename T>
T word(std::string_view name, std::string_view text, const std::map<std::string_view, T>& words) {
  const auto found = words.find(text);
  if (found == words.end()) usage(std::string(name) + ": unknown '" + std::string(text) + "'");
  return found->second;
}

std::vector<pid_t> pids(std::string_view name, std::string_view text) {
  std::vector<pid_t> all;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(','), text.size());
    all.push_back(number<pid_t>(name, text.substr(0, end), 1, INT32_MAX));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return all;
}

}  // namespace

Options parse_options(int argc, char** argv) {
  Options o;
  using Take = std::function<void(std::string_view name, std::string_view value)>;
  const auto integer = [](auto& into, auto least, auto most) -> Take {
    using T = std::remove_reference_t<decltype(into)>;
    return [&into, least, most](std::string_view name, std::string_view value) {
      into = number<T>(name, value, static_cast<T>(least), static_cast<T>(most));
    };
  };
  const auto text = [](std::string& into) -> Take {
    return [&into](std::string_view, std::string_view value) { into = value; };
  };
  const std::map<std::string_view, Take> valued = {
      {"--port", integer(o.port, 1, 65535)},
      {"--pubs", integer(o.publishers, 1, 100'000)},
      {"--msgs", integer(o.messages, 1, 1'000'000'000)},
      {"--maxsec", integer(o.most_seconds, 0.1, 3600.0)},
      {"--qos", integer(o.qos, 0, 1)},
      {"--inflight", integer(o.in_flight, 1, 1'000'000)},
      {"--window", integer(o.window, 1, 250)},
      {"--rate", integer(o.rate, 0.1, 1e7)},
      {"--size", integer(o.size, 1, 1 << 20)},
      {"--batch-readings", integer(o.batch_readings, 1, 10'000)},
      {"--connections", integer(o.connections, 1, 100'000)},
      {"--settle", integer(o.settle_seconds, 0.0, 600.0)},
      {"--payload",
       [&](std::string_view name, std::string_view value) {
         o.payload = word<Payload>(
             name, value,
             {{"number", Payload::number}, {"json", Payload::json}, {"random", Payload::random}});
       }},
      {"--format",
       [&](std::string_view name, std::string_view value) {
         o.format = word<BatchFormat>(name, value,
                                      {{"json", BatchFormat::json}, {"line", BatchFormat::line}});
       }},
      {"--pid", [&](std::string_view name, std::string_view value) { o.server = pids(name, value); }},
      {"--user", text(o.user)},
      {"--password", text(o.password)},
      {"--topic", text(o.topic)},
      {"--ca", text(o.authority)},
      {"--cert", text(o.certificate)},
      {"--key", text(o.key)},
      {"--suites", text(o.suites)},
      {"--path", text(o.path)},
      {"--label", text(o.label)},
  };
  if (argc < 2) usage("no mode given");
  o.mode = word<std::string>("MODE", argv[1],
                             {{"fanin", "fanin"},
                              {"paced", "paced"},
                              {"batch", "batch"},
                              {"hold", "hold"},
                              {"post", "post"}});
  for (int i = 2; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--no-subscriber") {
      o.subscriber = false;
    } else if (name == "--v5") {
      o.version = 5;
    } else if (const auto found = valued.find(name); found == valued.end()) {
      usage("unknown option " + std::string(name));
    } else if (i + 1 == argc) {
      usage(std::string(name) + " needs a value");
    } else {
      found->second(name, argv[++i]);
    }
  }
  if (o.mode == "paced" && o.rate == 0) usage("paced needs --rate");
  if (o.mode == "batch" && o.payload == Payload::random) usage("batch carries readings");
  if (!o.certificate.empty() && o.key.empty()) usage("--cert needs --key");
  return o;
}

}  // namespace selvedge::bench
