#include "things/event_stream.h"

#include "base/json.h"

namespace selvedge::things {

namespace {

using net::http::BodyWriter;
using net::http::Response;

// Heartbeats between two questions whether the client may still listen.
constexpr unsigned beats_a_check = 4;

class StreamClient final : public EventListener, public std::enable_shared_from_this<StreamClient> {
 public:
  StreamClient(os::World& world, std::weak_ptr<EventHub> hub, EventStreamOptions options,
               std::shared_ptr<BodyWriter> writer)
      : world_(world), hub_(std::move(hub)), options_(std::move(options)), writer_(std::move(writer)) {}
  ~StreamClient() override { world_.loop().cancel(timer_); }
  StreamClient(const StreamClient&) = delete;
  StreamClient& operator=(const StreamClient&) = delete;

  void begin(Interest interest) {
    writer_->on_closed([weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->leave();
    });
    const auto hub = hub_.lock();
    if (!hub) return end("closing");
    if (const auto heard = hub->listen(shared_from_this(), std::move(interest)); !heard)
      return end(heard.error().message);
    write("retry: 2000\nid: " + hub->place() + "\n\n");
    if (!options_.after.empty() && !hub->catch_up(*this, options_.after))
      write("event: reset\ndata: {\"reason\":\"some events are not kept any more\"}\n\n");
    beat_later();
  }

  void tell(const TwinNews& news) override {
    const auto hub = hub_.lock();
    if (!writer_ || !hub) return;
    if (writer_->unsent() > options_.unsent_bytes) return end("too slow");
    const std::string json = event_json(news, options_.fields);
    if (json.empty()) return;
    std::string text = "id: " + hub->place(news) + "\n";
    if (news.kind == store::TwinEvent::Kind::removed) text += "event: thing_deleted\n";
    text += "data: " + json + "\n\n";
    write(text);
  }

  void missed() override { end("too many changes at once"); }

 private:
  void write(std::string_view text) { writer_->write(base::as_bytes(text)); }

  void end(std::string_view reason) {
    if (!writer_) return;
    base::JsonWriter json;
    json.begin_object().field("reason", reason).end_object();
    write("event: end\ndata: " + json.text() + "\n\n");
    writer_->finish();
    leave();
  }

  void leave() {
    writer_.reset();
    world_.loop().cancel(timer_);
    if (const auto hub = hub_.lock()) hub->leave(*this);
  }

  void beat_later() {
    timer_ = world_.loop().after(options_.heartbeat, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->beat();
    });
  }

  void beat() {
    if (!writer_) return;
    if (writer_->unsent() == 0) write(":\n\n");
    beat_later();
    if (++beats_ % beats_a_check != 0 || !options_.still_allowed) return;
    options_.still_allowed([weak = weak_from_this()](bool allowed) {
      const auto self = weak.lock();
      if (self && !allowed) self->end("not allowed any more");
    });
  }

  os::World& world_;
  std::weak_ptr<EventHub> hub_;        // it holds us
  EventStreamOptions options_;
  std::shared_ptr<BodyWriter> writer_;
  os::TimerId timer_{};
  unsigned beats_ = 0;
};

}  // namespace

std::string event_json(const TwinNews& news, const FieldSelector& fields) {
  std::string out = "{\"thingId\":" + json_quoted(news.id);
  if (news.kind == store::TwinEvent::Kind::removed) return out + "}";
  const std::string selected = fields.select(news.difference);
  const bool empty = selected == "{}";
  // A twin that was just made may be empty.
  if (empty && news.kind != store::TwinEvent::Kind::created) return {};
  if (fields.names("_revision")) out += ",\"_revision\":" + std::to_string(news.revision);
  if (fields.names("_modified"))
    out += ",\"_modified\":\"" +
           base::to_iso8601({static_cast<std::int64_t>(news.modified_ms) * 1'000'000}) + "\"";
  if (!empty) out += "," + selected.substr(1);
  else out += "}";
  return out;
}

Response event_stream(os::World& world, std::weak_ptr<EventHub> hub, Interest interest,
                      EventStreamOptions options) {
  Response response;
  response.content_type = "text/event-stream";
  response.headers = {{"Cache-Control", "no-store"}};
  response.stream = [&world, hub = std::move(hub), interest = std::move(interest),
                     options = std::move(options)](std::shared_ptr<BodyWriter> writer) {
    const auto client = std::make_shared<StreamClient>(world, hub, options, std::move(writer));
    client->begin(interest);
  };
  return response;
}

}  // namespace selvedge::things
