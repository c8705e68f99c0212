// A folder as a source. One thing is done at a time: looking at the folder, reading a file, waiting for room in the
// sink, removing what it took, waiting for the next look. So at most one picture is held, and the jobs on the pool
// have the watch of the folder to themselves.

#include <algorithm>
#include <deque>
#include <map>
#include <optional>

#include "base/text.h"
#include "camera/attempts.h"
#include "engine/camera/folder_watch.h"
#include "os/files.h"

namespace selvedge::camera {
namespace {

using base::Code;
using engine::FolderWatch;

constexpr int most_tries = 3;                      // to read a file
constexpr std::size_t most_tried = 1000;           // files whose tries are remembered

struct Folder {
  os::World& world;
  std::string path;
  FolderWatch watch;
};

// On the pool: the names of what is whole.
base::Result<std::vector<std::string>> look_at(Folder& folder) {
  const auto dir = TRY(folder.world.directory(folder.path, false));
  const std::vector<std::string> names = folder.watch.look(TRY(dir->list()));
  std::vector<FolderWatch::File> files;
  files.reserve(names.size());
  for (const std::string& name : names) {
    const auto file = dir->open(name, os::Open::existing);
    const auto size = file ? (*file)->size() : std::unexpected(file.error());
    // One that cannot be opened seems whole, so that reading it is tried, and its failure counts.
    if (size) files.push_back({name, *size});
    else if (size.error().code != Code::not_found) files.push_back({name, 1});
  }
  return folder.watch.whole(files);
}

// Code::invalid_input for what is too large, exhausted for want of descriptors or memory.
base::Result<base::Bytes> read(Folder& folder, const std::string& name) {
  const auto dir = TRY(folder.world.directory(folder.path, false));
  const auto file = TRY(dir->open(name, os::Open::existing));
  const std::uint64_t size = TRY(file->size());
  if (size > Source::most_picture_bytes)
    return base::fail(Code::invalid_input, "read " + folder.path + "/" + name + ": it has " + base::size_text(size) +
                                               ", more than the " + base::size_text(Source::most_picture_bytes) + " allowed");
  base::Bytes bytes;
  TRY(file->read(0, static_cast<std::size_t>(size), bytes));
  return bytes;
}

base::Result<void> remove(Folder& folder, const std::string& name) {
  const auto dir = TRY(folder.world.directory(folder.path, false));
  return dir->remove(name);
}

class FolderSource final : public Source {
 public:
  FolderSource(os::World& world, FolderOptions options, Sink& sink)
      : world_(world), options_(std::move(options)), sink_(sink),
        lane_(static_cast<std::uint32_t>(std::hash<std::string_view>()(options_.path))),
        folder_(std::make_shared<Folder>(
            world, options_.path, FolderWatch(options_.remove ? FolderWatch::Taken::removed : FolderWatch::Taken::stays))),
        attempts_(world, [this] { look(); }) {}

  void start() override { attempts_.begin_in({}); }
  void room() override { go_on(); }
  SourceStatus status() const override {
    SourceStatus status = attempts_.status;
    if (status.reason.empty() && left_out_ > 0)
      status.reason = std::to_string(left_out_) + " files in " + options_.path + " are too many to look at";
    return status;
  }

 private:
  // Runs `job` on the pool, then `done` with its result here, unless this has gone.
  template <typename T>
  void on_pool(std::function<T(Folder&)> job, void (FolderSource::*done)(T)) {
    busy_ = true;
    const auto result = std::make_shared<std::optional<T>>();
    world_.loop().work(
        lane_, [folder = folder_, result, job = std::move(job)] { result->emplace(job(*folder)); },
        [this, here = std::weak_ptr(here_), result, done] {
          if (here.expired()) return;
          busy_ = false;
          (this->*done)(std::move(**result));
        });
  }

  void look() { on_pool<base::Result<std::vector<std::string>>>(look_at, &FolderSource::looked); }

