#include "os/fake/socket.h"

#include "os/fake/fabric.h"

namespace selvedge::os::fake {
namespace {

constexpr std::size_t send_buffer = 128 << 10;      // sent or queued, and not arrived
constexpr std::size_t drain_mark = 64 << 10;        // as os/stream.h has it
constexpr std::size_t read_buffer = 64 << 10;
constexpr std::chrono::seconds linger{5};

}  // namespace

base::Bytes ByteQueue::take(std::size_t count) {
  const auto from = bytes_.begin() + static_cast<std::ptrdiff_t>(head_);
  base::Bytes taken(from, from + static_cast<std::ptrdiff_t>(count));
  head_ += count;
  if (head_ == bytes_.size()) clear();
  else if (head_ > bytes_.size() / 2) {
    bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(head_));
    head_ = 0;
  }
  return taken;
}

void ByteQueue::clear() {
  base::Bytes().swap(bytes_);
  head_ = 0;
}

// ---- output

void Socket::set_events(StreamEvents& events) {
  events_ = &events;
  read_soon();
}

void Socket::write(base::BytesView bytes) {
  if (closing_ || end_ || !life_.alive()) return;
  pending_.append(bytes);
  if (pending_.size() > drain_mark) above_mark_ = true;
  flush_soon();
}

void Socket::flush_soon() {
  if (flush_due_ || !connected_) return;
  flush_due_ = true;
  life_.flush_later(shared_from_this());
}

void Socket::flush() {
  flush_due_ = false;
  take_output();
}

// Moves output from the program to the system, as far as there is room.
void Socket::take_output() {
  if (!connected_ || end_) return;
  const std::size_t taken = queue_.size() + in_flight_;
  const std::size_t room = taken < send_buffer ? send_buffer - taken : 0;
  if (const std::size_t n = std::min(room, pending_.size()); n > 0) queue_.append(pending_.take(n));
  const auto self = shared_from_this();
  fabric_.pump(*this);
  if (!pending_.empty()) return;
  if (closing_) return end_gracefully();
  if (!above_mark_) return;
  above_mark_ = false;
  life_.soon([self] { self->drained(); });
}

void Socket::drained() {
  if (!end_ && handle_ != nullptr && events_ != nullptr && pending_.empty())
    events_->on_drained(*handle_);
}

void Socket::made_progress() {
  fabric_.pump(*this);
  if (pending_.empty() || output_due_ || orphan()) return;
  output_due_ = true;
  life_.soon([self = shared_from_this()] {
    self->output_due_ = false;
    self->take_output();
  });
}

void Socket::close() {
  if (closing_ || end_ || !life_.alive()) return;
  closing_ = true;
  unread_.clear();
  if (!connected_) {
    fabric_.reset_peer(*this, "closed by peer");
    return fail(base::Error{base::Code::unavailable, "closed"});
  }
  flush_soon();
  life_.in(linger, [self = shared_from_this()] {
    if (self->end_) return;
    self->fabric_.reset_peer(*self, "connection reset by peer");
    self->fail(base::Error{base::Code::unavailable, "closed before all was sent"});
  });
}

// All of the program's output is with the system: the stream is over, the socket sends the rest.
void Socket::end_gracefully() {
  fin_due_ = true;
  end_ = base::Error{base::Code::unavailable, "closed"};
  abrupt_ = true;
  fabric_.pump(*this);
  read_soon();
}

void Socket::abandon() {
  handle_ = nullptr;
  events_ = nullptr;
  if (!life_.alive() || end_) return;
  end_ = base::Error{base::Code::unavailable, "closed"};
  pending_.clear();
  if (connected_ && unread_.empty()) {
    fin_due_ = true;
    fabric_.pump(*this);
    return;
  }
  unread_.clear();
  fabric_.reset_peer(*this, "connection reset by peer");
  fabric_.forget(*this);
}

// ---- input

void Socket::receive(base::BytesView bytes) {
  if (closing_ || end_) return;
  unread_.append(bytes);
  read_soon();
}

void Socket::receive_end() {
  if (end_) return;
  end_ = base::Error{base::Code::unavailable, "closed by peer"};
  pending_.clear();
  queue_.clear();
  abrupt_ = closing_;
  fabric_.forget(*this);
  read_soon();
}

void Socket::fail(base::Error why) {
  fabric_.forget(*this);
  pending_.clear();
  queue_.clear();
  if (told_ || (end_ && abrupt_)) return;
  unread_.clear();
  end_ = std::move(why);
  abrupt_ = true;
  read_soon();
}

void Socket::opened() {
  connected_ = true;
  life_.soon([self = shared_from_this()] {
    if (self->end_ || self->handle_ == nullptr) return;
    if (self->events_ != nullptr) self->events_->on_open(*self->handle_);
    if (!self->end_ && (!self->pending_.empty() || self->closing_)) self->flush_soon();
  });
}

void Socket::resume() {
  paused_ = false;
  read_soon();
}

void Socket::read_soon() {
  if (read_due_ || told_ || handle_ == nullptr || events_ == nullptr) return;
  const bool bytes = !unread_.empty() && !paused_;
  const bool over = end_ && (abrupt_ || !paused_);
  if (!bytes && !over) return;
  read_due_ = true;
  life_.soon([self = shared_from_this()] { self->read(); });
}

void Socket::read() {
  read_due_ = false;
  if (told_ || handle_ == nullptr || events_ == nullptr) return;
  if (!unread_.empty() && !paused_ && !(end_ && abrupt_)) {
    const std::size_t most = std::min(unread_.size(), read_buffer);
    // A copy of exactly this size, so that a reader that goes past its end is caught.
    const base::Bytes part = unread_.take(fabric_.piece_of(most));
    fabric_.has_read(*this);
    events_->on_bytes(*handle_, part);
    read_soon();
    return;
  }
  if (!end_ || (paused_ && !abrupt_)) return;
  told_ = true;
  const base::Error why = *end_;
  events_->on_close(*handle_, why);
}

void Socket::life_ended() {
  events_ = nullptr;
  pending_.clear();
  queue_.clear();
  unread_.clear();
}

}  // namespace selvedge::os::fake
