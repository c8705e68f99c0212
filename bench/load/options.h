// Options of mqtt_load; see usage() for what each means.

#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace selvedge::bench {

enum class Payload : std::uint8_t { number, json, random };
enum class BatchFormat : std::uint8_t { json, line };

struct Options {
  std::string mode;                    // fanin, paced, batch, hold, post
  std::string label;
  std::uint16_t port = 1883;
  std::uint32_t publishers = 100;
  std::uint64_t messages = 100'000;    // in all
  double most_seconds = 60;
  std::uint8_t qos = 0;
  std::uint64_t in_flight = 4000;      // of all publishers
  std::uint32_t window = 20;           // unacknowledged, of one publisher
  double rate = 0;                     // messages a second in all; 0: closed loop
  Payload payload = Payload::number;
  std::size_t size = 0;                // bytes; json is padded to it
  std::uint32_t batch_readings = 100;
  BatchFormat format = BatchFormat::json;
  bool subscriber = true;
  std::uint8_t version = 4;            // MQTT 3.1.1, or 5
  std::string user, password;
  std::string topic = "bench/";        // followed by the publisher's number
  std::string authority, certificate, key;   // PEM files; any of them: TLS
  std::string suites = "TLS_AES_128_GCM_SHA256";   // of TLS 1.3
  std::vector<pid_t> server;
  std::uint32_t connections = 1000;    // hold, post
  double settle_seconds = 2;           // hold
  std::string path = "/api/v1/readings?format=line-protocol";   // post

  bool tls() const { return !authority.empty() || !certificate.empty(); }
};

// Ends the program with status 2 and the usage if the arguments make no sense.
Options parse_options(int argc, char** argv);

}  // namespace selvedge::bench
