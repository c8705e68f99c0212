#include "store/group_writer.h"

#include <algorithm>

#include "store/segment_format.h"

namespace selvedge::store {
namespace {

using format::file_header_bytes;

constexpr base::Duration backoff_first = std::chrono::milliseconds(100);
constexpr base::Duration backoff_max = std::chrono::seconds(5);
constexpr std::size_t spare_groups = 3;
constexpr std::size_t spare_bytes = 4 << 20;     // a larger buffer is given back to the system
constexpr std::uint64_t eager_bytes = 1 << 20;   // a group this large is written without a commit

}  // namespace

// What a job on the pool works on; nobody else touches it meanwhile.
struct GroupWriter::Job {
  std::shared_ptr<os::Dir> dir;
  std::unique_ptr<Group> group;
  std::shared_ptr<os::File> file;     // null: make it
  std::string name;
  bool remove_first = false;
  std::uint64_t reserve = 0;
  std::shared_ptr<os::File> finished_file;  // gives back what was reserved and not used
  std::shared_ptr<os::File> void_tail;
  std::uint64_t void_from = 0;
  base::Instant began{};
  base::Result<void> result;
  std::uint64_t free_bytes = 0;

  base::Result<void> create() {
    if (remove_first) {
      const auto removed = dir->remove(name);
      if (!removed && removed.error().code != base::Code::not_found)
        return std::unexpected(removed.error());
    }
    file = TRY(dir->open(name, os::Open::create));
    file->reserve(reserve);
    return {};
  }

  base::Result<void> write() {
    const bool made = file == nullptr;
    if (void_tail) base::ignore(void_tail->truncate(void_from), "the next file's name voids it too");
    if (finished_file)
      if (const auto size = finished_file->size())
        base::ignore(finished_file->truncate(*size), "only gives back what was reserved");
    if (made) TRY(create());
    const base::BytesView bytes(group->bytes);
    TRY(file->append(made ? bytes : bytes.subspan(file_header_bytes)));
    TRY(file->sync());
    if (made) TRY(dir->sync());
    return {};
  }

