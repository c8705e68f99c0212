// TlsContext: keys, certificates and rules of one TLS identity, as OpenSSL holds them; and the
// identity itself, which can take a new context while connections of the old one run on.

#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "os/stream.h"
#include "os/tls_tickets.h"

struct ssl_ctx_st;
struct ssl_session_st;
struct ssl_st;
struct x509_store_ctx_st;

namespace selvedge::os {

enum class TlsSide : std::uint8_t { server, client };

class TlsContext {
 public:
  static base::Result<std::shared_ptr<const TlsContext>> create(TlsSide side,
                                                                const TlsConfig& config);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  ssl_ctx_st* openssl() const { return openssl_; }
  TlsSide side() const { return side_; }
  TlsConfig::PeerCertificate peer_certificate() const { return peer_certificate_; }
  const std::string& server_name() const { return server_name_; }
  base::Result<void> admit(const Peer& peer) const;

  // Tickets of servers that a client met, to shorten the next handshake with each.
  void keep_ticket(const std::string& server, ssl_session_st* ticket) const;
  ssl_session_st* ticket(const std::string& server) const;  // null if there is none

 private:
  TlsContext(TlsSide side, const TlsConfig& config);
  base::Result<void> set_up(const TlsConfig& config);
  base::Result<void> use_identity(const TlsConfig& config);
  base::Result<void> use_trust(const TlsConfig& config);
  void use_ciphers(const TlsConfig& config);
  void use_tickets(const TlsConfig& config);

  static int verify_chain(x509_store_ctx_st* store, void*);
  static int take_ticket(ssl_st* ssl, ssl_session_st* ticket);

  TlsSide side_;
  TlsConfig::PeerCertificate peer_certificate_;
  std::string server_name_;
  std::function<base::Result<void>(const Peer&)> admit_;
  ssl_ctx_st* openssl_ = nullptr;
  std::unique_ptr<TlsTickets> sealing_;     // of a server's tickets
  mutable std::map<std::string, ssl_session_st*> tickets_;
};

class OpensslTls final : public Tls {
 public:
  static base::Result<std::shared_ptr<OpensslTls>> create(TlsSide side, const TlsConfig& config);

  base::Result<void> replace(const TlsConfig& config) override;
  const std::shared_ptr<const TlsContext>& current() const { return current_; }

 private:
  OpensslTls(TlsSide side, std::shared_ptr<const TlsContext> context)
      : side_(side), current_(std::move(context)) {}

  TlsSide side_;
  std::shared_ptr<const TlsContext> current_;
};

}  // namespace selvedge::os
