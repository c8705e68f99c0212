#include "cloud/config.h"

#include "cloud/config_jobs.h"

namespace selvedge::cloud {

void CloudConfig::bind_to(settings::Settings& s) {
  s.bind("state", state, "Directory of the database, the CA and the certificates.");
  s.bind_word("log.level", log_level, {"debug", "info", "warn", "error", "off"},
              "What is logged.");
  s.bind_word("log.format", log_format, {"text", "json"}, "Lines for people or for machines.");
  s.bind("mqtt.listen", mqtt_listen, "Where nodes connect: host:port, mutual TLS 1.3 only.");
  s.bind("mqtt.advertise", advertise_mqtt,
         "host:port told to nodes that join; empty: the first of hosts and the port of mqtt.listen.");
  s.bind("http.listen", http_listen, "Where operators and joining nodes connect: TLS.");
  s.bind("metrics.listen", metrics_listen,
         "Plain HTTP for /metrics, /healthz and /readyz; empty: off.");
  s.bind("hosts", hosts, "Names and addresses of this cloud; they go into its certificate.");
  s.bind("identity.node-certificate", node_certificate, "How long a node's certificate is valid.");
  s.bind("identity.operator-certificate", operator_certificate,
         "How long an operator's certificate is valid.");
  s.bind("identity.device-certificate", device_certificate,
         "How long a device's certificate is valid.");
  s.bind("identity.cloud-certificate", cloud_certificate,
         "How long the cloud's own certificate is valid.");
  s.bind("identity.authority", authority_valid,
         "How long a certificate authority is valid; at two thirds of it the next one is announced.");
  s.bind("identity.node-grace", node_grace,
         "How long after its end a node's certificate can still be renewed by proof of its key.");
  s.bind("identity.announce", announce,
         "How long a new authority waits for nodes that have not heard of it before it signs.");
  s.bind("identity.key", authority_key,
         "URI of the authority's key (pkcs11:..., store:...); empty: a file in the state directory.");
  s.bind("limits.nodes", nodes, "Connections of nodes at a time.", 1, 1'000'000);
  s.bind("limits.receive-buffer", receive_buffer,
         "Batches received and not yet committed; beyond it reading pauses.");
  s.bind("limits.commit", commit_bytes, "Most bytes of batches committed in one transaction.");
  s.bind("audit.size", audit_bytes, "Record of every change; beyond it the oldest goes.");
  s.bind("access.wrong-tokens", wrong_tokens,
         "Wrong tokens from one address (IPv6: /64) before it has to wait.", 1, 10'000);
  s.bind("access.wrong-tokens-refill", wrong_tokens_refill, "After this long it may be wrong once more.");
  s.bind("artifacts.budget", artifacts_budget, "Artifacts on disk.");
  s.bind("artifacts.keep-free", artifacts_keep_free, "Disk space that artifacts leave to others.");
  s.bind_each("tenant", [this](settings::Settings& e) { bind_tenant(e, tenants.emplace_back()); },
              "What the jobs of a tenant may have in all; a tenant that is not named has no bounds.");
  s.bind("placement.rule", placement_rule,
         "Rule by which nodes are chosen for tasks (best-fit, worst-fit, article, ...); empty: the default one, or what fills nodes better in replays of what was asked of late.");
  s.bind("placement.default-cpu", default_cpu, "Cores of a node that does not say what it has.");
  s.bind("placement.default-memory", default_memory, "Memory of a node that does not say what it has.");
  s.bind("placement.default-disk", default_disk, "Disk of a node that does not say what it has.");
  s.bind("jobs.silence-margin", silence_margin,
         "So long after a silent node must have stopped a task, the task is placed elsewhere if its policy is 'replace'.");
  s.bind("tls.chacha20-only", chacha20_only, "Offer ChaCha20-Poly1305 and nothing else.");
}

base::Result<void> CloudConfig::finish() {
  TRY(check_jobs(*this));
  if (hosts.empty())
    return base::fail(base::Code::invalid_input,
                      "hosts: at least one name or address is needed for the certificate");
  for (const auto& [key, valid] :
       {std::pair("node", node_certificate), std::pair("operator", operator_certificate),
        std::pair("device", device_certificate), std::pair("cloud", cloud_certificate)})
    if (valid < std::chrono::minutes(1) || valid > authority_valid)
      return base::fail(base::Code::invalid_input,
                        std::string("identity.") + key +
                            "-certificate: at least 1m, at most identity.authority");
  if (node_grace < base::Duration{} || announce < base::Duration{})
    return base::fail(base::Code::invalid_input,
                      "identity.node-grace and identity.announce: not below 0s");
  if (commit_bytes.bytes < (2 << 20))
    return base::fail(base::Code::invalid_input, "limits.commit: at least 2MiB, one whole batch");
  return {};
}

}  // namespace selvedge::cloud
