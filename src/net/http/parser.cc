#include "net/http/parser.h"

#include <algorithm>
#include <boost/beast/http/basic_parser.hpp>

namespace selvedge::net::http {

namespace {

namespace beast = boost::beast;
using Text = beast::string_view;

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

bool equals(std::string_view a, std::string_view lower_case) {
  return a.size() == lower_case.size() && std::equal(a.begin(), a.end(), lower_case.begin(),
                                                     [](char x, char y) { return lower(x) == y; });
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

}  // namespace

std::string_view find_header(const Headers& headers, std::string_view lower_case_name) {
  for (const auto& [name, value] : headers) {
    if (name == lower_case_name) return value;
  }
  return {};
}

bool has_token(std::string_view list, std::string_view lower_case_token) {
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    if (equals(trim(list.substr(0, comma)), lower_case_token)) return true;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

// What both kinds of Beast parser look like from outside.
class Parser::Machine {
 public:
  virtual ~Machine() = default;
  virtual std::size_t feed(base::BytesView in, beast::error_code& error) = 0;
  virtual void finish(beast::error_code& error) = 0;
  virtual bool head_is_whole() const = 0;
  virtual bool is_whole() const = 0;
  virtual bool keeps_alive() const = 0;
  virtual std::optional<std::uint64_t> announced() const = 0;

  Message message;
  State state = State::nothing;
  Failure failure = Failure::none;
  std::string reason;
  bool version_1_0 = false;
  std::size_t head_used = 0;  // Beast bounds one field, not the sum of them
  std::size_t head_bytes = 0;
};

namespace {

template <bool is_request>
class Grammar final : public Parser::Machine, public beast::http::basic_parser<is_request> {
  using Base = beast::http::basic_parser<is_request>;
  using Error = beast::error_code;

 public:
  Grammar(Parser::Limits limits, Parser::Body body) : body_bytes_(limits.body_bytes) {
    head_bytes = limits.head_bytes;
    this->header_limit(limits.head_bytes);
    this->body_limit(limits.body_bytes);
    if (body == Parser::Body::none) this->skip(true);
  }

  std::size_t feed(base::BytesView in, Error& error) override {
    return this->put(boost::asio::const_buffer(in.data(), in.size()), error);
  }
  void finish(Error& error) override { this->put_eof(error); }
  bool head_is_whole() const override { return this->is_header_done(); }
  bool is_whole() const override { return this->is_done(); }
  bool keeps_alive() const override { return this->keep_alive(); }
  std::optional<std::uint64_t> announced() const override {
    const auto length = this->content_length();
    return length ? std::optional<std::uint64_t>(*length) : std::nullopt;
  }

 private:
  void on_request_impl(beast::http::verb, Text method, Text target, int version, Error&) override {
    message.method.assign(method.data(), method.size());
    message.target.assign(target.data(), target.size());
    version_1_0 = version == 10;
  }
  void on_response_impl(int status, Text, int version, Error&) override {
    message.status = status;
    version_1_0 = version == 10;
  }
  void on_field_impl(beast::http::field field, Text name, Text value, Error& error) override {
    if (this->is_header_done()) return;  // trailers: nothing here needs them
    const std::string_view text(value.data(), value.size());
    if (is_request && field == beast::http::field::transfer_encoding) {
      // Taking any other coding for no body at all would let one request hide inside another.
      if (version_1_0 || !equals(text, "chunked")) {
        failure = Parser::Failure::unknown_coding;
        error = beast::http::error::bad_transfer_encoding;
        return;
      }
    }
    auto& header = message.headers.emplace_back(std::string(name.data(), name.size()), text);
    std::transform(header.first.begin(), header.first.end(), header.first.begin(), lower);
  }
  void on_header_impl(Error&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>& length, Error&) override {
    // A promise of a length is worth a little room, not all it asks for.
    if (length)
      message.body.reserve(static_cast<std::size_t>(std::min<std::uint64_t>(*length, 65536)));
  }
  std::size_t on_body_impl(Text piece, Error& error) override { return add(piece, error); }
  void on_chunk_header_impl(std::uint64_t, Text, Error&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, Text piece, Error& error) override {
    return add(piece, error);
  }
  void on_finish_impl(Error&) override {}

  std::size_t add(Text piece, Error& error) {
    if (piece.size() > body_bytes_ - message.body.size()) {
      error = beast::http::error::body_limit;
      return 0;
    }
    message.body.append(piece.data(), piece.size());
    return piece.size();
  }

  std::uint64_t body_bytes_;
};

Parser::Failure failure_of(const beast::error_code& error) {
  if (error == beast::http::error::header_limit) return Parser::Failure::head_too_large;
  if (error == beast::http::error::body_limit) return Parser::Failure::body_too_large;
  if (error == beast::http::error::bad_version) return Parser::Failure::unknown_version;
  return Parser::Failure::malformed;
}

}  // namespace

Parser::Parser(Side side, Limits limits, Body body) {
  if (side == Side::request) {
    machine_ = std::make_unique<Grammar<true>>(limits, body);
  } else {
    machine_ = std::make_unique<Grammar<false>>(limits, body);
  }
}

Parser::~Parser() = default;
Parser::Parser(Parser&&) noexcept = default;
Parser& Parser::operator=(Parser&&) noexcept = default;

std::size_t Parser::put(base::BytesView in) {
  Machine& m = *machine_;
  if (in.empty() || m.state == State::done || m.state == State::failed) return 0;
  beast::error_code error;
  std::size_t used = 0;
  if (m.state == State::nothing) {
    // An empty line before a message is skipped (RFC 9112, 2.2).
    while (used < in.size() && (in[used] == '\r' || in[used] == '\n')) ++used;
    if (used == in.size()) return used;
    m.state = State::head;
  }
  while (used < in.size()) {
    const std::size_t taken = m.feed(in.subspan(used), error);
    used += taken;
    if (m.state == State::head) {
      m.head_used += taken;
      if (m.head_used > m.head_bytes) error = beast::http::error::header_limit;
    }
    if (error == beast::http::error::need_more) {
      if (in.size() - used <= m.head_bytes) return used;
      error = beast::http::error::header_limit;  // a line between chunks, or the trailer
    }
    if (error) {
      m.state = State::failed;
      if (m.failure == Failure::none) m.failure = failure_of(error);
      m.reason = error.message();
      return used;
    }
    if (m.is_whole()) {
      m.state = State::done;
      return used;
    }
    if (m.state == State::head && m.head_is_whole()) {
      m.state = State::body;
      return used;
    }
  }
  return used;
}

bool Parser::end_of_input() {
  Machine& m = *machine_;
  if (m.state == State::done) return true;
  if (m.state != State::body) return false;
  beast::error_code error;
  m.finish(error);
  if (!error) m.state = State::done;
  return !error;
}

Parser::State Parser::state() const {
  return machine_->state;
}
Parser::Failure Parser::failure() const {
  return machine_->failure;
}
std::string Parser::reason() const {
  return machine_->reason;
}
Message& Parser::message() {
  return machine_->message;
}
bool Parser::keep_alive() const {
  return machine_->keeps_alive();
}
bool Parser::http_1_0() const {
  return machine_->version_1_0;
}
std::optional<std::uint64_t> Parser::content_length() const {
  return machine_->announced();
}

}  // namespace selvedge::net::http
