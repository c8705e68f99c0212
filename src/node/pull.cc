#include "node/pull.h"

#include <algorithm>

#include "base/log.h"
#include "base/text.h"
#include "codec/json/value.h"

namespace selvedge::node {
namespace {

net::http::ClientLimits client_limits(const PullConfig& config) {
  net::http::ClientLimits limits;
  limits.connections = 1024;
  limits.connections_per_host = config.per_host;
  limits.body_bytes = 4 << 20;
  limits.timeout = config.timeout;
  limits.idle_timeout = std::min<base::Duration>(config.period * 2, std::chrono::minutes(5));
  return limits;
}

}  // namespace

Pull::Pull(os::World& world, Ingest& ingest, base::Registry& metrics, const PullConfig& config,
           std::shared_ptr<os::Tls> tls, std::function<void()> commit)
    : world_(world),
      ingest_(ingest),
      config_(config),
      commit_(std::move(commit)),
      client_(world, client_limits(config), std::move(tls)),
      fetches_(metrics.counter("selvedge_pull_fetches_total", "URLs fetched.",
                               {{"source", config.name}})),
      failures_(metrics.counter("selvedge_pull_failures_total", "Fetches that gave no readings.",
                                {{"source", config.name}})),
      skipped_(metrics.counter("selvedge_pull_skipped_total",
                               "Periods skipped because the last one was still running.",
                               {{"source", config.name}})) {
  const auto format = codec::payload::parse_format(config.format);
  if (format) options_.format = *format;
  for (const std::string& entry : config.series) {
    const std::size_t equals = entry.find('=');
    wanted_.push_back({entry.substr(0, equals), equals == std::string::npos ? "" : entry.substr(equals + 1)});
  }
  for (const std::string& url : config.urls) {
    std::string prefix = config.series_prefix.empty() ? config.name : config.series_prefix;
    if (config.urls.size() > 1)
      if (const auto parsed = net::http::parse_url(url))
        prefix += "/" + parsed->host + ":" + std::to_string(parsed->port) +
                  parsed->target.substr(0, parsed->target.find('?'));
    prefixes_.push_back(std::move(prefix));
  }
}

Pull::~Pull() { world_.loop().cancel(timer_); }

void Pull::start() {
  timer_ = world_.loop().after(config_.period, [this] { start(); });
  poll();
}

void Pull::poll() {
  if (outstanding_ > 0) {
    skipped_.add();
    return;
  }
  outstanding_ = config_.urls.size();
  for (std::size_t i = 0; i < config_.urls.size(); ++i)
    client_.fetch({"GET", config_.urls[i], {{"accept", "application/json, */*"}}, {}},
                  [this, i](base::Result<net::http::Fetched> fetched) {
                    answered(i, std::move(fetched));
                  });
}

void Pull::answered(std::size_t index, base::Result<net::http::Fetched> fetched) {
  --outstanding_;
  fetches_.add();
  base::Result<std::size_t> taken =
      fetched ? take(index, *fetched)
              : base::Result<std::size_t>(std::unexpected(std::move(fetched).error()));
  if (!taken) {
    failures_.add();
    base::log::debug("pull", "no readings", {{"url", config_.urls[index]}, {"why", taken.error()}});
    return;
  }
  commit_();
}

base::Result<std::size_t> Pull::take(std::size_t index, const net::http::Fetched& fetched) {
  if (fetched.status != 200)
    return base::fail(base::Code::unavailable, "answered " + std::to_string(fetched.status));
  if (!wanted_.empty()) return take_pointers(prefixes_[index], fetched);
  IncomingMessage message;
  message.source = config_.urls[index];
  message.client = message.device = config_.name;
  message.payload = base::as_bytes(fetched.body);
  return ingest_.payload(message, prefixes_[index], options_);
}

base::Result<std::size_t> Pull::take_pointers(const std::string& prefix,
                                              const net::http::Fetched& fetched) {
  const auto document = TRY(codec::json::parse(fetched.body));
  const base::Time now = world_.loop().wall_now();
  std::vector<NamedReading> readings;
  for (const Wanted& wanted : wanted_) {
    const codec::json::Value& value = document.at_pointer(wanted.pointer);
    if (!value.is_number())
      return base::fail(base::Code::invalid_input, "no number at " + wanted.pointer);
    readings.push_back({prefix + "/" + wanted.series, now, model::ValueView::of(value.number())});
  }
  TRY(ingest_.readings(config_.name, readings));
  return readings.size();
}

}  // namespace selvedge::node
