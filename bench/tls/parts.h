// Parts of tls_bench: what each of its processes does. Sockets, keys in files, and no more.

#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "os/stream.h"

namespace selvedge::bench {

// ca.crt, server.crt, server.key, client.crt, client.key in an existing folder.
base::Result<void> write_keys(const std::string& folder);
enum class Side : std::uint8_t { server, client };
base::Result<os::TlsConfig> read_keys(const std::string& folder, Side side);

// A server on os/, until its standard input ends. "handshakes": takes connections and keeps them.
// "bulk": writes as much as is taken. "echo": answers what it is sent.
int serve(const std::string& folder, const std::string& what, bool chacha);

// Handshakes one after the other with a plain OpenSSL client, whoever the server is.
int shake_hands(const std::string& folder, std::uint16_t port, bool resumed, int count);
// Reads so many MiB and goes.
int receive(const std::string& folder, std::uint16_t port, bool chacha, std::uint64_t mebibytes);
// So many connections of os/ at once while one that is connected asks every 10 ms.
int storm(const std::string& folder, std::uint16_t port, int count);
// The model of engine/admission.
int model(double microseconds, std::uint32_t nodes);

}  // namespace selvedge::bench
