#include "things/ditto_socket.h"

#include "base/json.h"
#include "base/text.h"
#include "codec/websocket/frame.h"
#include "net/http/url.h"
#include "things/ditto_commands.h"
#include "things/event_stream.h"

namespace selvedge::things {

namespace {

namespace websocket = codec::websocket;
using base::BytesView;
using net::api::Caller;
using websocket::CloseCode;
using websocket::Opcode;

constexpr std::size_t pause_beyond = 256 << 10;   // unsent bytes
constexpr unsigned pings_a_check = 2;

class Socket final : public DittoSocket,
                     public EventListener,
                     public os::StreamEvents,
                     public std::enable_shared_from_this<Socket> {
 public:
  Socket(std::unique_ptr<os::Stream> stream, base::Bytes early, DittoSocketContext context)
      : context_(std::move(context)),
        stream_(std::move(stream)),
        input_(std::move(early)),
        decoder_(websocket::Role::server, context_.limits.message_bytes) {}
  ~Socket() override { context_.world.loop().cancel(timer_); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  void open() {
    stream_->set_events(*this);
    stream_->pause();
  }

  void begin(const Caller& caller) override {
    caller_ = caller;
    begun_ = true;
    ping_later();
    consume();
  }

  void refuse(const base::Error& why) override { close(CloseCode::policy, why.message); }

  // ---- events ----

  void tell(const TwinNews& news) override {
    if (closing_) return;
    if (stream_->unsent() > context_.limits.unsent_bytes) return close(CloseCode::policy, "too slow");
    send_text(to_json(event_of(news)));
  }
  void missed() override { close(CloseCode::policy, "too many changes at once"); }

  // ---- the stream ----

  void on_bytes(os::Stream&, BytesView bytes) override {
    if (closing_) return;
    heard_ = true;
    base::append(input_, bytes);
    const auto self = shared_from_this();
    consume();
  }
  void on_drained(os::Stream&) override {
    const auto self = shared_from_this();
    consume();
  }
  void on_close(os::Stream&, const base::Error&) override {
    const auto self = shared_from_this();
    closing_ = true;
    leave();
    context_.world.loop().cancel(timer_);
    if (const auto closed = std::exchange(context_.closed, nullptr)) closed();
  }

 private:
  bool full() const {
    return commands_ >= context_.limits.commands || stream_->unsent() > pause_beyond;
  }

  // Handles what came, as far as it may; what is left waits in input_ with the stream paused.
  void consume() {
    if (!begun_ || consuming_) return;
    consuming_ = true;
    const base::Bytes bytes = std::exchange(input_, {});
    BytesView rest = bytes;
    while (!closing_ && !full()) {
      const auto event = decoder_.next(rest);
      if (!event) {
        close(decoder_.close_code(), event.error().message);
        break;
      }
      if (!*event) break;
      handle(**event);
    }
    if (!closing_) input_.assign(rest.begin(), rest.end());
    consuming_ = false;
    if (closing_) return;
    const bool pause = full();
    if (pause != paused_) {
      paused_ = pause;
      if (pause) stream_->pause();
      else stream_->resume();
    }
  }

  void handle(const websocket::Event& event) {
    switch (event.kind) {
      case Opcode::text:
        message_ += base::as_text(event.payload);
        if (event.last) take(std::exchange(message_, {}));
        break;
      case Opcode::ping: send(Opcode::pong, event.payload); break;
      case Opcode::close:
        close(event.code == CloseCode::none_given ? CloseCode::normal : event.code, "");
        break;
      case Opcode::binary: close(CloseCode::unsupported_data, "only text is taken"); break;
      case Opcode::pong:
      case Opcode::continuation: break;
    }
  }

  void take(const std::string& text) {
    if (!base::is_utf8(text)) return close(CloseCode::invalid_payload, "not UTF-8");
    if (!text.starts_with('{')) return take_word(text);
    ++commands_;
    const std::weak_ptr<Socket> weak = weak_from_this();
    run_ditto_command(context_.twins, context_.send, caller_, text,
                      [weak](std::optional<DittoMessage> answer) {
                        const auto self = weak.lock();
                        if (!self) return;
                        --self->commands_;
                        if (answer && !self->closing_) self->send_text(to_json(*answer));
                        self->consume();
                      });
  }

  // START-SEND-EVENTS?filter=gt(attributes/a,1), STOP-SEND-EVENTS
  void take_word(const std::string& text) {
    const std::size_t mark = std::min(text.find('?'), text.size());
    const std::string word = text.substr(0, mark);
    if (word == "STOP-SEND-EVENTS") {
      leave();
    } else if (word == "START-SEND-EVENTS") {
      if (const auto started = start_events(text.substr(mark)); !started)
        return send_text(to_json(error_message({}, refused(started.error()))));
    } else {
      return send_text(to_json(error_message(
          {}, refused(400, "things:protocol.unknown",
                      "'" + base::printable(word) +
                          "' is not known here: expected START-SEND-EVENTS, STOP-SEND-EVENTS or a "
                          "message in JSON"))));
    }
    send_text(word + ":ACK");
  }

  base::Result<void> start_events(const std::string& query) {
    const auto target = TRY(net::http::parse_target("/" + query));
    net::http::Request request;
    request.query = target.query;
    const auto seen = sight(caller_, context_.twins.here());
    const auto hub = context_.hub.lock();
    if (!seen) return base::fail(base::Code::denied, caller_.text() + " may not see twins");
    if (!hub) return base::fail(base::Code::unavailable, "closing");
    Interest interest = TRY(interest_of(request, *seen));
    hub->leave(*this);
    return hub->listen(shared_from_this(), std::move(interest));
  }

  void leave() {
    if (const auto hub = context_.hub.lock()) hub->leave(*this);
  }

  void send_text(std::string_view text) { send(Opcode::text, base::as_bytes(text)); }

  void send(Opcode opcode, BytesView payload) {
    if (closing_) return;
    frame_.clear();
    websocket::append_frame(frame_, opcode, websocket::Fin::last, payload);
    stream_->write(frame_);
    if (frame_.capacity() > 4096) frame_ = {};
  }

  void close(CloseCode code, std::string_view reason) {
    if (closing_) return;
    closing_ = true;
    leave();
    base::Bytes frame;
    websocket::append_close(frame, code, reason);
    stream_->write(frame);
    stream_->close();
  }

  void ping_later() {
    timer_ = context_.world.loop().after(context_.limits.ping, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->ping();
    });
  }

  void ping() {
    if (closing_) return;
    // A paused stream cannot hear its pongs.
    if (!heard_ && !paused_ && pings_ > 1) return close(CloseCode::policy, "no sign of life");
    heard_ = false;
    send(Opcode::ping, {});
    ping_later();
    if (++pings_ % pings_a_check != 0 || !context_.still_allowed) return;
    context_.still_allowed([weak = weak_from_this()](bool allowed) {
      const auto self = weak.lock();
      if (self && !allowed) self->close(CloseCode::policy, "not allowed any more");
    });
  }

  DittoSocketContext context_;
  std::unique_ptr<os::Stream> stream_;
  base::Bytes input_;                  // received, not looked at yet
  websocket::Decoder decoder_;
  std::string message_;                // so far
  base::Bytes frame_;
  Caller caller_;
  std::size_t commands_ = 0;           // not answered
  os::TimerId timer_{};
  unsigned pings_ = 0;
  bool begun_ = false;
  bool consuming_ = false;
  bool paused_ = true;
  bool heard_ = true;
  bool closing_ = false;
};

}  // namespace

std::shared_ptr<DittoSocket> ditto_socket(std::unique_ptr<os::Stream> stream, base::Bytes early,
                                          DittoSocketContext context) {
  auto socket = std::make_shared<Socket>(std::move(stream), std::move(early), std::move(context));
  socket->open();
  return socket;
}

}  // namespace selvedge::things
