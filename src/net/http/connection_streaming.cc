// Bodies that are sent while they are made.
//
// The stream below says that it is drained only after much was unsent; a writer is told each time
// nothing is left. Little is usually taken at the end of the turn, so the next turn looks; while the
// system still holds some, later turns look again, with growing pauses.

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "net/http/connection.h"

namespace selvedge::net::http {

namespace {

constexpr std::size_t stream_tells_beyond = 64 << 10;
constexpr base::Duration longest_look = std::chrono::milliseconds(50);
constexpr base::Duration first_look = std::chrono::milliseconds(1);

}  // namespace

class StreamWriter final : public BodyWriter {
 public:
  StreamWriter(std::weak_ptr<Connection> connection, std::uint64_t serial)
      : connection_(std::move(connection)), serial_(serial) {}
  StreamWriter(const StreamWriter&) = delete;
  StreamWriter& operator=(const StreamWriter&) = delete;
  ~StreamWriter() override {
    if (const auto alive = connection_.lock()) alive->drop_body(serial_);
  }

  void write(base::BytesView bytes) override {
    if (const auto alive = connection_.lock()) alive->write_body(serial_, bytes);
  }
  std::size_t unsent() const override {
    const auto alive = connection_.lock();
    return alive ? alive->unsent_body(serial_) : 0;
  }
  void on_drained(std::function<void()> told) override {
    drained_ = std::move(told);
    if (const auto alive = connection_.lock()) alive->watch_body(serial_);
  }
  void on_closed(std::function<void()> told) override { closed_ = std::move(told); }
  void finish() override {
    drained_ = nullptr;
    closed_ = nullptr;
    const auto alive = std::exchange(connection_, {}).lock();
    if (alive) alive->finish_body(serial_);
  }

  bool watches() const { return static_cast<bool>(drained_); }
  void tell_drained() {
    if (const auto told = drained_) told();
  }
  void tell_closed() {
    connection_.reset();
    drained_ = nullptr;
    if (const auto told = std::exchange(closed_, nullptr)) told();
  }

 private:
  std::weak_ptr<Connection> connection_;
  std::uint64_t serial_;
  std::function<void()> drained_, closed_;
};

void Connection::begin_body(Response response) {
  phase_ = Phase::streaming;
  body_framing_ = framing(response);
  body_left_ = response.length;
  body_written_ = body_taken_ = 0;
  body_look_ = {};
  const auto writer = std::make_shared<StreamWriter>(weak_from_this(), serial_);
  writer_ = writer;
  response.stream(writer);
}

void Connection::write_body(std::uint64_t serial, base::BytesView bytes) {
  if (phase_ != Phase::streaming || serial != serial_) return;
  if (body_left_) {
    bytes = bytes.first(static_cast<std::size_t>(std::min<std::uint64_t>(*body_left_, bytes.size())));
    *body_left_ -= bytes.size();
  }
  if (bytes.empty()) return;
  if (body_framing_ == HeadWriter::Body::chunked) {
    std::array<char, 20> size;  // hexadecimal, and the end of the line
    char* end = std::to_chars(size.data(), size.data() + 16, bytes.size(), 16).ptr;
    *end++ = '\r';
    *end++ = '\n';
    put_body(base::as_bytes(std::string_view(size.data(), static_cast<std::size_t>(end - size.data()))));
    put_body(bytes);
    put_body(base::as_bytes("\r\n"));
  } else {
    put_body(bytes);
  }
  if (deadline_.ns == std::numeric_limits<std::int64_t>::max()) {
    body_taken_ = body_written_ - std::min<std::uint64_t>(body_written_, stream_->unsent());
    await(core_->limits.idle_timeout);
  }
  watch_body(serial);
}

void Connection::put_body(base::BytesView bytes) {
  stream_->write(bytes);
  body_written_ += bytes.size();
}

std::size_t Connection::unsent_body(std::uint64_t serial) const {
  return phase_ == Phase::streaming && serial == serial_ ? stream_->unsent() : 0;
}

void Connection::finish_body(std::uint64_t serial) {
  if (phase_ != Phase::streaming || serial != serial_) return;
  const auto self = shared_from_this();
  writer_.reset();
  if (body_left_.value_or(0) > 0) {
    drop_body(serial);
    return;
  }
  if (body_framing_ == HeadWriter::Body::chunked) stream_->write(base::as_bytes("0\r\n\r\n"));
  keep_alive_ = keep_alive_ && !shutting_;
  answered();
}

// The body will not be whole, and the client must not take it for that.
void Connection::drop_body(std::uint64_t serial) {
  if (phase_ != Phase::streaming || serial != serial_) return;
  const auto self = shared_from_this();
  const auto core = core_;
  writer_.reset();
  abandon();
  core->remove(*this);
}

void Connection::cut_body() {
  if (const auto writer = std::exchange(writer_, {}).lock()) writer->tell_closed();
}

// ---- whether the client takes it ----

void Connection::watch_body(std::uint64_t serial) {
  if (phase_ != Phase::streaming || serial != serial_ || body_look_ != base::Duration::zero()) return;
  const auto writer = writer_.lock();
  if (!writer || !writer->watches()) return;
  body_look_ = first_look;
  core_->world.loop().after({}, [weak = weak_from_this(), serial] {
    const auto self = weak.lock();
    if (self && self->phase_ == Phase::streaming && self->serial_ == serial) self->look_at_body();
  });
}

void Connection::look_at_body() {
  const std::size_t unsent = stream_->unsent();
  if (unsent == 0) {
    body_look_ = {};
    body_drained();
  } else if (unsent > stream_tells_beyond) {
    body_look_ = {};
  } else {
    core_->world.loop().after(body_look_, [weak = weak_from_this(), serial = serial_] {
      const auto self = weak.lock();
      if (self && self->phase_ == Phase::streaming && self->serial_ == serial) self->look_at_body();
    });
    body_look_ = std::min(body_look_ * 2, longest_look);
  }
}

void Connection::body_drained() {
  const auto self = shared_from_this();
  await(base::Duration::max());
  if (const auto writer = writer_.lock()) writer->tell_drained();
}

// At the deadline: true if the client has taken something since the last one, or has it all.
bool Connection::body_moves() {
  const std::uint64_t unsent = stream_->unsent();
  const std::uint64_t taken = body_written_ - std::min(body_written_, unsent);
  if (unsent > 0 && taken <= body_taken_) return false;
  body_taken_ = taken;
  await(unsent > 0 ? core_->limits.idle_timeout : base::Duration::max());
  return true;
}

}  // namespace selvedge::net::http
