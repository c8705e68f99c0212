#include "camera/picture_stream.h"

#include <utility>

#include "codec/image/image.h"
#include "codec/mjpeg/stream_writer.h"

namespace selvedge::camera {

namespace mjpeg = codec::mjpeg;

namespace {

// A browser shows a part when the boundary behind it has come: it is sent with the picture, not with the next.
std::string boundary_line() { return "--" + std::string(mjpeg::stream_boundary) + "\r\n"; }

class Client : public std::enable_shared_from_this<Client> {
 public:
  Client(Camera& camera, Shown shown, std::shared_ptr<void> slot, std::shared_ptr<net::http::BodyWriter> writer)
      : camera_(&camera), shown_(shown), slot_(std::move(slot)), writer_(std::move(writer)) {}

  void begin() {
    writer_->on_closed([weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->leave();
    });
    writer_->on_drained([weak = weak_from_this()] {
      const auto self = weak.lock();
      if (self && std::exchange(self->behind_, false)) self->offer();
    });
    // It holds us; leave() lets go.
    watching_ = camera_->watch([self = shared_from_this()] { self->offer(); },
                               [weak = weak_from_this()] {
                                 if (const auto self = weak.lock()) self->end();
                               });
    writer_->write(base::as_bytes(boundary_line()));
    offer();
  }

 private:
  void offer() {
    if (!writer_ || !camera_) return;
    const auto last = camera_->last();
    if (!last) return;
    if (drawing_ || unsent_part()) {
      behind_ = true;
      return;
    }
    if (shown_ == Shown::as_it_came) return write(*last->file);
    drawing_ = true;
    camera_->drawn([weak = weak_from_this()](const base::Result<Camera::Drawn>& drawn) {
      const auto self = weak.lock();
      if (!self) return;
      self->drawing_ = false;
      if (drawn) self->write(*drawn->jpeg);
      else if (std::exchange(self->behind_, false)) self->offer();
    });
  }

  // The first line of all is no picture.
  bool unsent_part() const { return wrote_ && writer_->unsent() > 0; }

  void write(base::BytesView picture) {
    if (!writer_) return;
    wrote_ = true;
    std::string head = mjpeg::part_head(picture.size(), content_type_of(picture)).substr(boundary_line().size());
    base::Bytes part;
    part.reserve(head.size() + picture.size() + 64);
    base::append(part, base::as_bytes(head));
    base::append(part, picture);
    base::append(part, base::as_bytes(std::string(mjpeg::part_tail) + boundary_line()));
    writer_->write(part);
  }

  void end() {
    camera_ = nullptr;
    const auto self = shared_from_this();
    if (writer_) writer_->finish();
    leave();
  }

  void leave() {
    camera_ = nullptr;
    writer_.reset();
    slot_.reset();
    watching_.reset();
  }

  Camera* camera_;
  Shown shown_;
  std::shared_ptr<void> slot_;
  std::shared_ptr<net::http::BodyWriter> writer_;
  Camera::Watching watching_;
  bool drawing_ = false;
  bool behind_ = false;                            // a picture came that was not sent
  bool wrote_ = false;
};

}  // namespace

std::string_view content_type_of(base::BytesView file) {
  const auto format = codec::format_of(file);
  if (format && *format == codec::ImageFormat::png) return "image/png";
  if (format && *format == codec::ImageFormat::bmp) return "image/bmp";
  return "image/jpeg";
}

void begin_picture_stream(Camera& camera, Shown shown, std::shared_ptr<void> slot,
                          std::shared_ptr<net::http::BodyWriter> writer) {
  std::make_shared<Client>(camera, shown, std::move(slot), std::move(writer))->begin();
}

}  // namespace selvedge::camera
