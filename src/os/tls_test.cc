#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "crypto/crypto.h"
#include "os/address.h"
#include "os/fd.h"
#include "os/test_streams.h"

namespace selvedge::os {
namespace {

using namespace std::chrono_literals;
using base::as_bytes;
using PeerCertificate = TlsConfig::PeerCertificate;

base::Time wall_now() {
  return {std::chrono::system_clock::now().time_since_epoch() / std::chrono::nanoseconds(1)};
}

struct Identity {
  std::string certificate, key;
};

class Trust {
 public:
  explicit Trust(const char* name) : authority_(crypto::make_authority(name, wall_now(), 24h).value()) {}

  const std::string& certificate() const { return authority_.certificate; }
  Identity issue(crypto::CertificateRequest request) const {
    const std::string key = crypto::make_key().value();
    if (request.valid == base::Duration::zero()) {
      request.not_before = wall_now();
      request.valid = 1h;
    }
    const std::string csr = crypto::make_csr(key, "whatever").value();
    return {crypto::issue(authority_, csr, request).value(), key};
  }
  Identity device(const std::string& name) const {
    return issue({.role = crypto::Role::device, .name = name, .hosts = {}, .not_before = {}, .valid = {}});
  }
  Identity server(std::vector<std::string> hosts) const {
    return issue({.role = crypto::Role::cloud, .name = "cloud", .hosts = std::move(hosts),
                  .not_before = {}, .valid = {}});
  }

 private:
  crypto::Authority authority_;
};

const Trust& ours() {
  static const Trust trust("Ours");
  return trust;
}
const Trust& theirs() {
  static const Trust trust("Theirs");
  return trust;
}

TlsConfig config(const Identity& identity, const Trust& trusted) {
  TlsConfig made;
  made.certificate = identity.certificate;
  made.key = identity.key;
  made.trusted = trusted.certificate();
  return made;
}

TlsConfig server_config() {
  static const Identity identity = ours().server({"localhost", "127.0.0.1"});
  return config(identity, ours());
}
TlsConfig client_config() {
  static const Identity identity = ours().device("lamp-1");
  return config(identity, ours());
}

// A listener with `at_server` and a client with `with`, up to where one of them knows the outcome.
struct Meeting {
  TestWorld world;
  std::shared_ptr<Tls> server_tls, client_tls;
  std::unique_ptr<Server> server;
  std::unique_ptr<End> client;

