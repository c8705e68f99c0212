#include "cloud/config.h"

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
  s.bind("limits.nodes", nodes, "Connections of nodes at a time.", 1, 1'000'000);
  s.bind("limits.receive-buffer", receive_buffer,
         "Batches received and not yet committed; beyond it reading pauses.");
  s.bind("limits.commit", commit_bytes, "Most bytes of batches committed in one transaction.");
  s.bind("tls.chacha20-only", chacha20_only, "Offer ChaCha20-Poly1305 and nothing else.");
}

base::Result<void> CloudConfig::finish() {
  if (hosts.empty())
    return base::fail(base::Code::invalid_input,
                      "hosts: at least one name or address is needed for the certificate");
  if (commit_bytes.bytes < (2 << 20))
    return base::fail(base::Code::invalid_input, "limits.commit: at least 2MiB, one whole batch");
  return {};
}

}  // namespace selvedge::cloud
