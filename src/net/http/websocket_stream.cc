#include "net/http/websocket_stream.h"

#include <optional>
#include <string>

namespace selvedge::net::http {

namespace {

namespace websocket = codec::websocket;
using base::BytesView;
using websocket::CloseCode;
using websocket::Opcode;

// A peer that sends pings and never reads gets no further pongs beyond this.
constexpr std::size_t pong_bound = 64 << 10;
// The stream has no messages, so their size does not matter; frames never fill memory.
constexpr std::uint64_t message_bytes = std::uint64_t{1} << 62;

class WebSocketStream final : public os::Stream, private os::StreamEvents {
 public:
  WebSocketStream(os::World& world, std::unique_ptr<os::Stream> raw, websocket::Role role,
                  base::Bytes early)
      : world_(world),
        raw_(std::move(raw)),
        role_(role),
        decoder_(role, message_bytes),
        backlog_(std::move(early)),
        life_(std::make_shared<char>()) {
    raw_->set_events(*this);
    if (!backlog_.empty()) deliver_later();
  }

  void set_events(os::StreamEvents& events) override { events_ = &events; }
  std::size_t unsent() const override { return raw_->unsent(); }
  const os::Peer& peer() const override { return raw_->peer(); }

  void write(BytesView bytes) override {
    if (closing_ || bytes.empty()) return;
    send(Opcode::binary, bytes);
  }

  void close() override {
    if (closing_) return;
    close_with(CloseCode::normal, "", {base::Code::unavailable, "closed by us"});
  }

  void pause() override {
    paused_ = true;
    raw_->pause();
  }

  void resume() override {
    paused_ = false;
    if (backlog_.empty()) {
      raw_->resume();
    } else {
      deliver_later();
    }
  }

 private:
  std::optional<websocket::Mask> fresh_mask() {
    if (role_ == websocket::Role::server) return std::nullopt;
    websocket::Mask mask{};
    world_.entropy(mask);
    return mask;
  }

  void send(Opcode opcode, BytesView payload) {
    frame_.clear();
    websocket::append_frame(frame_, opcode, websocket::Fin::last, payload, fresh_mask());
    raw_->write(frame_);
    if (frame_.capacity() > 4096) frame_ = {};
  }

  void close_with(CloseCode code, std::string_view reason, base::Error why) {
    closing_ = true;
    why_ = std::move(why);
    backlog_ = {};
    base::Bytes frame;
    websocket::append_close(frame, code, reason, fresh_mask());
    raw_->write(frame);
    raw_->close();
  }

  void deliver_later() {
    world_.loop().defer([this, life = std::weak_ptr<char>(life_)] {
      if (life.expired() || paused_ || backlog_.empty()) return;
      const base::Bytes bytes = std::exchange(backlog_, {});
      deliver(bytes);
      if (life.expired()) return;
      if (!paused_ && backlog_.empty()) raw_->resume();
    });
  }

  void on_bytes(os::Stream&, BytesView bytes) override {
    if (closing_) return;
    if (!backlog_.empty() || !events_) {
      base::append(backlog_, bytes);  // behind what could not be delivered yet
      raw_->pause();                  // so it grows by no more than this
      deliver_later();
      return;
    }
    deliver(bytes);
  }

  void deliver(BytesView bytes) {
    const std::weak_ptr<char> life = life_;
    while (!closing_) {
      if (paused_) {
        base::append(backlog_, bytes);
        return;
      }
      const auto event = decoder_.next(bytes);
      if (!event) {
        close_with(decoder_.close_code(), event.error().message, event.error());
        return;
      }
      if (!*event) return;
      handle(**event);
      if (life.expired()) return;
    }
  }

  void handle(const websocket::Event& event) {
    switch (event.kind) {
      case Opcode::binary:
        if (!event.payload.empty()) events_->on_bytes(*this, event.payload);
        break;
      case Opcode::ping:
        if (raw_->unsent() <= pong_bound) send(Opcode::pong, event.payload);
        break;
      case Opcode::close:
        close_with(event.code == CloseCode::none_given ? CloseCode::normal : event.code, "",
                   {base::Code::unavailable, "closed by peer"});
        break;
      case Opcode::text:
        close_with(CloseCode::unsupported_data, "only binary messages are taken",
                   {base::Code::corrupt, "the peer sent a text message"});
        break;
      case Opcode::pong:
      case Opcode::continuation:
        break;
    }
  }

  void on_drained(os::Stream&) override {
    if (events_ && !closing_) events_->on_drained(*this);
  }

  void on_close(os::Stream&, const base::Error& why) override {
    if (events_) events_->on_close(*this, why_ ? *why_ : why);
  }

  os::World& world_;
  std::unique_ptr<os::Stream> raw_;
  websocket::Role role_;
  websocket::Decoder decoder_;
  os::StreamEvents* events_ = nullptr;
  base::Bytes backlog_;  // received, not given to events_ yet
  base::Bytes frame_;
  std::optional<base::Error> why_;
  std::shared_ptr<char> life_;  // tells a callback whether the stream still exists
  bool paused_ = false;
  bool closing_ = false;
};

}  // namespace

std::unique_ptr<os::Stream> websocket_stream(os::World& world, std::unique_ptr<os::Stream> raw,
                                             codec::websocket::Role role, base::Bytes early) {
  return std::make_unique<WebSocketStream>(world, std::move(raw), role, std::move(early));
}

}  // namespace selvedge::net::http