  void run() {
    result = write();
    free_bytes = dir->free_bytes().value_or(UINT64_MAX);
  }
};

GroupWriter::GroupWriter(std::shared_ptr<os::Dir> dir, os::Loop& loop, std::uint32_t lane,
                         std::uint64_t segment_bytes, Told told)
    : dir_(std::move(dir)), loop_(loop), lane_(lane), segment_bytes_(segment_bytes),
      told_(std::move(told)) {}

GroupWriter::~GroupWriter() { loop_.cancel(retry_); }

std::unique_ptr<GroupWriter::Group> GroupWriter::fresh_group() {
  std::unique_ptr<Group> group;
  if (spare_.empty()) {
    group = std::make_unique<Group>();
  } else {
    group = std::move(spare_.back());
    spare_.pop_back();
  }
  group->bytes.resize(file_header_bytes);
  group->start = group->end = group->last = end_;
  group->wanted = false;
  return group;
}

void GroupWriter::recycle(std::unique_ptr<Group> group) {
  if (spare_.size() >= spare_groups) return;
  group->bytes.clear();
  group->done.clear();
  if (group->bytes.capacity() > spare_bytes) group->bytes.shrink_to_fit();
  spare_.push_back(std::move(group));
}

GroupWriter::Group& GroupWriter::collecting() {
  if (groups_.empty()) groups_.push_back(fresh_group());
  return *groups_.back();
}

void GroupWriter::begin_segment(std::uint32_t segment) {
  end_ = format::position(segment, 0);
  if (!groups_.empty() && groups_.back()->bytes.size() > file_header_bytes) {
    groups_.back()->wanted = true;  // nothing more comes to it
    groups_.push_back(fresh_group());
    start_soon();
  } else if (!groups_.empty()) {
    groups_.back()->start = groups_.back()->end = groups_.back()->last = end_;
  }
}

Position GroupWriter::put(std::uint8_t kind, base::BytesView head, base::BytesView tail) {
  Group& group = collecting();
  const std::size_t before = group.bytes.size();
  format::put_record(group.bytes, kind, head, tail);
  const std::size_t added = group.bytes.size() - before;
  const Position at = end_;
  group.last = at;
  end_.value += added;
  group.end = end_;
  pending_bytes_ += added;
  if (group.bytes.size() >= eager_bytes && !group.wanted) {
    group.wanted = true;
    start_soon();
  }
  return at;
}

void GroupWriter::commit(std::function<void()> done) {
  ++commits_;
  if (!groups_.empty() && groups_.back()->bytes.size() > file_header_bytes) {
    groups_.back()->done.push_back(std::move(done));
    groups_.back()->wanted = true;
    start_soon();
  } else if (groups_.size() > 1) {
    groups_[groups_.size() - 2]->done.push_back(std::move(done));
  } else if (in_flight_) {
    job_->group->done.push_back(std::move(done));  // the job itself does not look at `done`
  } else {
    loop_.defer([done = std::move(done), alive = std::weak_ptr(alive_)] {
      if (!alive.expired()) done();
    });
  }
}

Position GroupWriter::oldest_pending() const {
  if (job_) return job_->group->start;
  return groups_.empty() ? end_ : groups_.front()->start;
}

base::BytesView GroupWriter::find(Position at) const {
  const auto within = [&](const Group& g) -> base::BytesView {
    if (at < g.start || at >= g.end) return {};
    return base::BytesView(g.bytes).subspan(file_header_bytes + (at.value - g.start.value));
  };
  // A job only reads its group, so looking at it from here is safe.
  if (job_) {
    const base::BytesView found = within(*job_->group);
    if (!found.empty()) return found;
  }
  for (const auto& group : groups_) {
    const base::BytesView found = within(*group);
    if (!found.empty()) return found;
  }
  return {};
}

void GroupWriter::start_soon() {
  if (in_flight_ || start_deferred_ || failing()) return;
  start_deferred_ = true;
  loop_.defer([this, alive = std::weak_ptr(alive_)] {
    if (alive.expired()) return;
    start_deferred_ = false;
    start();
  });
}

void GroupWriter::start() {
  if (in_flight_ || groups_.empty() || !groups_.front()->wanted) return;
  auto job = std::make_shared<Job>();
  job->dir = dir_;
  job->group = std::move(groups_.front());
  groups_.pop_front();
  const Position start = job->group->start;
  if (file_ && start.segment() != file_start_.segment()) job->finished_file = std::move(file_);
  if (file_) {
    job->file = file_;
  } else {
    file_start_ = start;
    file_bytes_ = 0;
    job->name = format::file_name(start);
    job->remove_first = may_exist_;
    job->reserve = segment_bytes_ + file_header_bytes;
    format::put_file_header(job->group->bytes.data(), start);
  }
  job->void_tail = std::move(void_tail_);
  job->void_from = void_from_;
  job->began = loop_.now();
  in_flight_ = true;
  job_ = job;
  loop_.work(lane_, [job] { job->run(); },
             [this, job, alive = std::weak_ptr(alive_)] {
               if (!alive.expired()) finished(job);
             });
}

void GroupWriter::finished(const std::shared_ptr<Job>& job) {
  in_flight_ = false;
  job_.reset();
  last_sync_ = loop_.now() - job->began;
  std::vector<std::function<void()>> done;
  if (job->result) {
    done = std::move(job->group->done);
    succeeded(*job);
  } else {
    fail(*job);
  }
  told_.free(job->free_bytes);
  if (!failing()) start();  // the disk first: what the callbacks append collects meanwhile
  const std::weak_ptr alive(alive_);
  for (auto& call : done) {
    if (alive.expired()) return;
    call();
  }
}

void GroupWriter::succeeded(Job& job) {
  Group& group = *job.group;
  const std::uint64_t bytes = group.end.value - group.start.value;
  file_ = std::move(job.file);
  may_exist_ = false;
  file_bytes_ += bytes;
  backoff_ = {};
  last_durable_ = group.last;
  pending_bytes_ -= bytes;
  told_.durable(file_start_, bytes);
  recycle(std::move(job.group));
}

void GroupWriter::fail(Job& job) {
  ++failures_;
  if (file_bytes_ > 0) {
    void_tail_ = job.file;
    void_from_ = file_header_bytes + file_bytes_;
  }
  may_exist_ = true;
  file_.reset();
  groups_.push_front(std::move(job.group));
  backoff_ = std::min(std::max(backoff_ * 2, backoff_first), backoff_max);
  if (log_limit_.pass(loop_.now()))
    base::log::warn("store", "a write failed and will be repeated",
                    {{"log", dir_->path()}, {"error", job.result.error()}, {"after", backoff_}});
  retry_ = loop_.after(backoff_, [this] {
    retry_ = os::TimerId::none;
    start();
  });
  told_.failed();
}

void GroupWriter::retry_now() {
  if (retry_ == os::TimerId::none) return;
  loop_.cancel(retry_);
  retry_ = os::TimerId::none;
  loop_.defer([this, alive = std::weak_ptr(alive_)] {
    if (!alive.expired()) start();
  });
}

}  // namespace selvedge::store
