#include "os/tls_session.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <cerrno>
#include <utility>

#include "os/address.h"
#include "os/tls_context.h"
#include "os/tls_names.h"

namespace selvedge::os {

base::Result<std::unique_ptr<TlsSession>> TlsSession::create(
    std::shared_ptr<const TlsContext> context, int fd, const std::string& host, Peer& peer) {
  SSL* const ssl = SSL_new(context->openssl());
  if (ssl == nullptr || SSL_set_fd(ssl, fd) != 1) {
    SSL_free(ssl);
    return base::fail(base::Code::exhausted, "set up TLS: " + take_error());
  }
  std::unique_ptr<TlsSession> session(new TlsSession(std::move(context), ssl, peer));
  SSL_set_app_data(ssl, session.get());
  if (session->context_->side() == TlsSide::server)
    SSL_set_accept_state(ssl);
  else
    session->expect(host);
  return session;
}

TlsSession::~TlsSession() {
  // OpenSSL would take back the ticket of a connection that ends without a goodbye, but lost links
  // are what tickets are for.
  if (SSL_is_init_finished(ssl_) == 1)
    SSL_set_shutdown(ssl_, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  SSL_free(ssl_);
}

void TlsSession::expect(const std::string& host) {
  SSL_set_connect_state(ssl_);
  const std::string& name = context_->server_name().empty() ? host : context_->server_name();
  X509_VERIFY_PARAM* const rules = SSL_get0_param(ssl_);
  if (literal_address({.host = name, .port = 0})) {
    X509_VERIFY_PARAM_set1_ip_asc(rules, name.c_str());
  } else {
    X509_VERIFY_PARAM_set_hostflags(rules, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    X509_VERIFY_PARAM_set1_host(rules, name.data(), name.size());
    SSL_set_tlsext_host_name(ssl_, name.c_str());
  }
  resume_key_ = peer_.address + ' ' + name;
  if (SSL_SESSION* const ticket = context_->ticket(resume_key_)) SSL_set_session(ssl_, ticket);
}

bool TlsSession::judge(bool trusted, X509_STORE_CTX* store) {
  X509* const certificate = X509_STORE_CTX_get0_cert(store);
  if (context_->peer_certificate() == TlsConfig::PeerCertificate::none) return true;
  if (!trusted) {
    refuse(certificate, X509_verify_cert_error_string(X509_STORE_CTX_get_error(store)));
    return false;
  }
  describe(certificate, peer_);
  peer_.encrypted = true;
  if (const auto admitted = context_->admit(peer_); !admitted) {
    refuse(certificate, admitted.error().message);
    X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
    return false;
  }
  return true;
}

void TlsSession::refuse(X509* certificate, std::string why) {
  if (certificate != nullptr) refused_subject_ = subject_of(certificate);
  error_ = {base::Code::denied, std::move(why)};
}

// A ticket stands for a chain that was verified when it was given out: what can have changed since
// is asked again.
base::Result<void> TlsSession::check_resumed() {
  X509* const certificate = SSL_get0_peer_certificate(ssl_);
  if (certificate == nullptr) return {};
  describe(certificate, peer_);
  if (X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0) {
    refuse(certificate, "certificate has expired");
    return std::unexpected(error_);
  }
  if (const auto admitted = context_->admit(peer_); !admitted) {
    refuse(certificate, admitted.error().message);
    return std::unexpected(error_);
  }
  return {};
}

Io TlsSession::handshake() {
  ERR_clear_error();
  errno = 0;
  const int result = SSL_do_handshake(ssl_);
  if (result != 1) return outcome(result, 0);
  peer_.encrypted = true;
  const bool asked = context_->peer_certificate() != TlsConfig::PeerCertificate::none;
  if (asked && resumed() && !check_resumed()) {
    SSL_shutdown(ssl_);
    return {.is = Io::Is::error};
  }
  return {};
}

Io TlsSession::read(std::span<std::uint8_t> into) {
  std::size_t filled = 0;
  do {
    ERR_clear_error();
    errno = 0;
    std::size_t count = 0;
    const int result = SSL_read_ex(ssl_, into.data() + filled, into.size() - filled, &count);
    if (result != 1) return outcome(result, filled);
    filled += count;
    if (SSL_has_pending(ssl_) == 0) return {.is = Io::Is::wait_read, .count = filled};
  } while (filled < into.size());
  return {.count = filled};
}

Io TlsSession::write(base::BytesView bytes) {
  ERR_clear_error();
  errno = 0;
  std::size_t count = 0;
  const int result = SSL_write_ex(ssl_, bytes.data(), bytes.size(), &count);
  return result == 1 ? Io{.count = count} : outcome(result, 0);
}

Io TlsSession::shut_down() {
  ERR_clear_error();
  errno = 0;
  const int result = SSL_shutdown(ssl_);
  return result >= 0 ? Io{} : outcome(result, 0);
}

bool TlsSession::resumed() const { return SSL_session_reused(ssl_) == 1; }

bool TlsSession::has_input() const { return SSL_has_pending(ssl_) == 1; }

Io TlsSession::outcome(int result, std::size_t count) {
  const int system = errno;
  switch (SSL_get_error(ssl_, result)) {
    case SSL_ERROR_WANT_READ: return {.is = Io::Is::wait_read, .count = count};
    case SSL_ERROR_WANT_WRITE: return {.is = Io::Is::wait_write, .count = count};
    case SSL_ERROR_ZERO_RETURN: return {.is = Io::Is::end, .count = count};
    case SSL_ERROR_SYSCALL:
      if (system == 0) return {.is = Io::Is::end, .count = count};
      return {.is = Io::Is::error, .count = count, .error_number = system};
    default: break;
  }
  // Our own verdict says more than what OpenSSL makes of it.
  std::string said = take_error();
  if (error_.message.empty()) error_ = {base::Code::denied, std::move(said)};
  return {.is = Io::Is::error, .count = count};
}

}  // namespace selvedge::os
