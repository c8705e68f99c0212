#include <signal.h>
#include <sys/random.h>

#include <cerrno>
#include <utility>

#include "os/epoll_loop.h"
#include "os/linux_camera.h"
#include "os/linux_child.h"
#include "os/posix_files.h"
#include "os/root_tree.h"
#include "os/tcp_network.h"
#include "os/world.h"

namespace selvedge::os {
namespace {

class LinuxWorld final : public RealWorld {
 public:
  explicit LinuxWorld(std::unique_ptr<EpollLoop> loop) : loop_(std::move(loop)), network_(*loop_) {}
  ~LinuxWorld() override { loop_->clear(); }

  Loop& loop() override { return *loop_; }
  Network& network() override { return network_; }
  base::Result<std::unique_ptr<Dir>> directory(std::string_view path, bool create) override {
    return open_directory(path, create);
  }

  std::unique_ptr<Camera> camera(const CameraOptions& options, CameraEvents& events) override {
    return std::make_unique<LinuxCamera>(*loop_, options, events, system_video_calls());
  }

  std::unique_ptr<Child> spawn(const ChildOptions& options, ChildEvents& events) override {
    return std::make_unique<LinuxChild>(*loop_, children_, options, events, LinuxChild::Begin::start);
  }
  std::unique_ptr<Child> adopt(const ChildOptions& options, ChildEvents& events) override {
    return std::make_unique<LinuxChild>(*loop_, children_, options, events, LinuxChild::Begin::adopt);
  }
  void end_leftovers(const std::string& group, std::vector<std::string> kept,
                     std::function<void(std::vector<std::string>)> done) override {
    auto ended = std::make_shared<std::vector<std::string>>();
    loop_->work(
        leftovers_lane,
        [ended, group, kept = std::move(kept), machine = children_] { *ended = end_groups(machine->groups(), group, kept); },
        [ended, done = std::move(done)] { done(std::move(*ended)); });
  }
  base::Result<std::unique_ptr<RootTree>> root_tree(const std::string& folder) override { return RootTree::open(folder); }
  void forget_child(const std::string& run, std::function<void()> done) override {
    loop_->work(leftovers_lane, [run] { remove_run(run); }, std::move(done));
  }

  void entropy(std::span<std::uint8_t> into) override {
    while (!into.empty()) {
      const ssize_t count = ::getrandom(into.data(), into.size(), 0);
      CHECK(count > 0 || errno == EINTR);
      if (count > 0) into = into.subspan(static_cast<std::size_t>(count));
    }
  }

  int run(std::span<const int> signals) override { return loop_->run(signals); }
  void stop() override { loop_->stop(); }

  Stats stats() const override {
    Stats stats = network_.stats();
    stats.turns = loop_->turns();
    stats.timers = loop_->timers();
    stats.pool_threads = loop_->pool_threads();
    return stats;
  }

 private:
  static constexpr std::uint32_t leftovers_lane = 0x3fff'ffff;

  std::shared_ptr<ChildMachine> children_ = std::make_shared<ChildMachine>();
  std::unique_ptr<EpollLoop> loop_;
  TcpNetwork network_;
};

}  // namespace

base::Result<std::unique_ptr<RealWorld>> RealWorld::create() {
  // TLS writes to its sockets itself and cannot ask for this write by write.
  ::signal(SIGPIPE, SIG_IGN);
  return std::make_unique<LinuxWorld>(TRY(EpollLoop::create()));
}

}  // namespace selvedge::os
