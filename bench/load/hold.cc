#include "load/hold.h"

#include "load/clients.h"
#include "load/report.h"

namespace selvedge::bench {

int run_hold(const Options& options) {
  Clients clients(options, [](Client&, const Packet&) {});
  const Memory before = memory(options.server);
  Stopwatch watch(options);
  if (!clients.connect(options.connections)) return 1;
  watch.stop();
  const auto settle_ns = static_cast<std::uint64_t>(options.settle_seconds * 1e9);
  for (const std::uint64_t began = now_ns(); now_ns() - began < settle_ns;)
    clients.poll(100'000'000);
  const Memory after = memory(options.server);

  const double count = options.connections;
  const auto each = [count](std::uint64_t from, std::uint64_t to) {
    return (static_cast<double>(to) - static_cast<double>(from)) / count;
  };
  Report report(options);
  report.field("connections", count);
  report.field("tls", clients.at(0).connection->cipher());
  report.field("connect_seconds", watch.seconds());
  report.field("server_us_per_connect", watch.server_cpu() * 1e6 / count);
  report.field("rss_before_bytes", static_cast<double>(before.rss_bytes));
  report.memory(after);
  report.field("rss_per_connection_bytes", each(before.rss_bytes, after.rss_bytes));
  report.field("pss_per_connection_bytes", each(before.pss_bytes, after.pss_bytes));
  report.field("connections_lost", static_cast<double>(clients.lost()));
  report.print();
  return clients.lost() == 0 ? 0 : 1;
}

}  // namespace selvedge::bench