  void looked(base::Result<std::vector<std::string>> names) {
    if (!names) {
      busy_ = true;
      return attempts_.failed(names.error().message);
    }
    // What could not be read or removed is said until the next picture.
    const std::string trouble = attempts_.status.state == SourceStatus::State::receiving ? attempts_.status.reason : "";
    attempts_.works();
    attempts_.status.reason = trouble;
    left_out_ = folder_->watch.left_out();
    waiting_.assign(std::make_move_iterator(names->begin()), std::make_move_iterator(names->end()));
    go_on();
  }

  // The next thing that can be done, if nothing is being done.
  void go_on() {
    if (busy_) return;
    if (picture_ || !waiting_.empty()) {
      if (sink_.full()) return;                    // until room()
      return picture_ ? hand_on() : read_next();
    }
    busy_ = true;
    attempts_.begin_in(std::max(options_.every, Attempts::shortest));
  }

  void read_next() {
    name_ = std::move(waiting_.front());
    waiting_.pop_front();
    on_pool<base::Result<base::Bytes>>([name = name_](Folder& folder) { return read(folder, name); },
                                       &FolderSource::was_read);
  }

  void was_read(base::Result<base::Bytes> file) {
    if (file && !file->empty()) {
      tries_.erase(name_);
      picture_ = std::move(*file);
    } else if (file) {
      folder_->watch.put_back(name_);              // somebody writes it anew
    } else {
      could_not_read(file.error());
    }
    go_on();
  }

  void could_not_read(const base::Error& why) {
    if (why.code == Code::not_found) {             // gone before it was its turn; if it comes back it is another
      tries_.erase(name_);
      return folder_->watch.put_back(name_);
    }
    if (why.code == Code::exhausted) return folder_->watch.put_back(name_);   // not the file's fault
    if (tries_.size() >= most_tried) tries_.clear();   // those are tried more often then
    if (why.code != Code::invalid_input && ++tries_[name_] < most_tries) return folder_->watch.put_back(name_);
    tries_.erase(name_);
    ++attempts_.status.broken;
    attempts_.say(why.message);                    // it stays where it is, and counts as taken
  }

  void hand_on() {
    busy_ = true;                                  // room() may be called within
    ++attempts_.status.pictures;
    attempts_.status.reason.clear();
    base::Bytes file = std::move(*picture_);
    picture_.reset();
    const std::weak_ptr<void> here = here_;
    sink_.picture(std::move(file), world_.loop().wall_now());
    if (here.expired()) return;
    busy_ = false;
    if (!options_.remove) return go_on();
    on_pool<base::Result<void>>([name = name_](Folder& folder) { return remove(folder, name); },
                                &FolderSource::removed);
  }

  void removed(base::Result<void> gone) {
    if (gone || gone.error().code == Code::not_found) {
      folder_->watch.put_back(name_);              // the next one of this name is another
    } else {
      folder_->watch.keep(name_);
      attempts_.say(std::move(gone).error().message);
    }
    go_on();
  }

  os::World& world_;
  FolderOptions options_;
  Sink& sink_;
  std::uint32_t lane_;
  std::shared_ptr<Folder> folder_;                 // of the job, while one runs
  bool busy_ = true;                               // a job runs, or a timer: what comes next comes by itself
  std::deque<std::string> waiting_;                // whole, to be read
  std::string name_;                               // of the file that is read, held, or removed
  std::optional<base::Bytes> picture_;             // read, and the sink was full then
  std::map<std::string, int> tries_;               // of those that could not be read
  std::uint64_t left_out_ = 0;
  std::shared_ptr<char> here_ = std::make_shared<char>();
  Attempts attempts_;
};

}  // namespace

std::unique_ptr<Source> folder_source(os::World& world, FolderOptions options, Sink& sink) {
  return std::make_unique<FolderSource>(world, std::move(options), sink);
}

}  // namespace selvedge::camera
