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
  Client(Cameras& cameras, StreamOf what, std::shared_ptr<net::http::BodyWriter> writer)
      : cameras_(cameras), what_(std::move(what)), writer_(std::move(writer)) {}

  void begin() {
    Camera* camera = cameras_.find(what_.camera);
    if (camera == nullptr) return end();
    writer_->on_closed([weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->leave();
    });
    writer_->on_drained([weak = weak_from_this()] {
      const auto self = weak.lock();
      if (self && std::exchange(self->behind_, false)) self->offer();
    });
    // It holds us; leave() lets go.
    watching_ = camera->watch([self = shared_from_this()] { self->offer(); },
                              [weak = weak_from_this()] {
                                if (const auto self = weak.lock()) self->end();
                              });
    writer_->write(base::as_bytes(boundary_line()));
    offer();
  }

 private:
  void offer() {
    Camera* camera = writer_ ? cameras_.find(what_.camera) : nullptr;
    if (camera == nullptr) return;
    const auto last = camera->last();
    if (!last) return;
    if (drawing_ || unsent_part()) {
      behind_ = true;
      return;
    }
    if (what_.shown == Shown::as_it_came) return write(*last->file);
    drawing_ = true;
    camera->drawn([weak = weak_from_this()](const base::Result<Camera::Drawn>& drawn) {
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
    const auto self = shared_from_this();
    if (writer_) writer_->finish();
    leave();
  }

  void leave() {
    writer_.reset();
    what_.slot.reset();
    watching_.reset();
  }

  Cameras& cameras_;
  StreamOf what_;
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

void begin_picture_stream(Cameras& cameras, StreamOf what, std::shared_ptr<net::http::BodyWriter> writer) {
  std::make_shared<Client>(cameras, std::move(what), std::move(writer))->begin();
}

}  // namespace selvedge::camera
