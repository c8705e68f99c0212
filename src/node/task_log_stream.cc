#include "node/task_log_stream.h"

#include <utility>

namespace selvedge::node {
namespace {

constexpr std::size_t most_unsent = 256 << 10;

class Stream : public std::enable_shared_from_this<Stream> {
 public:
  Stream(std::shared_ptr<void> slot, std::shared_ptr<net::http::BodyWriter> writer)
      : slot_(std::move(slot)), writer_(std::move(writer)) {}

  void begin(TaskLog& log, std::size_t lines) {
    writer_->on_closed([weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->leave();
    });
    writer_->on_drained([weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->drained();
    });
    // It holds us; leave() lets go. What comes while the lines before it are read waits for them.
    following_ = log.follow([self = shared_from_this()](std::string_view line) { self->heard(line); });
    log.tail(lines, [weak = weak_from_this()](const base::Result<std::string>& text) {
      if (const auto self = weak.lock()) self->begun(text);
    });
  }

 private:
  void begun(const base::Result<std::string>& text) {
    if (!writer_) return;
    if (text) writer_->write(base::as_bytes(*text));
    begun_ = true;
    writer_->write(base::as_bytes(std::exchange(early_, {})));
  }
  void heard(std::string_view line) {
    if (!writer_) return;
    if (line.empty()) {
      const auto self = shared_from_this();
      writer_->finish();
      return leave();
    }
    const std::size_t unsent = begun_ ? writer_->unsent() : early_.size();
    if (missed_ > 0 || unsent + line.size() > most_unsent) {
      ++missed_;
      return;
    }
    if (begun_) writer_->write(base::as_bytes(line));
    else early_ += line;
  }
  void drained() {
    if (const auto missed = std::exchange(missed_, 0); missed > 0 && writer_)
      writer_->write(base::as_bytes("... " + std::to_string(missed) + " lines were left out\n"));
  }
  void leave() {
    writer_.reset();
    following_.reset();
    slot_.reset();
  }

  std::shared_ptr<void> slot_, following_;
  std::shared_ptr<net::http::BodyWriter> writer_;
  std::string early_;
  bool begun_ = false;
  std::uint64_t missed_ = 0;
};

}  // namespace

void stream_task_log(TaskLog& log, std::size_t lines, std::shared_ptr<void> slot,
                     std::shared_ptr<net::http::BodyWriter> writer) {
  std::make_shared<Stream>(std::move(slot), std::move(writer))->begin(log, lines);
}

}  // namespace selvedge::node
