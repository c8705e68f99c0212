// selvedge check: what would keep a node from working, and how to mend it.

#include <sys/resource.h>
#include <sys/timex.h>

#include "base/json.h"
#include "base/text.h"
#include "cli/api_client.h"
#include "cli/commands.h"
#include "crypto/crypto.h"
#include "crypto/est.h"
#include "identity/identity.h"

namespace selvedge::cli {

using base::Result;

namespace {

enum class Verdict : std::uint8_t { good, warning, bad };

struct Finding {
  std::string what;
  Verdict verdict = Verdict::good;
  std::string detail, mend;
};

std::string_view word(Verdict verdict) {
  return verdict == Verdict::good ? "ok" : verdict == Verdict::warning ? "warning" : "bad";
}

Finding check_clock(os::World& world) {
  const base::Time now = world.loop().wall_now();
  const base::Time release = base::parse_time("2026-01-01").value();
  if (now < release)
    return {"clock", Verdict::bad, "says " + base::to_iso8601(now),
            "set it, or let an NTP client do so: certificates and readings depend on it"};
  timex state{};
  if (adjtimex(&state) == TIME_ERROR)
    return {"clock", Verdict::warning, "is not synchronised", "run an NTP client (chrony, systemd-timesyncd)"};
  return {"clock", Verdict::good, base::to_iso8601(now), ""};
}

Finding check_disk(os::World& world, const std::string& state) {
  auto dir = world.directory(state, false);
  if (!dir)
    return {"disk", Verdict::bad, dir.error().message,
            "make it, owned by the user that runs selvedge-node, or name another with --state"};
  const std::string probe = ".selvedge-check";
  if (const auto written = os::write_file(**dir, probe, base::as_bytes("x")); !written)
    return {"disk", Verdict::bad, written.error().message, "let this user write into " + state};
  base::ignore((*dir)->remove(probe), "a probe left behind does no harm");
  const auto free = (*dir)->free_bytes();
  if (!free) return {"disk", Verdict::bad, free.error().message, "check the file system"};
  if (*free < (256ULL << 20))
    return {"disk", Verdict::warning, base::size_text(*free) + " free in " + state,
            "free some, or lower store.blocks and store.journal"};
  return {"disk", Verdict::good, base::size_text(*free) + " free in " + state, ""};
}

Finding check_limits() {
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  if (files.rlim_max < 4096)
    return {"limits", Verdict::warning, std::to_string(files.rlim_max) + " open files",
            "raise LimitNOFILE: each connection takes one"};
  return {"limits", Verdict::good, std::to_string(files.rlim_max) + " open files", ""};
}

Finding check_end(const std::string& what, const crypto::CertificateInfo& certificate,
                  base::Time now, const std::string& mend) {
  Finding finding{what, Verdict::good,
                  certificate.common_name + ", until " + base::to_iso8601(certificate.not_after), ""};
  const base::Duration life = certificate.not_after - certificate.not_before;
  const base::Duration left = certificate.not_after - now;
  if (certificate.not_before > now) {
    finding.verdict = Verdict::bad;
    finding.detail = "is not valid before " + base::to_iso8601(certificate.not_before);
    finding.mend = "set the clock: it says " + base::to_iso8601(now);
  } else if (left.count() <= 0) {
    finding.verdict = Verdict::bad;
    finding.detail = "ran out at " + base::to_iso8601(certificate.not_after);
    finding.mend = mend;
  } else if (left < life / 6) {
    // It should have been renewed at a third.
    finding.verdict = Verdict::warning;
    finding.mend = "runs out in " + base::to_string(left) + " and was not renewed: " + mend;
  }
  return finding;
}

std::vector<Finding> check_certificates(os::World& world, const std::string& state) {
  const auto loaded = identity::load(world, state);
  if (!loaded)
    return {{"identity", Verdict::bad, loaded.error().message,
             "join again: selvedge node join --replace"}};
  if (!*loaded)
    return {{"identity", Verdict::warning, "this node has not joined a fleet",
             "selvedge node join --cloud URL --token TOKEN"}};
  const identity::NodeIdentity& joined = **loaded;
  const base::Time now = world.loop().wall_now();
  const auto own = crypto::read_certificate(joined.certificate);
  const auto authorities = crypto::split_certificates(joined.authority);
  if (!own || !authorities)
    return {{"certificate", Verdict::bad, (own ? authorities.error() : own.error()).message,
             "join again: selvedge node join --replace"}};
  std::vector<Finding> findings{check_end(
      "certificate", *own, now,
      "let the node run and reach the cloud; when it has run out for longer than the cloud's "
      "identity.node-grace, join again: selvedge node join --replace")};
  for (const std::string& authority : *authorities)
    if (const auto info = crypto::read_certificate(authority))
      findings.push_back(check_end("authority", *info, now, "selvedge authority rotate"));
  return findings;
}

// One TCP (and TLS) connection to the cloud's MQTT listener.
Finding check_cloud(os::World& world, os::RealWorld& real, const std::string& state) {
  const auto loaded = identity::load(world, state);
  if (!loaded || !*loaded) return {"cloud", Verdict::warning, "not joined", "join first"};
  const identity::NodeIdentity& joined = **loaded;
  struct Probe final : os::StreamEvents {
    std::function<void(Result<bool>)> done;
    void on_open(os::Stream&) override { done(true); }
    void on_bytes(os::Stream&, base::BytesView) override {}
    void on_close(os::Stream&, const base::Error& why) override { done(std::unexpected(why)); }
  } probe;
  os::TlsConfig tls;
  tls.certificate = joined.certificate;
  tls.key = joined.key;
  tls.trusted = joined.authority;
  tls.tls13_only = true;
  tls.admit = identity::admit_cloud;
  const auto context = world.network().client_tls(tls);
  const auto endpoint = os::parse_endpoint(joined.cloud_mqtt);
  if (!context || !endpoint)
    return {"cloud", Verdict::bad, "identity cannot be used", "join again"};
  std::unique_ptr<os::Stream> stream;
  const auto outcome = wait_for<Result<bool>>(real, [&](auto done) {
    probe.done = done;
    stream = world.network().connect(*endpoint, *context, std::chrono::seconds(5), probe);
  });
  if (!outcome)
    return {"cloud", Verdict::bad, joined.cloud_mqtt + ": " + outcome.error().message,
            "check the address, the firewall, and that selvedge-cloud runs"};
  return {"cloud", Verdict::good, joined.cloud_mqtt + " answers over mutual TLS", ""};
}

Finding check_node(const Arguments& arguments, Session& session) {
  auto api = ApiClient::node(arguments, session);
  if (!api) return {"node", Verdict::bad, api.error().message, ""};
  const auto ready = api->request("GET", "/readyz");
  if (!ready)
    return {"node", Verdict::warning, ready.error().message, "start selvedge-node, or name it with --node"};
  return {"node", Verdict::good, "is ready", ""};
}

// The usual ports, unless the node that answered has them.
Finding check_ports(os::World& world, bool node_ready) {
  std::string taken;
  for (const int port : {1883, 8883, 8080}) {
    const auto listener = world.network().listen(
        {"127.0.0.1", static_cast<std::uint16_t>(port)}, nullptr, [](std::unique_ptr<os::Stream>) {});
    if (!listener) taken += (taken.empty() ? "" : ", ") + std::to_string(port);
  }
  if (taken.empty() || node_ready)
    return {"ports", Verdict::good, taken.empty() ? "1883, 8883 and 8080 are free" : taken + " in use", ""};
  return {"ports", Verdict::warning, taken + " in use, and not by a node that is ready",
          "stop what listens there (another broker?), or set mqtt.listen and http.listen"};
}

Result<int> check(const Arguments& arguments, Session& session) {
  const std::string state = arguments.text("state", "/var/lib/selvedge/node");
  std::vector<Finding> findings{check_clock(session.world), check_disk(session.world, state),
                                check_limits()};
  for (Finding& finding : check_certificates(session.world, state))
    findings.push_back(std::move(finding));
  findings.push_back(check_cloud(session.world, session.world, state));
  findings.push_back(check_node(arguments, session));
  findings.push_back(check_ports(session.world, findings.back().verdict == Verdict::good));

  base::JsonWriter json;
  json.begin_array();
  std::vector<std::vector<std::string>> rows;
  bool bad = false;
  for (const Finding& f : findings) {
    bad = bad || f.verdict == Verdict::bad;
    json.begin_object().field("check", f.what).field("verdict", word(f.verdict));
    json.field("detail", f.detail).field("mend", f.mend).end_object();
    rows.push_back({f.what, std::string(word(f.verdict)), f.detail, f.mend});
  }
  if (session.out.json()) session.out.document(json.end_array().take());
  else session.out.table({"CHECK", "VERDICT", "DETAIL", "TO MEND IT"}, rows);
  return bad ? base::exit_status(base::Code::unavailable) : 0;
}

}  // namespace

std::vector<Command> check_commands() {
  return {{"check", "", "", 0, 0, "Check this machine: clock, disk, limits, certificates, cloud, node, ports.",
           "Each finding that is not ok says how to mend it. Exit status 0 if nothing is bad.",
           {"selvedge check", "selvedge check --state /srv/node --json"},
           node_flags({{"state", "DIR", "The node's state directory.", "/var/lib/selvedge/node",
                        "SELVEDGE_STATE"}}),
           check}};
}

}  // namespace selvedge::cli
