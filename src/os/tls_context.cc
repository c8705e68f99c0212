#include "os/tls_context.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <sys/auxv.h>
#if defined(__arm__) || defined(__aarch64__)
#include <asm/hwcap.h>
#endif

#include <string_view>
#include <utility>

#include "crypto/crypto.h"
#include "crypto/private_key.h"
#include "os/tls_names.h"
#include "os/tls_session.h"

namespace selvedge::os {
namespace {

constexpr long ticket_seconds = 12 * 3600;
constexpr std::size_t most_tickets = 64;  // of servers, each a few kilobytes

template <typename T, void (*Free)(T*)>
struct Freer {
  void operator()(T* what) const { Free(what); }
};
using Certificate = std::unique_ptr<X509, Freer<X509, X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY, EVP_PKEY_free>>;
using Session = std::unique_ptr<SSL_SESSION, Freer<SSL_SESSION, SSL_SESSION_free>>;

struct BioFreer {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
std::unique_ptr<BIO, BioFreer> reader(std::string_view text) {
  return std::unique_ptr<BIO, BioFreer>(
      BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

base::Result<std::vector<Certificate>> parse_certificates(std::string_view pem,
                                                          std::string_view which) {
  const auto bio = reader(pem);
  std::vector<Certificate> found;
  ERR_clear_error();
  while (X509* const next = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr))
    found.emplace_back(next);
  // The text ends where no further PEM block starts; anything else is damage.
  const unsigned long error = ERR_peek_last_error();
  const bool ended = ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
  ERR_clear_error();
  if (found.empty() || !ended)
    return base::fail(base::Code::invalid_input,
                      std::string(which) + ": not a PEM certificate");
  return found;
}

base::Result<Key> parse_key(std::string_view pem) {
  if (crypto::is_key_uri(pem)) {
    const crypto::PrivateKey held =
        TRY(base::while_doing("TLS key", crypto::load_private_key(pem)));
    auto* const key = static_cast<EVP_PKEY*>(held.native());
    EVP_PKEY_up_ref(key);
    return Key(key);
  }
  const auto bio = reader(pem);
  // A key under a passphrase is refused instead of asking the terminal for one.
  Key key(PEM_read_bio_PrivateKey(
      bio.get(), nullptr, [](char*, int, int, void*) { return -1; }, nullptr));
  ERR_clear_error();
  if (!key)
    return base::fail(base::Code::invalid_input,
                      "TLS key: not a PEM private key without passphrase");
  return key;
}

bool has_aes_instructions() {
#if defined(__x86_64__) || defined(__i386__)
  return __builtin_cpu_supports("aes") != 0;
#elif defined(__aarch64__)
  return (getauxval(AT_HWCAP) & HWCAP_AES) != 0;
#elif defined(__arm__)
  return (getauxval(AT_HWCAP2) & HWCAP2_AES) != 0;
#else
  return false;
#endif
}

base::Error openssl_error(std::string_view step) {
  return {base::Code::internal, std::string(step) + ": " + take_error()};
}

}  // namespace

TlsContext::TlsContext(TlsSide side, const TlsConfig& config)
    : side_(side),
      peer_certificate_(config.peer),
      server_name_(config.server_name),
      admit_(config.admit) {}

TlsContext::~TlsContext() {
  for (const auto& [server, ticket] : tickets_) SSL_SESSION_free(ticket);
  SSL_CTX_free(openssl_);
}

base::Result<std::shared_ptr<const TlsContext>> TlsContext::create(TlsSide side,
                                                                   const TlsConfig& config) {
  std::shared_ptr<TlsContext> context(new TlsContext(side, config));
  TRY(context->set_up(config));
  return context;
}

base::Result<void> TlsContext::set_up(const TlsConfig& config) {
  openssl_ = SSL_CTX_new(side_ == TlsSide::server ? TLS_server_method() : TLS_client_method());
  if (openssl_ == nullptr) return std::unexpected(openssl_error("set up TLS"));
  SSL_CTX_set_min_proto_version(openssl_, config.tls13_only ? TLS1_3_VERSION : TLS1_2_VERSION);
  // A peer that just goes is as good as one that says so: our protocols frame what they send.
  SSL_CTX_set_options(openssl_, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                    SSL_OP_IGNORE_UNEXPECTED_EOF |
                                    SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  SSL_CTX_set_mode(openssl_, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                 SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                 SSL_MODE_NO_AUTO_CHAIN);  // we send what we were given
  // One system call a record instead of two.
  SSL_CTX_set_read_ahead(openssl_, 1);
  SSL_CTX_set1_groups_list(openssl_, "X25519:P-256:P-384");
  use_ciphers(config);
  use_tickets(config);
  TRY(use_identity(config));
  return use_trust(config);
}

void TlsContext::use_ciphers(const TlsConfig& config) {
  const char* modern = "TLS_CHACHA20_POLY1305_SHA256";
  const char* older = "ECDHE+CHACHA20";
  if (!config.chacha20_only && has_aes_instructions()) {
    modern = "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384";
    older = "ECDHE+AESGCM:ECDHE+CHACHA20";
  } else if (!config.chacha20_only) {
    modern = "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384";
    older = "ECDHE+CHACHA20:ECDHE+AESGCM";
  }
  SSL_CTX_set_ciphersuites(openssl_, modern);
  SSL_CTX_set_cipher_list(openssl_, older);
}

void TlsContext::use_tickets(const TlsConfig& config) {
  SSL_CTX_set_app_data(openssl_, this);
  SSL_CTX_set_timeout(openssl_, ticket_seconds);
  if (side_ == TlsSide::server) {
    // Sessions live in the tickets that the clients keep.
    SSL_CTX_set_session_cache_mode(openssl_, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(openssl_, 1);
    // A ticket stands for a chain that was verified: it counts only for who trusts the same.
    const crypto::Digest whose = crypto::sha256(base::as_bytes(config.trusted));
    SSL_CTX_set_session_id_context(openssl_, whose.data(), whose.size());
    if (config.tls13_only && !crypto::is_key_uri(config.key)) {
      sealing_ = std::make_unique<TlsTickets>(config.key);
      sealing_->serve(openssl_);
    }
  } else {
    SSL_CTX_set_session_cache_mode(openssl_,
                                   SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(openssl_, &TlsContext::take_ticket);
  }
}

base::Result<void> TlsContext::use_identity(const TlsConfig& config) {
  if (config.certificate.empty() && config.key.empty()) {
    if (side_ == TlsSide::client) return {};
    return base::fail(base::Code::invalid_input, "TLS certificate: a server needs one");
  }
  const std::vector<Certificate> chain =
      TRY(parse_certificates(config.certificate, "TLS certificate"));
  const Key key = TRY(parse_key(config.key));
  if (SSL_CTX_use_certificate(openssl_, chain.front().get()) != 1)
    return std::unexpected(openssl_error("TLS certificate"));
  for (std::size_t i = 1; i < chain.size(); ++i)
    if (SSL_CTX_add1_chain_cert(openssl_, chain[i].get()) != 1)
      return std::unexpected(openssl_error("TLS certificate"));
  if (X509_check_private_key(chain.front().get(), key.get()) != 1) {
    ERR_clear_error();
    return base::fail(base::Code::invalid_input,
                      "TLS key: it does not belong to the certificate");
  }
  if (SSL_CTX_use_PrivateKey(openssl_, key.get()) != 1)
    return std::unexpected(openssl_error("TLS key"));
  return {};
}

base::Result<void> TlsContext::use_trust(const TlsConfig& config) {
  using enum TlsConfig::PeerCertificate;
  int mode = SSL_VERIFY_NONE;
  if (config.peer != none) mode = SSL_VERIFY_PEER;
  if (config.peer == required) mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
  SSL_CTX_set_verify(openssl_, mode, nullptr);
  SSL_CTX_set_cert_verify_callback(openssl_, &TlsContext::verify_chain, nullptr);
  if (config.peer == none) return {};
  X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(openssl_), X509_V_FLAG_PARTIAL_CHAIN);
  if (config.trusted.empty()) {
    if (side_ == TlsSide::server)
      return base::fail(base::Code::invalid_input,
                        "TLS trust: a server that asks for certificates needs CA certificates");
    SSL_CTX_set_default_verify_paths(openssl_);
    return {};
  }
  const std::vector<Certificate> trusted = TRY(parse_certificates(config.trusted, "TLS trust"));
  for (const Certificate& each : trusted) {
    X509_STORE_add_cert(SSL_CTX_get_cert_store(openssl_), each.get());
    if (side_ == TlsSide::server) SSL_CTX_add_client_CA(openssl_, each.get());
  }
  return {};
}

base::Result<void> TlsContext::admit(const Peer& peer) const {
  if (!admit_) return {};
  return admit_(peer);
}

// Runs inside a full handshake, so that a peer who is refused learns it from an alert.
int TlsContext::verify_chain(X509_STORE_CTX* store, void*) {
  auto* const ssl = static_cast<SSL*>(
      X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  auto* const session = static_cast<TlsSession*>(SSL_get_app_data(ssl));
  const bool trusted = X509_verify_cert(store) == 1;
  return session->judge(trusted, store) ? 1 : 0;
}

int TlsContext::take_ticket(SSL* ssl, SSL_SESSION* ticket) {
  const auto* const session = static_cast<TlsSession*>(SSL_get_app_data(ssl));
  if (SSL_SESSION_is_resumable(ticket) != 1) return 0;
  session->context().keep_ticket(session->resume_key(), ticket);
  return 1;  // ours to free
}

void TlsContext::keep_ticket(const std::string& server, SSL_SESSION* ticket) const {
  const auto place = tickets_.find(server);
  if (place != tickets_.end()) {
    SSL_SESSION_free(std::exchange(place->second, ticket));
    return;
  }
  if (tickets_.size() >= most_tickets) {
    SSL_SESSION_free(tickets_.begin()->second);
    tickets_.erase(tickets_.begin());
  }
  tickets_.emplace(server, ticket);
}

SSL_SESSION* TlsContext::ticket(const std::string& server) const {
  const auto place = tickets_.find(server);
  return place == tickets_.end() ? nullptr : place->second;
}

base::Result<std::shared_ptr<OpensslTls>> OpensslTls::create(TlsSide side,
                                                             const TlsConfig& config) {
  std::shared_ptr<const TlsContext> context = TRY(TlsContext::create(side, config));
  return std::shared_ptr<OpensslTls>(new OpensslTls(side, std::move(context)));
}

base::Result<void> OpensslTls::replace(const TlsConfig& config) {
  current_ = TRY(TlsContext::create(side_, config));
  return {};
}

}  // namespace selvedge::os
