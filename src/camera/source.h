// Source: where the pictures of a camera come from, if somebody has to fetch them: a folder, a stream over HTTP,
// a device that is plugged in. Pictures that are sent to the node (by HTTP or MQTT) need none.
//
// A source works from start() until it is destroyed. What fails (no such folder, a stream that ends or says
// nothing, a device that is pulled out) is tried again with jittered back-off for ever, and status() says what it
// was. Belongs to the loop thread; nothing is called after it has gone, and nothing within start().

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"
#include "os/camera.h"
#include "os/world.h"

namespace selvedge::camera {

// Who takes the pictures.
class Sink {
 public:
  virtual ~Sink() = default;
  // A picture as a file (JPEG, PNG, BMP), at most `most_picture_bytes`; what is in it comes from outside.
  virtual void picture(base::Bytes file, base::Time taken) = 0;
  // One more would push out one that waits: a source whose pictures do not go away waits for room().
  virtual bool full() const = 0;
};

struct SourceStatus {
  enum class State : std::uint8_t { starting, receiving, failing } state = State::starting;
  std::string reason;                              // of failing; of receiving: what had to be left, "": nothing
  std::uint64_t pictures = 0;                      // handed on
  std::uint64_t broken = 0;                        // cut off, too large or no picture, and left out
  std::uint64_t attempts = 0;                      // connections, openings, looks
};

class Source {
 public:
  static constexpr std::size_t most_picture_bytes = std::size_t{8} << 20;
  static constexpr base::Duration silence = std::chrono::seconds(15);

  virtual ~Source() = default;
  virtual void start() = 0;
  // The sink is not full any more.
  virtual void room() {}
  virtual SourceStatus status() const = 0;
};

struct FolderOptions {
  std::string path;
  base::Duration every = std::chrono::seconds(1);  // between two looks
  bool remove = false;                             // what was taken goes away; false: it stays
};
// Pictures that are written into a folder, each once, in the order of their names (engine/camera/folder_watch.h).
// None is dropped: while the sink is full no further file is read. One that is too large, or cannot be read at
// several tries, stays where it is and counts as broken; nothing but what the sink took is removed.
std::unique_ptr<Source> folder_source(os::World& world, FolderOptions options, Sink& sink);

struct StreamOptions {
  std::string url;                                 // http or https
  std::string authorization;                       // a whole header value, "Basic ..."; "": none
  // No picture for so long, and the connection counts as broken.
  base::Duration silence = Source::silence;
  // Of an address that answers with one picture: it is asked so often.
  base::Duration every = std::chrono::seconds(1);
};
// multipart/x-mixed-replace or one JPEG after the other, as network cameras send it; or an address that answers
// with one picture, which is found out from the answer. `tls`: for https. Never paused: what comes while the sink
// is full pushes out what is older. Reasons name the address without its query, where passwords may stand.
std::unique_ptr<Source> stream_source(os::World& world, StreamOptions options, std::shared_ptr<os::Tls> tls, Sink& sink);

// A camera that is plugged in. Formats that are no files are made into JPEG on a pool thread, one picture at a time;
// what comes meanwhile, or while the sink is full, is passed over. Opened anew when it has gone or gives no picture
// for `silence`.
std::unique_ptr<Source> device_source(os::World& world, os::CameraOptions options, Sink& sink);

}  // namespace selvedge::camera
