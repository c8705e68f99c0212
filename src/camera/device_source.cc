// A camera that is plugged in as a source.

#include <optional>

#include "camera/attempts.h"
#include "camera/quiet.h"
#include "codec/image/yuyv.h"

namespace selvedge::camera {
namespace {

using Format = os::CameraOptions::Format;

constexpr int jpeg_quality = 90;

// On the pool.
base::Result<base::Bytes> to_jpeg(base::BytesView bytes, const os::CameraMode& mode) {
  codec::Image image;
  TRY(codec::from_yuyv(bytes, mode.width, mode.height, mode.stride, {}, image));
  return codec::encode_jpeg(image, jpeg_quality);
}

// How many bytes a picture of this mode has at least; nothing for a mode that cannot be.
std::optional<std::size_t> least_bytes(const os::CameraMode& mode) {
  if (mode.format == Format::mjpeg) return 4;      // start and end
  const codec::ImageLimits limits;
  if (mode.width < 2 || mode.width % 2 != 0 || mode.height < 1 || mode.width > limits.side || mode.height > limits.side ||
      std::size_t(mode.width) * std::size_t(mode.height) > limits.pixels)
    return std::nullopt;
  const std::size_t row = std::size_t(mode.width) * 2, stride = mode.stride == 0 ? row : mode.stride;
  if (stride < row || stride > row * 16) return std::nullopt;
  return stride * (std::size_t(mode.height) - 1) + row;
}

class DeviceSource final : public Source, private os::CameraEvents {
 public:
  DeviceSource(os::World& world, os::CameraOptions options, Sink& sink)
      : world_(world), options_(std::move(options)), sink_(sink),
        lane_(static_cast<std::uint32_t>(std::hash<std::string_view>()(options_.device + " pictures"))),
        attempts_(world, [this] { open(); }), quiet_(world.loop(), silence, [this] { be_impatient(); }) {}

  void start() override { attempts_.begin_in({}); }
  SourceStatus status() const override { return attempts_.status; }

 private:
  void open() {
    mode_.reset();
    camera_ = world_.camera(options_, *this);
    quiet_.start();
  }

  void on_open(os::Camera&, const os::CameraMode& mode) override {
    mode_ = mode;
    least_ = least_bytes(mode).value_or(0);
    if (least_ == 0)
      return fail("camera " + options_.device + ": it says that a picture of " + std::to_string(mode.width) + " x " +
                  std::to_string(mode.height) + " pixels has rows of " + std::to_string(mode.stride) + " bytes");
    quiet_.start();
  }

  void on_picture(os::Camera&, base::BytesView bytes) override {
    if (!mode_) return;
    const bool whole = bytes.size() >= least_;
    if (mode_->format == Format::mjpeg) {
      if (!whole || bytes.size() > most_picture_bytes || bytes[0] != 0xFF || bytes[1] != 0xD8) {
        ++attempts_.status.broken;
        return;
      }
      heard();
      return hand_on({bytes.begin(), bytes.end()}, world_.loop().wall_now());
    }
    if (!whole) {
      ++attempts_.status.broken;
      return;
    }
    heard();
    if (!converting_ && !sink_.full()) convert(bytes.first(least_));
  }

  void on_close(os::Camera&, const base::Error& why) override { fail(why.message); }

  void convert(base::BytesView bytes) {
    struct Conversion {
      base::Bytes from;
      os::CameraMode mode;
      base::Result<base::Bytes> to;
    };
    const auto conversion = std::make_shared<Conversion>();
    conversion->from.assign(bytes.begin(), bytes.end());
    conversion->mode = *mode_;
    converting_ = true;
    world_.loop().work(
        lane_, [conversion] { conversion->to = to_jpeg(conversion->from, conversion->mode); },
        [this, here = std::weak_ptr(here_), conversion, taken = world_.loop().wall_now()] {
          if (here.expired()) return;
          converting_ = false;
          if (conversion->to && conversion->to->size() <= most_picture_bytes) {
            hand_on(std::move(*conversion->to), taken);
          } else {
            ++attempts_.status.broken;
          }
        });
  }

  void heard() {
    quiet_.heard();
    attempts_.works();
  }

  void hand_on(base::Bytes file, base::Time taken) {
    ++attempts_.status.pictures;
    sink_.picture(std::move(file), taken);         // this may be gone then
  }

  void be_impatient() {
    const std::string time = base::to_string(silence);
    if (mode_) return fail("camera " + options_.device + ": no picture for " + time);
    // Closing would wait for the opening, so there is nothing to do but to say so.
    attempts_.status.state = SourceStatus::State::failing;
    attempts_.say("open camera " + options_.device + ": it has not answered for " + time);
  }

  void fail(const std::string& why) {
    attempts_.failed(why);                         // first: `why` may go with the camera
    quiet_.stop();
    mode_.reset();
    camera_.reset();
  }

  os::World& world_;
  os::CameraOptions options_;
  Sink& sink_;
  std::uint32_t lane_;
  std::optional<os::CameraMode> mode_;             // once it is open
  std::size_t least_ = 0;                          // bytes of a picture
  bool converting_ = false;
  std::shared_ptr<char> here_ = std::make_shared<char>();
  Attempts attempts_;
  Quiet quiet_;
  std::unique_ptr<os::Camera> camera_;
};

}  // namespace

std::unique_ptr<Source> device_source(os::World& world, os::CameraOptions options, Sink& sink) {
  return std::make_unique<DeviceSource>(world, std::move(options), sink);
}

}  // namespace selvedge::camera
