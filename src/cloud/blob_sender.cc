#include "cloud/blob_sender.h"

#include <algorithm>

#include "base/log.h"

namespace selvedge::cloud {

namespace {

constexpr std::size_t piece_bytes = 256 << 10;

}  // namespace

BlobSender::~BlobSender() {
  if (over_) over_(sent_);
}

void BlobSender::send(std::shared_ptr<net::http::BodyWriter> to) {
  to_ = std::move(to);
  self_ = shared_from_this();
  to_->on_drained([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->pump();
  });
  to_->on_closed([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->end();
  });
  read();
}

namespace {

base::Result<void> read_whole(os::File& file, std::uint64_t at, std::size_t count, base::Bytes& into) {
  TRY(file.read(at, count, into));
  if (into.size() != count)
    return base::fail(base::Code::corrupt, "an artifact's file is cut off");
  return {};
}

}  // namespace

void BlobSender::read() {
  if (reading_ || ready_ || left_ == 0 || !to_) return;
  reading_ = true;
  const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(piece_bytes, left_));
  const auto outcome = std::make_shared<base::Result<void>>();
  world_.loop().work(
      lane_,
      [outcome, file = file_, piece = piece_, at = at_, count] {
        *outcome = read_whole(*file, at, count, *piece);
      },
      [weak = weak_from_this(), outcome] {
        if (const auto self = weak.lock()) self->was_read(*outcome);
      });
}

void BlobSender::was_read(const base::Result<void>& outcome) {
  reading_ = false;
  if (!to_) return;
  if (!outcome) {
    base::log::error("artifacts", "cannot be sent", {{"why", outcome.error()}});
    return end();
  }
  at_ += piece_->size();
  left_ -= piece_->size();
  ready_ = true;
  pump();
}

// Hands over what is ready once little is unsent, and reads ahead.
void BlobSender::pump() {
  if (!to_ || !ready_ || to_->unsent() > piece_bytes / 2) return;
  ready_ = false;
  to_->write(*piece_);
  sent_ += piece_->size();
  if (left_ > 0) return read();
  if (!to_) return;
  const auto to = std::move(to_);
  to->finish();
  end();
}

void BlobSender::end() {
  const auto self = std::move(self_);
  to_.reset();
  if (over_) std::exchange(over_, nullptr)(sent_);
}

}  // namespace selvedge::cloud