  Meeting(const TlsConfig& at_server, const TlsConfig& with, const std::string& host = "127.0.0.1")
      : server_tls(world.network().server_tls(at_server).value()),
        client_tls(world.network().client_tls(with).value()),
        server(std::make_unique<Server>(world, server_tls)) {
    meet(host);
  }
  void meet(const std::string& host = "127.0.0.1") {
    const std::size_t before = server->ends.size();
    const std::uint64_t failed = world->stats().failed_handshakes;
    client = std::make_unique<End>();
    connect(world, *client, {host, server->port()}, client_tls);
    EXPECT_TRUE(world.run_until([&] {
      const bool taken = server->ends.size() > before && client->open;
      return taken || (client->closed && world->stats().failed_handshakes > failed);
    }));
  }
  bool accepted() const { return !server->ends.empty(); }
  End& last() { return *server->ends.back(); }
};

TEST(Tls, MeetsBothWaysAndKnowsTheOtherByItsCertificate) {
  Meeting meeting(server_config(), client_config());
  ASSERT_TRUE(meeting.accepted());

  const Peer& seen = meeting.last().stream->peer();
  EXPECT_TRUE(seen.encrypted);
  EXPECT_TRUE(seen.loopback);
  EXPECT_EQ(seen.common_name, "lamp-1");
  EXPECT_EQ(seen.uris, std::vector<std::string>{"urn:selvedge:device:lamp-1"});
  const auto shown = crypto::read_certificate(client_config().certificate).value();
  EXPECT_EQ(seen.serial, shown.serial);
  EXPECT_EQ(seen.not_after, shown.not_after.ns / 1'000'000'000);
  EXPECT_TRUE(seen.address.starts_with("127.0.0.1:"));
  EXPECT_EQ(meeting.client->stream->peer().common_name, "cloud");
  EXPECT_TRUE(meeting.client->stream->peer().encrypted);

  meeting.client->stream->write(as_bytes("to the cloud"));
  meeting.last().stream->write(as_bytes("to the lamp"));
  ASSERT_TRUE(meeting.world.run_until([&] {
    return meeting.last().received == "to the cloud" && meeting.client->received == "to the lamp";
  }));
}

TEST(Tls, RefusesWhomItDoesNotTrustAndBothLearnWhy) {
  const auto expired = ours().issue({.role = crypto::Role::device, .name = "old", .hosts = {},
                                     .not_before = wall_now() - 3h, .valid = 1h});
  const auto expired_server = ours().issue({.role = crypto::Role::cloud, .name = "old",
                                            .hosts = {"127.0.0.1"},
                                            .not_before = wall_now() - 3h, .valid = 1h});
  TlsConfig nameless = client_config();
  nameless.certificate = nameless.key = "";
  TlsConfig picky = server_config();
  picky.admit = [](const Peer& peer) -> base::Result<void> {
    return base::fail(base::Code::denied, peer.common_name + " was revoked");
  };
  TlsConfig suspicious = client_config();
  suspicious.admit = picky.admit;
  TlsConfig other_name = client_config();
  other_name.server_name = "cloud.example";
  TlsConfig distrustful = client_config();
  distrustful.trusted = theirs().certificate();
  struct Case {
    const char* what;
    TlsConfig server, client;
    const char* client_learns;
  };
  const Case cases[] = {
      {"a client of another authority", server_config(), config(theirs().device("spy"), ours()),
       "the peer says: unknown CA"},
      {"no client certificate", server_config(), nameless, "the peer says: certificate required"},
      {"an expired client", server_config(), config(expired, ours()),
       "the peer says: certificate expired"},
      {"a revoked client", picky, client_config(), "the peer says: bad certificate"},
      {"a server of another authority", server_config(), distrustful,
       "unable to get local issuer certificate"},
      {"an expired server", config(expired_server, ours()), client_config(),
       "certificate has expired"},
      {"a server of another name", server_config(), other_name, "hostname mismatch"},
      {"a server of another address", config(ours().server({"10.1.1.1"}), ours()),
       client_config(), "IP address mismatch"},
      {"a revoked server", server_config(), suspicious, "cloud was revoked"},
  };
  for (const Case& each : cases) {
    SCOPED_TRACE(each.what);
    Meeting meeting(each.server, each.client);

    EXPECT_FALSE(meeting.accepted());
    ASSERT_TRUE(meeting.client->closed);
    EXPECT_NE(meeting.client->closed->message.find(each.client_learns), std::string::npos)
        << meeting.client->closed->message;
    EXPECT_EQ(meeting.client->closed->code, base::Code::denied);
    EXPECT_EQ(meeting.client->times_closed, 1);
    EXPECT_EQ(meeting.world->stats().failed_handshakes, 1u);
    EXPECT_EQ(meeting.world->stats().open_streams, 0u);
  }
}

TEST(Tls, LogsWhomItRefusesWithNameAndReason) {
  testing::internal::CaptureStderr();
  { Meeting meeting(server_config(), config(theirs().device("spy"), ours())); }
  const std::string logged = testing::internal::GetCapturedStderr();
  EXPECT_NE(logged.find("tls: refused a peer address=127.0.0.1:"), std::string::npos) << logged;
  EXPECT_NE(logged.find("CN=spy"), std::string::npos) << logged;
  EXPECT_NE(logged.find("unable to get local issuer certificate"), std::string::npos) << logged;
}

TEST(Tls, TakesClientsWithoutCertificateIfThatIsOptional) {
  TlsConfig lenient = server_config();
  bool asked = false;
  lenient.admit = [&](const Peer&) -> base::Result<void> {
    asked = true;
    return {};
  };
  lenient.peer = PeerCertificate::optional;
  TlsConfig nameless = client_config();
  nameless.certificate = nameless.key = "";
  Meeting meeting(lenient, nameless);
  ASSERT_TRUE(meeting.accepted());
  EXPECT_FALSE(asked);
  EXPECT_TRUE(meeting.last().stream->peer().encrypted);
  EXPECT_EQ(meeting.last().stream->peer().common_name, "");

  Meeting named(lenient, client_config());
  ASSERT_TRUE(named.accepted());
  EXPECT_TRUE(asked);
  EXPECT_EQ(named.last().stream->peer().common_name, "lamp-1");

  Meeting spy(lenient, config(theirs().device("spy"), ours()));
  EXPECT_FALSE(spy.accepted());
}

TEST(Tls, AsksNothingOfThePeerIfToldSo) {
  TlsConfig open_server = server_config(), trusting = client_config();
  open_server.peer = PeerCertificate::none;
  open_server.trusted = "";
  trusting.peer = PeerCertificate::none;
  trusting.trusted = "";
  trusting.server_name = "another.example";
  Meeting meeting(open_server, trusting);
  ASSERT_TRUE(meeting.accepted());
  EXPECT_EQ(meeting.last().stream->peer().common_name, "");
}

TEST(Tls, VerifiesTheNameAServerIsKnownByInsteadOfItsAddress) {
  TlsConfig client = client_config();
  client.server_name = "localhost";
  Meeting meeting(config(ours().server({"localhost"}), ours()), client);
  EXPECT_TRUE(meeting.accepted());
}

TEST(Tls, ResumesWithATicketAndStillAsksWhetherThePeerIsAdmitted) {
  TlsConfig at_server = server_config();
  bool revoked = false;
  int asked = 0;
  at_server.admit = [&](const Peer& peer) -> base::Result<void> {
    ++asked;
    EXPECT_EQ(peer.common_name, "lamp-1");
    if (revoked) return base::fail(base::Code::denied, "revoked meanwhile");
    return {};
  };
  Meeting meeting(at_server, client_config());
  ASSERT_TRUE(meeting.accepted());
  // The ticket comes with the first bytes from the server.
  meeting.last().stream->write(as_bytes("x"));
  ASSERT_TRUE(meeting.world.run_until([&] { return meeting.client->received == "x"; }));

  meeting.meet();
  ASSERT_EQ(meeting.server->ends.size(), 2u);
  EXPECT_EQ(meeting.last().stream->peer().common_name, "lamp-1");
  EXPECT_EQ(meeting.last().stream->peer().uris.size(), 1u);
  EXPECT_EQ(meeting.client->stream->peer().common_name, "cloud");
  EXPECT_EQ(asked, 2);
  EXPECT_EQ(meeting.world->stats().resumed_handshakes, 2u);  // counted at both ends

  revoked = true;
  meeting.meet();
  EXPECT_EQ(meeting.server->ends.size(), 2u);
  EXPECT_EQ(meeting.world->stats().failed_handshakes, 1u);
}

TEST(Tls, ATicketOutlivesTheServersContextAndNotAChangeOfTrust) {
  TlsConfig at_server = server_config();
  at_server.tls13_only = true;
  Meeting meeting(at_server, client_config());
  ASSERT_TRUE(meeting.accepted());
  const auto take_ticket = [&] {
    meeting.last().stream->write(as_bytes("x"));
    return meeting.world.run_until([&] { return meeting.client->received == "x"; });
  };
  ASSERT_TRUE(take_ticket());
  // As a server that starts again with the key it has kept.
  ASSERT_TRUE(meeting.server_tls->replace(at_server));
  meeting.meet();
  ASSERT_TRUE(meeting.accepted());
  EXPECT_EQ(meeting.world->stats().resumed_handshakes, 2u);
  ASSERT_TRUE(take_ticket());
  at_server.trusted += theirs().certificate();
  ASSERT_TRUE(meeting.server_tls->replace(at_server));
  meeting.meet();
  ASSERT_TRUE(meeting.accepted());
  EXPECT_EQ(meeting.world->stats().resumed_handshakes, 2u);
}

TEST(Tls, TakesNewKeysForNewConnectionsAndKeepsTheOpenOnes) {
  Meeting meeting(server_config(), client_config());
  ASSERT_TRUE(meeting.accepted());
  End& old_end = meeting.last();
  const std::unique_ptr<End> old_client = std::move(meeting.client);

  ASSERT_TRUE(meeting.server_tls->replace(config(theirs().server({"127.0.0.1"}), theirs())));
  meeting.meet();
  EXPECT_EQ(meeting.server->ends.size(), 1u);
  ASSERT_TRUE(meeting.client->closed);

  ASSERT_TRUE(meeting.client_tls->replace(config(theirs().device("new"), theirs())));
  meeting.meet();
  ASSERT_EQ(meeting.server->ends.size(), 2u);
  EXPECT_EQ(meeting.last().stream->peer().common_name, "new");

  old_client->stream->write(as_bytes("still here"));
  ASSERT_TRUE(meeting.world.run_until([&] { return old_end.received == "still here"; }));
}

TEST(Tls, UsesAKeyThatIsNamedByAUri) {
  TlsConfig at_server = server_config();
  std::string file = testing::TempDir() + "selvedge-tls-key-XXXXXX";
  const int made = ::mkstemp(file.data());
  ASSERT_EQ(::write(made, at_server.key.data(), at_server.key.size()),
            static_cast<ssize_t>(at_server.key.size()));
  ::close(made);
  at_server.key = "store:file:" + file;
  Meeting meeting(at_server, client_config());
  EXPECT_TRUE(meeting.accepted());
  ::unlink(file.c_str());
  const auto gone = meeting.world->network().server_tls(at_server);
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code, base::Code::not_found) << gone.error().message;
}

TEST(Tls, SaysWhatIsWrongWithKeysAndCertificates) {
  TestWorld world;
  const TlsConfig good = server_config();
  TlsConfig no_certificate = good, bad_certificate = good, bad_key = good, other_key = good,
            bad_trust = good, no_trust = good, torn = good;
  no_certificate.certificate = no_certificate.key = "";
  bad_certificate.certificate = "hello";
  bad_key.key = "hello";
  other_key.key = client_config().key;
  bad_trust.trusted = "hello";
  no_trust.trusted = "";
  torn.certificate.resize(torn.certificate.size() / 2);
  struct Case {
    TlsConfig config;
    const char* says;
  };
  for (const Case& each : {Case{no_certificate, "TLS certificate: a server needs one"},
                           Case{bad_certificate, "TLS certificate: not a PEM certificate"},
                           Case{torn, "TLS certificate: not a PEM certificate"},
                           Case{bad_key, "TLS key: not a PEM private key without passphrase"},
                           Case{other_key, "TLS key: it does not belong to the certificate"},
                           Case{bad_trust, "TLS trust: not a PEM certificate"},
                           Case{no_trust, "TLS trust: a server that asks for certificates needs CA "
                                          "certificates"}}) {
    const auto made = world.network().server_tls(each.config);
    ASSERT_FALSE(made) << each.says;
    EXPECT_EQ(made.error().message, each.says);
    EXPECT_EQ(made.error().code, base::Code::invalid_input);
  }
  const auto tls = world.network().server_tls(good).value();
  EXPECT_FALSE(tls->replace(bad_key));
}

TEST(Tls, MovesManyMegabytesBothWaysWithPauses) {
  Meeting meeting(server_config(), client_config());
  ASSERT_TRUE(meeting.accepted());
  std::string one(6 << 20, '\0'), other(4 << 20, '\0');
  for (std::size_t i = 0; i < one.size(); ++i) one[i] = static_cast<char>(i * 31 >> 3);
  for (std::size_t i = 0; i < other.size(); ++i) other[i] = static_cast<char>(i * 17 >> 4);
  End& server = meeting.last();
  server.stream->pause();
  meeting.client->stream->write(as_bytes(one));
  server.stream->write(as_bytes(other));
  meeting.world.run_turns(100);
  EXPECT_EQ(server.received_bytes, 0u);
  server.then_on_bytes = [&](Stream& stream, base::BytesView) {
    stream.pause();
    meeting.world.loop().after(0ms, [&] { server.stream->resume(); });
  };
  server.stream->resume();

  ASSERT_TRUE(meeting.world.run_until([&] {
    return server.received_bytes >= one.size() && meeting.client->received_bytes >= other.size();
  }));

  EXPECT_EQ(server.received, one);
  EXPECT_EQ(meeting.client->received, other);
  EXPECT_EQ(server.drained, 1);
}

TEST(Tls, FlushesAndSaysGoodbyeWhenItCloses) {
  Meeting meeting(server_config(), client_config());
  ASSERT_TRUE(meeting.accepted());
  const std::string sent(1 << 20, 'x');
  meeting.last().stream->write(as_bytes(sent));
  meeting.last().stream->close();

  ASSERT_TRUE(meeting.world.run_until(
      [&] { return meeting.last().closed.has_value() && meeting.client->closed.has_value(); }));

  EXPECT_EQ(meeting.client->received_bytes, sent.size());
  EXPECT_EQ(meeting.client->closed->message, "closed by peer");
  EXPECT_EQ(meeting.last().closed->message, "closed");
}

TEST(Tls, HandsOutAnAnswerToAPeerThatHasShutItsSide) {
  Meeting meeting(server_config(), client_config());
  ASSERT_TRUE(meeting.accepted());
  End& server = meeting.last();
  const std::string answer(2 << 20, 'x');
  server.then_on_bytes = [&](Stream& stream, base::BytesView) { stream.write(as_bytes(answer)); };
  meeting.client->stream->write(as_bytes("ask"));
  meeting.client->stream->close();

  ASSERT_TRUE(meeting.world.run_until([&] { return server.closed.has_value(); }));

  EXPECT_EQ(server.received, "ask");
  EXPECT_EQ(server.closed->message, "closed by peer");
  EXPECT_EQ(meeting.world->stats().bytes_out, 3 + answer.size());
}

TEST(Tls, MayBeDestroyedWhileItHandsOutBytes) {
  Meeting meeting(server_config(), client_config());
  ASSERT_TRUE(meeting.accepted());
  End& server = meeting.last();
  server.then_on_bytes = [&](Stream&, base::BytesView) { server.stream.reset(); };
  meeting.client->stream->write(as_bytes(std::string(400'000, 'x')));
  ASSERT_TRUE(meeting.world.run_until([&] { return meeting.client->closed.has_value(); }));
}

TEST(Tls, ForgetsHandshakesWhenItsListenerGoes) {
  TestWorld world;
  auto server =
      std::make_unique<Server>(world, world.network().server_tls(server_config()).value());
  End silent;
  connect(world, silent, {"127.0.0.1", server->port()});  // says nothing
  ASSERT_TRUE(world.run_until([&] { return world->stats().accepted == 1; }));
  server.reset();
  ASSERT_TRUE(world.run_until([&] { return silent.closed.has_value(); }));
}

TEST(Tls, RefusesWhatIsNotTls) {
  TestWorld world;
  const Server server(world, world.network().server_tls(server_config()).value());
  End plain;
  connect(world, plain, {"127.0.0.1", server.port()});
  plain.stream->write(as_bytes("GET / HTTP/1.1\r\n\r\n"));
  ASSERT_TRUE(world.run_until([&] { return world->stats().failed_handshakes == 1; }));
  ASSERT_TRUE(world.run_until([&] { return plain.closed.has_value(); }));
  EXPECT_EQ(server.ends.size(), 0u);
}

TEST(Tls, TakesAStormOfMoreClientsThanItServesAtOnce) {
  TestWorld world;
  const Server server(world, world.network().server_tls(server_config()).value());
  const auto tls = world.network().client_tls(client_config()).value();
  constexpr std::size_t count = 300;
  std::vector<std::unique_ptr<End>> clients;
  for (std::size_t i = 0; i < count; ++i) {
    clients.push_back(std::make_unique<End>());
    connect(world, *clients.back(), {"127.0.0.1", server.port()}, tls, 60s);
  }
  ASSERT_TRUE(world.run_until([&] { return server.ends.size() == count; }));
}

// A client of OpenSSL's own with one version of TLS. True if the server takes it.
bool client_of_version(std::uint16_t port, int version) {
  SSL_CTX* const context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_min_proto_version(context, version);
  SSL_CTX_set_max_proto_version(context, version);
  const Fd fd(::socket(AF_INET, SOCK_STREAM, 0));
  const SocketAddress to = *literal_address({"127.0.0.1", port});
  SSL* const ssl = SSL_new(context);
  const bool connected = ::connect(fd.value(), &to.generic, to.size()) == 0 &&
                         SSL_set_fd(ssl, fd.value()) == 1 && SSL_connect(ssl) == 1;
  SSL_free(ssl);
  SSL_CTX_free(context);
  ERR_clear_error();
  return connected;
}

TEST(Tls, TakesTls12OnlyIfItMay) {
  for (const bool tls13_only : {false, true}) {
    TlsConfig at_server = server_config();
    at_server.peer = PeerCertificate::none;
    at_server.tls13_only = tls13_only;
    TestWorld world;
    const Server server(world, world.network().server_tls(at_server).value());
    std::atomic<int> finished = 0;
    bool old_taken = false, new_taken = false;
    std::thread client([&] {
      old_taken = client_of_version(server.port(), TLS1_2_VERSION);
      new_taken = client_of_version(server.port(), TLS1_3_VERSION);
      finished = 1;
    });
    EXPECT_TRUE(world.run_until([&] { return finished == 1; }));
    client.join();
    EXPECT_EQ(old_taken, !tls13_only);
    EXPECT_TRUE(new_taken);
  }
}

}  // namespace
}  // namespace selvedge::os
