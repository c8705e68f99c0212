#include "cloud/jobs_file.h"

#include <algorithm>

#include "base/log.h"
#include "base/text.h"

namespace selvedge::cloud {

using base::Result;

namespace {

constexpr std::uint32_t lane = 0x4a6f0001;
constexpr std::uint64_t worth_writing_anew = 8 << 20;

std::string place(const std::string& node, const std::string& task) { return node + "/" + task; }

}  // namespace

Result<std::unique_ptr<JobsFile>> JobsFile::open(os::World& world, const std::string& path) {
  std::unique_ptr<JobsFile> made(new JobsFile);
  store::LogLimits limits;
  limits.segment_bytes = 4 << 20;
  limits.record_bytes = job_record_bytes;
  limits.pending_bytes = 4 * job_record_bytes;
  made->log_ = TRY(store::SegmentLog::open(TRY(world.directory(path, true)), world.loop(), lane, limits,
                                           [&](const store::Record& record) { return made->replay(record); }));
  for (const auto& [name, text] : made->jobs_) made->live_bytes_ += text.size();
  return made;
}

Result<void> JobsFile::replay(const store::Record& record) {
  const std::string text(base::as_text(record.payload));
  switch (static_cast<Kind>(record.kind)) {
    case Kind::job: jobs_[TRY(read_record(text)).now.job.name] = text; break;
    case Kind::job_gone: jobs_.erase(text); break;
    case Kind::left: {
      const LeftTask left = TRY(read_left(text));
      last_number_ = std::max(last_number_, left.number);
      left_[place(left.node, left.task)] = text;
      break;
    }
    case Kind::left_gone: left_.erase(text); break;
    default: base::log::warn("jobs", "skipped a record of a kind that is not known", {{"kind", record.kind}});
  }
  return {};
}

Result<std::vector<engine::JobRecord>> JobsFile::records() const {
  std::vector<engine::JobRecord> all;
  for (const auto& [name, text] : jobs_) all.push_back(TRY(read_record(text)));
  return all;
}

Result<std::vector<LeftTask>> JobsFile::left() const {
  std::vector<LeftTask> all;
  for (const auto& [where, text] : left_) all.push_back(TRY(read_left(text)));
  return all;
}

Result<void> JobsFile::append(Kind kind, const std::string& text) {
  TRY(log_->append(static_cast<std::uint8_t>(kind), base::as_bytes(text)));
  return {};
}

Result<void> JobsFile::save(const std::string& job, const engine::JobRecord* record) {
  const auto known = jobs_.find(job);
  if (record == nullptr) {
    if (known == jobs_.end()) return {};
    TRY(append(Kind::job_gone, job));
    live_bytes_ -= known->second.size();
    jobs_.erase(known);
    return {};
  }
  std::string text = write_record(*record);
  if (known != jobs_.end() && known->second == text) return {};
  TRY(append(Kind::job, text));
  live_bytes_ += text.size();
  std::string& kept = jobs_[job];
  live_bytes_ -= kept.size();
  kept = std::move(text);
  write_anew();
  return {};
}

Result<void> JobsFile::save_left(LeftTask left) {
  left.number = ++last_number_;
  std::string text = write_left(left);
  TRY(append(Kind::left, text));
  left_[place(left.node, left.task)] = std::move(text);
  return {};
}

Result<void> JobsFile::forget_left(const std::string& node, const std::string& task) {
  const auto known = left_.find(place(node, task));
  if (known == left_.end()) return {};
  TRY(append(Kind::left_gone, known->first));
  left_.erase(known);
  write_anew();
  return {};
}

void JobsFile::commit(std::function<void()> done) { log_->commit(std::move(done)); }

// All that holds into a new segment; the old ones go once that is durable.
void JobsFile::write_anew() {
  if (writing_anew_ || log_->stats().bytes < worth_writing_anew + 2 * live_bytes_) return;
  log_->roll();
  const store::Position from = log_->end();
  for (const auto& [name, text] : jobs_)
    if (!append(Kind::job, text)) return;            // the disk is full: the old ones stay
  for (const auto& [where, text] : left_)
    if (!append(Kind::left, text)) return;
  writing_anew_ = true;
  log_->commit([this, from] {
    writing_anew_ = false;
    log_->trim(from);
  });
}

}  // namespace selvedge::cloud
