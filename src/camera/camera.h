// Camera: from pictures to what is found in them: which are looked at, by which model, and what of it is reported.
//
//   picture() -> FrameQueue (short, drops the oldest, paced) -> pool: small decode, MotionGate -> Models::look
//             -> CountReport -> Report
//
// One picture of a camera is looked at at a time, so a slow model makes older pictures drop, never a queue grow.
// While the model is not there (not wished for yet, being loaded) pictures are dropped and counted, and status()
// says so; a source whose pictures do not go away is told to wait instead. One that cannot be decoded is counted and
// the next is taken. The last picture that was looked at is kept as its file, with what was found; it is drawn on when
// somebody asks. Belongs to the loop thread. It may be destroyed inside any callback; only what waits to be told of a
// picture that was sent, or drawn, is told after that.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/metrics.h"
#include "camera/source.h"
#include "engine/camera/count_report.h"
#include "engine/vision/motion.h"
#include "serving/models.h"

namespace selvedge::camera {

struct CameraOptions {
  std::string name;                                // level of a topic and of a series
  std::string model;
  std::uint64_t version = 0;                       // 0: the newest
  std::size_t queue = 2;                           // pictures that wait
  base::Duration interval{};                       // at least between two that are looked at
  std::optional<engine::MotionRule> motion;        // none: every picture is looked at
  bool crop_to_motion = false;                     // the model sees where it moved, and a border around it
  engine::Region region;                           // of the picture that counts at all
  std::optional<float> threshold;                  // instead of the model's
  engine::CountRule counts;
};

// What came of one picture.
struct Look {
  base::Time taken{};
  serving::ModelKey model;
  const infer::Answer& answer;                     // boxes are of the whole picture
  engine::CountReport::Report report;
};

struct CameraStatus {
  std::string name, model;
  SourceStatus source;                             // of one without: receiving as soon as a picture came
  std::string source_kind;                         // "folder", "stream", "device", "sent"
  std::string waiting_for;                         // "model person-detector is not on this node"; "": nothing
  std::uint64_t pictures = 0;                      // came
  std::uint64_t looked_at = 0, still = 0, dropped = 0, failed = 0, without_model = 0;
  std::optional<base::Time> last;                  // picture that was looked at
  std::string last_error;                          // of failed
};

// What became of a picture that was sent.
struct Outcome {
  enum class What : std::uint8_t { looked_at, still, dropped, failed, without_model, gone } what = What::gone;
  base::Error why;                                 // of dropped, failed, without_model, gone
  serving::ModelKey model;                         // and the answer, of looked_at
  std::shared_ptr<const infer::Answer> answer;
};
std::string_view name(Outcome::What what);         // "looked-at", "still", ...

class Camera final : public Sink {
 public:
  using Report = std::function<void(const Look&)>;

  // `models` and `world` must outlive it; metrics are labelled with the name.
  Camera(os::World& world, serving::Models& models, base::Registry& metrics, CameraOptions options, Report report);
  ~Camera() override;
  Camera(const Camera&) = delete;
  Camera& operator=(const Camera&) = delete;

  // Where its pictures come from; none: they are sent. Starts it.
  void take_from(std::string kind, std::unique_ptr<Source> source);

  void picture(base::Bytes file, base::Time taken) override;
  // One that somebody sent this moment; `told` once, never within this call.
  using Told = std::function<void(const Outcome&)>;
  void sent(base::Bytes file, Told told);
  // Also while the model is not there: one more would be dropped. Whoever asks hears of room.
  bool full() const override;

  const std::string& name() const;
  CameraStatus status() const;

  // The last picture that was looked at, as it came.
  struct Last {
    std::shared_ptr<const base::Bytes> file;
    base::Time taken{};
    serving::ModelKey model;
    std::shared_ptr<const infer::Answer> answer;
  };
  std::optional<Last> last() const;
  // Calls `told` after each picture that was looked at, and again every `alive` while none is, until the handle is
  // dropped; `gone` in the turn in which the camera went. Neither within watch().
  static constexpr base::Duration alive = std::chrono::seconds(10);
  using Watching = std::shared_ptr<void>;
  Watching watch(std::function<void()> told, std::function<void()> gone = nullptr);

  // The last picture with what was found drawn on it, as JPEG. It is drawn on the pool, once for all who ask; while
  // one is drawn, those who ask for a later one wait for the last there is then.
  struct Drawn {
    std::shared_ptr<const base::Bytes> jpeg;
    base::Time taken{};
  };
  using DrawnTold = std::function<void(const base::Result<Drawn>&)>;
  // `told` once, never within this call; Code::not_found before the first picture.
  void drawn(DrawnTold told);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

// The picture with boxes, classes or mask drawn on it, as JPEG. Takes milliseconds: for a pool thread.
base::Result<base::Bytes> annotated(base::BytesView file, const infer::Answer& answer);

}  // namespace selvedge::camera
