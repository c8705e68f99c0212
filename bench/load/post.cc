#include "load/post.h"

#include <charconv>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include <strings.h>

#include "load/connection.h"
#include "load/payload.h"
#include "load/report.h"

namespace selvedge::bench {
namespace {

// The value of a header in the head of an answer, or nothing.
std::string_view header(std::string_view head, std::string_view name) {
  while (!head.empty()) {
    const std::size_t end = std::min(head.find("\r\n"), head.size());
    const std::string_view line = head.substr(0, end);
    head.remove_prefix(std::min(end + 2, head.size()));
    if (line.size() > name.size() && line[name.size()] == ':' &&
        strncasecmp(line.data(), name.data(), name.size()) == 0) {
      std::string_view value = line.substr(name.size() + 1);
      while (value.starts_with(' ')) value.remove_prefix(1);
      return value;
    }
  }
  return {};
}

class Post;

struct Requester : Receiver {
  Requester(Post& owner, Source its_source) : post(owner), source(its_source) {}
  void received(Connection&, std::string_view bytes) override;
  void ended(Connection&, std::string_view why) override;

  Post& post;
  Source source;
  std::unique_ptr<Connection> connection;
  std::string answer;
  std::uint64_t asked_at = 0;
};

class Post {
 public:
  explicit Post(const Options& options)
      : options_(options), tls_(make_tls(options)), payloads_(options) {}

  int run();
  void request(Requester& requester);
  // Takes a whole answer out of what has arrived, if there is one.
  void answered(Requester& requester);
  void ended(std::string_view why);

 private:
  void print(const Stopwatch& watch) const;

  const Options& options_;
  TlsContext tls_;
  PayloadMaker payloads_;
  Poller poller_;
  std::vector<std::unique_ptr<Requester>> requesters_;
  std::uint64_t asked_ = 0, taken_ = 0, refused_ = 0, lost_ = 0;
  Latency latency_;
};

void Requester::received(Connection&, std::string_view bytes) {
  answer += bytes;
  post.answered(*this);
}

void Requester::ended(Connection&, std::string_view why) { post.ended(why); }

void Post::ended(std::string_view why) {
  if (lost_++ == 0)
    std::fprintf(stderr, "mqtt_load: a connection ended: %.*s\n", static_cast<int>(why.size()),
                 why.data());
}

void Post::request(Requester& requester) {
  if (asked_ == options_.messages) return;
  ++asked_;
  const std::string& body = payloads_.next(requester.source);
  std::string& out = requester.connection->queue();
  out += "POST " + options_.path + " HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\n" +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n";
  out += body;
  requester.asked_at = now_ns();
  requester.connection->flush();
}

void Post::answered(Requester& requester) {
  std::string& answer = requester.answer;
  const std::size_t end = answer.find("\r\n\r\n");
  if (end == std::string::npos) return;
  const std::string_view head = std::string_view(answer).substr(0, end + 2);
  const std::string_view length = header(head, "Content-Length");
  std::size_t body = 0;
  std::from_chars(length.data(), length.data() + length.size(), body);
  if (answer.size() < end + 4 + body) return;
  if (head.substr(0, 10) == "HTTP/1.1 2") {
    ++taken_;
  } else if (refused_++ == 0) {
    std::fprintf(stderr, "mqtt_load: refused: %s\n", answer.c_str());
  }
  latency_.add(now_ns() - requester.asked_at);
  answer.erase(0, end + 4 + body);
  request(requester);
}

int Post::run() {
  for (std::uint32_t i = 0; i < options_.connections; ++i) {
    Requester& made = *requesters_.emplace_back(std::make_unique<Requester>(*this, payloads_.source(i)));
    made.connection = std::make_unique<Connection>(poller_, options_.port, tls_.get(), made);
  }
  Stopwatch watch(options_);
  for (const auto& requester : requesters_) request(*requester);
  while (taken_ + refused_ < options_.messages && lost_ == 0 &&
         watch.elapsed() < options_.most_seconds)
    poller_.poll(5'000'000);
  watch.stop();
  print(watch);
  return lost_ == 0 && refused_ == 0 ? 0 : 1;
}

void Post::print(const Stopwatch& watch) const {
  Report report(options_);
  report.field("connections", options_.connections);
  report.field("tls", requesters_[0]->connection->cipher());
  report.field("acknowledged", static_cast<double>(taken_));
  report.field("refused", static_cast<double>(refused_));
  watch.report(report, taken_);
  const double readings = static_cast<double>(taken_) * payloads_.readings();
  report.field("readings", readings);
  report.field("readings_per_cpu_second", readings / watch.server_cpu());
  report.field("ack", latency_);
  if (!options_.server.empty()) report.memory(memory(options_.server));
  report.field("connections_lost", static_cast<double>(lost_));
  report.print();
}

}  // namespace

int run_post(const Options& options) { return Post(options).run(); }

}  // namespace selvedge::bench
