// The last picture with what was found drawn on it, once for all who ask.

#include <utility>

#include "camera/camera_state.h"
#include "codec/image/image.h"
#include "engine/vision/draw.h"

namespace selvedge::camera {

using base::Code;
using base::Result;

Result<base::Bytes> annotated(base::BytesView file, const infer::Answer& answer) {
  codec::DecodeOptions options;
  options.limits.bytes = Source::most_picture_bytes;
  codec::Image image = TRY(codec::decode(file, options)).image;
  if (answer.mask) engine::draw_mask(image, *answer.mask);
  engine::draw_detections(image, answer.detections);
  if (!answer.ranked.empty()) engine::draw_classes(image, answer.ranked);
  return codec::encode_jpeg(image);
}

void Camera::State::draw(DrawnTold who) {
  if (!last) {
    loop.defer([who = std::move(who), why = "camera " + options.name + ": no picture was looked at yet"] {
      who(base::fail(Code::not_found, why));
    });
  } else if (drawing.of == last->file && drawing.ready.jpeg) {
    loop.defer([who = std::move(who), ready = drawing.ready] { who(ready); });
  } else if (drawing.busy) {
    (drawing.of == last->file ? drawing.waiting : drawing.later).push_back(std::move(who));
  } else {
    drawing.waiting.push_back(std::move(who));
    begin_drawing();
  }
}

void Camera::State::begin_drawing() {
  struct Job {
    Last last;
    Result<base::Bytes> jpeg;
  };
  const auto job = std::make_shared<Job>(*last, base::Bytes{});
  drawing.busy = true;
  drawing.of = last->file;
  drawing.ready = {};
  loop.work(
      lane_of(options.name), [job] { job->jpeg = annotated(*job->last.file, *job->last.answer); },
      [self = shared_from_this(), job] {
        State::Drawing& its = self->drawing;
        its.busy = false;
        Result<Drawn> result{std::unexpect, base::Error{}};
        if (job->jpeg) {
          its.ready = {std::make_shared<const base::Bytes>(std::move(*job->jpeg)), job->last.taken};
          result = its.ready;
        } else {
          result = std::unexpected(std::move(job->jpeg.error()).while_doing("draw on a picture"));
        }
        const auto waiting = std::exchange(its.waiting, std::exchange(its.later, {}));
        if (!its.waiting.empty()) self->begin_drawing();
        for (const DrawnTold& who : waiting) who(result);
      });
}

}  // namespace selvedge::camera
