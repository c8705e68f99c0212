#include "cloud/task_logs.h"

#include <optional>
#include <utility>

#include "base/json.h"
#include "base/text.h"
#include "codec/json/value.h"

namespace selvedge::cloud {
namespace {

constexpr base::Duration deadline = std::chrono::seconds(30);

struct Page {
  std::string id;
  bool ended = false;
  std::uint64_t missed = 0;
  std::string text;
};

std::optional<Page> read_page(const things::CommandAnswer& answer) {
  const std::string_view all = base::as_text(answer.payload);
  const std::size_t line = all.find('\n');
  if (line == std::string_view::npos) return std::nullopt;
  const auto head = codec::json::parse(all.substr(0, line), 4 << 10);
  if (!head || (*head)["id"].text().size() != 16) return std::nullopt;
  return Page{(*head)["id"].text(), (*head)["ended"].boolean(), static_cast<std::uint64_t>(std::max<std::int64_t>(0, (*head)["missed"].integer())),
              std::string(all.substr(line + 1))};
}

class Reader : public std::enable_shared_from_this<Reader> {
 public:
  Reader(things::SendCommand send, std::string node, std::shared_ptr<void> slot)
      : send_(std::move(send)), node_(std::move(node)), slot_(std::move(slot)) {}

  void begin(const TaskLogWish& wish, net::http::Respond respond) {
    base::JsonWriter json;
    json.begin_object().field("task", wish.task).field("tail", wish.tail).field("follow", wish.follow).end_object();
    ask(json.take(), [self = shared_from_this(), respond = std::move(respond)](const things::CommandAnswer& answer) {
      auto page = answer.status == 200 ? read_page(answer) : std::nullopt;
      if (!page) return respond(self->refusal(answer));
      net::http::Response response = net::http::Response::text("");
      response.headers.emplace_back("Cache-Control", "no-store");
      response.stream = [self, page = std::move(*page)](std::shared_ptr<net::http::BodyWriter> writer) mutable {
        self->stream(std::move(writer), std::move(page));
      };
      respond(std::move(response));
    });
  }

 private:
  void ask(std::string payload, std::function<void(const things::CommandAnswer&)> done) {
    things::Command command;
    command.id = model::twin_id(node_, model::node_twin_name);
    command.feature = "tasks";
    command.subject = "logs";
    command.content_type = "application/json";
    command.payload = base::to_bytes(payload);
    command.deadline = deadline;
    send_(std::move(command), [done = std::move(done)](const things::CommandAnswer& answer) { done(answer); });
  }

  net::http::Response refusal(const things::CommandAnswer& answer) const {
    using base::Code;
    const std::string why = base::printable(base::as_text(answer.payload), 300);
    if (answer.status == 404 && !answer.from_device && why == "the node is not connected")
      return net::http::Response::problem({Code::unavailable, "node '" + node_ + "' is not connected, and the log is nowhere else"});
    if (answer.status == 404) return net::http::Response::problem({Code::not_found, "node '" + node_ + "': " + why});
    if (answer.status == 429) return net::http::Response::problem({Code::exhausted, "node '" + node_ + "': " + why});
    return net::http::Response::problem({Code::unavailable, "node '" + node_ + "' gives no log: " +
                                                               (answer.status == 200 ? "its answer cannot be read" : why)});
  }

  void stream(std::shared_ptr<net::http::BodyWriter> writer, Page page) {
    writer_ = std::move(writer);
    // It holds us; leave() lets go.
    writer_->on_closed([self = shared_from_this()] { self->leave(); });
    writer_->on_drained([weak = weak_from_this()] {
      const auto self = weak.lock();
      if (self && std::exchange(self->held_back_, false)) self->next();
    });
    take(std::move(page));
  }
  void take(Page page) {
    if (!writer_) return;
    id_ = page.id;
    if (!page.text.empty()) writer_->write(base::as_bytes(page.text));
    if (page.missed > 0) writer_->write(base::as_bytes("... " + std::to_string(page.missed) + " lines were left out\n"));
    if (page.ended) return finish();
    if (writer_->unsent() > 0) held_back_ = true;
    else next();
  }
  void next() {
    base::JsonWriter json;
    json.begin_object().field("id", id_).end_object();
    ask(json.take(), [self = shared_from_this()](const things::CommandAnswer& answer) {
      if (!self->writer_) return;
      auto page = answer.status == 200 ? read_page(answer) : std::nullopt;
      if (page) return self->take(std::move(*page));
      const std::string why = answer.status == 200 ? "its answer cannot be read" : base::printable(base::as_text(answer.payload), 300);
      self->writer_->write(base::as_bytes("... node " + self->node_ + ": " + why + "\n"));
      self->finish();
    });
  }
  void finish() {
    const auto self = shared_from_this();
    writer_->finish();
    leave();
  }
  void leave() {
    writer_.reset();
    slot_.reset();
  }

  things::SendCommand send_;
  std::string node_, id_;
  std::shared_ptr<void> slot_;
  std::shared_ptr<net::http::BodyWriter> writer_;
  bool held_back_ = false;
};

}  // namespace

void TaskLogs::answer(const TaskLogWish& wish, net::http::Respond respond) {
  if (slot_.use_count() > most) {
    auto full = net::http::Response::problem({base::Code::exhausted, std::to_string(most) + " logs are read already"});
    full.headers.emplace_back("Retry-After", "5");
    return respond(std::move(full));
  }
  std::make_shared<Reader>(send_, wish.node, slot_)->begin(wish, std::move(respond));
}

}  // namespace selvedge::cloud
