// Camera::State, private to the .cc files of Camera:
//   camera.cc   pictures that come, wait and are taken in their time; status, watchers, the end
//   looking.cc  one picture: whether something moved, the model, the report
//   drawing.cc  the last picture with what was found drawn on it
// Callbacks hold it weakly. It may outlive its camera while a job is on the pool; `gone` says so.

#pragma once

#include <deque>
#include <vector>

#include "base/log.h"
#include "camera/camera.h"
#include "camera/camera_metrics.h"
#include "engine/camera/frame_queue.h"

namespace selvedge::camera {

struct MovementGate;

struct Camera::State : std::enable_shared_from_this<Camera::State> {
  State(os::World& world, serving::Models& m, base::Registry& registry, CameraOptions o, Report r);

  // One that is looked at.
  struct Current {
    std::shared_ptr<const base::Bytes> file;
    base::Time taken{};
    base::Instant came{};
    Told told;
  };
  struct Watcher {
    std::function<void()> told, gone;
  };

  // ---- camera.cc ----
  void picture(engine::CameraFrame frame, Told told);
  void next();                                     // begins with the next picture, if it is time
  void count(std::uint64_t CameraStatus::*which, base::Counter* metric);
  void tell(Told told, Outcome outcome);           // later in this turn
  bool full();
  void offer_room();                               // to a source that was told that there is none
  void watch_model();                              // until it serves, for a source that waits for it
  void tell_watchers();
  void tell_watchers_later();                      // while there are any
  void end();

  // ---- looking.cc ----
  base::Result<serving::ModelKey> model() const;   // that would look; or why there is none
  void begin(Current current);
  void moved(Current& current, const base::Result<std::optional<engine::Region>>& where);
  void ask(Current& current, const engine::Region& region);
  void looked(Current& current, serving::ModelKey key, std::shared_ptr<const infer::Answer> answer);
  void without_model(Current& current, const base::Error& why);
  void refused(Current& current, const base::Error& why);
  void failed(Current& current, const base::Error& why);
  static void tell_gone(Current& current);
  void done();                                     // with the picture; on to the next

  // ---- drawing.cc ----
  struct Drawing {
    std::shared_ptr<const base::Bytes> of;         // the file that `ready` shows
    Drawn ready;
    std::vector<DrawnTold> waiting;                // for the one that is being drawn
    std::vector<DrawnTold> later;                  // for the last one, once that is done
    bool busy = false;
  };
  void draw(DrawnTold told);
  void begin_drawing();

  os::Loop& loop;
  serving::Models& models;
  CameraOptions options;
  Report report;
  CameraMetrics metrics;
  engine::FrameQueue queue;
  std::deque<Told> told;                           // of each that waits in `queue`
  engine::CountReport counts;
  std::shared_ptr<MovementGate> gate;              // touched by the one job that is on the pool
  std::unique_ptr<Source> source;
  std::string source_kind = "sent";
  bool source_waits = false;                       // for room
  bool room_offered = false;
  bool looking = false;
  bool gone = false;
  os::TimerId due_timer{}, model_timer{}, watch_timer{};
  CameraStatus seen;                               // counts, last, last_error
  std::optional<Last> last;
  Drawing drawing;
  std::vector<std::weak_ptr<Watcher>> watchers;
  base::log::Throttle failures{3, std::chrono::minutes(5)}, missing{1, std::chrono::minutes(5)};
};

Outcome gone_outcome();
// Lanes of the pool: cameras share a few, so that many of them do not take all threads.
std::uint32_t lane_of(const std::string& camera);

}  // namespace selvedge::camera
