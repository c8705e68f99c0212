#include "node/task_log.h"

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace selvedge::node {

using base::Result;

namespace {

constexpr std::string_view file_name = "log", old_name = "log.old";

// Appends, and begins a new file when the present one has its half.
Result<void> write(os::World& world, const std::string& folder, std::string_view text, std::uint64_t half) {
  const auto dir = TRY(world.directory(folder, true));
  auto file = TRY(dir->open(file_name, os::Open::create_private));
  const std::uint64_t size = TRY(file->size());
  if (size > 0 && size + text.size() > half) {
    file.reset();
    TRY(dir->rename(file_name, old_name));
    file = TRY(dir->open(file_name, os::Open::create_private));
  }
  if (text.size() > half) {                        // more than it may keep came at once
    text.remove_prefix(text.size() - static_cast<std::size_t>(half));
    text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
  }
  return file->append(base::as_bytes(text));
}

Result<std::string> last_bytes(os::Dir& dir, std::string_view name, std::size_t most) {
  const auto file = dir.open(name, os::Open::existing);
  if (!file && file.error().code == base::Code::not_found) return std::string();
  if (!file) return std::unexpected(file.error());
  const std::uint64_t size = TRY((*file)->size());
  base::Bytes bytes;
  TRY((*file)->read(size - std::min<std::uint64_t>(size, most), most, bytes));
  std::string text(base::as_text(bytes));
  if (size > most) text.erase(0, std::min(text.find('\n'), text.size() - 1) + 1);   // the first may be cut
  return text;
}

// From the end, so many lines.
std::string last_lines(std::string text, std::size_t lines) {
  if (lines == 0) return {};
  std::size_t at = text.empty() ? 0 : text.size() - 1;
  for (std::size_t n = 0; at > 0; --at)
    if (text[at - 1] == '\n' && ++n == lines) break;
  return text.substr(at);
}

Result<std::string> read(os::World& world, const std::string& folder, std::size_t lines) {
  const auto dir = TRY(world.directory(folder, true));
  std::string text = TRY(last_bytes(*dir, file_name, TaskLog::most_tail_bytes));
  if (text.size() < TaskLog::most_tail_bytes && std::size_t(std::ranges::count(text, '\n')) < lines)
    text.insert(0, TRY(last_bytes(*dir, old_name, TaskLog::most_tail_bytes - text.size())));
  return last_lines(std::move(text), lines);
}

}  // namespace

TaskLog::TaskLog(os::World& world, std::string folder, std::uint32_t lane, std::uint64_t bytes)
    : world_(world), folder_(std::move(folder)), lane_(lane), bytes_(bytes) {}

TaskLog::~TaskLog() { tell({}); }

void TaskLog::line(std::string_view stream, std::string_view text) {
  std::string line = base::to_iso8601(world_.loop().wall_now());
  line.append(" ").append(stream).append(" ").append(base::printable(text, most_line)).append("\n");
  tell(line);
  if (waiting_.size() + line.size() > most_waiting) {
    ++lost_;
    ++lost_unsaid_;
    return;
  }
  waiting_ += line;
  if (flushing_) return;
  flushing_ = true;
  world_.loop().defer([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->flush();
  });
}

void TaskLog::tell(std::string_view line) {
  for (auto at = followers_.begin(); at != followers_.end();) {
    const auto heard = at->lock();
    if (heard) (*heard)(line);
    at = heard ? std::next(at) : followers_.erase(at);
  }
}

void TaskLog::flush() {
  if (waiting_.empty() || ended_) {
    flushing_ = false;
    return;
  }
  auto text = std::make_shared<std::string>(std::exchange(waiting_, {}));
  world_.loop().work(
      lane_,
      [&world = world_, folder = folder_, text, half = std::max<std::uint64_t>(bytes_ / 2, 1)] {
        base::ignore(write(world, folder, *text, half), "a log that cannot be written ends no task");
      },
      [weak = weak_from_this()] {
        const auto self = weak.lock();
        if (!self) return;
        self->flushing_ = false;
        if (const auto lost = std::exchange(self->lost_unsaid_, 0); lost > 0)
          self->line("node", std::to_string(lost) + " lines were lost: they came faster than the disk takes them");
        if (!self->waiting_.empty() && !std::exchange(self->flushing_, true)) self->flush();
      });
}

void TaskLog::tail(std::size_t lines, std::function<void(Result<std::string>)> done) {
  if (!waiting_.empty() && !ended_) {
    flushing_ = true;
    flush();
  }
  auto found = std::make_shared<Result<std::string>>();
  world_.loop().work(
      lane_, [&world = world_, folder = folder_, lines, found] { *found = read(world, folder, lines); },
      [found, done = std::move(done)] { done(std::move(*found)); });
}

std::shared_ptr<void> TaskLog::follow(Heard heard) {
  auto follower = std::make_shared<Heard>(std::move(heard));
  followers_.push_back(follower);
  return follower;
}

}  // namespace selvedge::node
