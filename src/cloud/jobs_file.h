// JobsFile: records of jobs, and tasks that leave, on disk: a segment log of changes in <path>, written anew when most
// of it is out of date.
//
// Nothing is durable before commit() says so. A full disk refuses (Code::exhausted) and loses nothing; the caller says
// it again. A record that cannot be read ends open(): who runs what is not guessed. Kept in memory as it is on disk:
// a few KiB a job. Belongs to the loop thread.

#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cloud/jobs_record.h"
#include "os/world.h"
#include "store/segment_log.h"

namespace selvedge::cloud {

class JobsFile {
 public:
  static base::Result<std::unique_ptr<JobsFile>> open(os::World& world, const std::string& path);

  // As they were when it was opened or saved last.
  base::Result<std::vector<engine::JobRecord>> records() const;
  base::Result<std::vector<LeftTask>> left() const;

  base::Result<void> save(const std::string& job, const engine::JobRecord* record);   // null: it is no more
  base::Result<void> save_left(LeftTask left);       // its number is given here
  base::Result<void> forget_left(const std::string& node, const std::string& task);
  void commit(std::function<void()> done);

  std::uint64_t bytes() const { return log_->stats().bytes; }

 private:
  enum class Kind : std::uint8_t { job = 1, job_gone = 2, left = 3, left_gone = 4 };

  JobsFile() = default;
  base::Result<void> replay(const store::Record& record);
  base::Result<void> append(Kind kind, const std::string& text);
  void write_anew();

  std::unique_ptr<store::SegmentLog> log_;
  std::map<std::string, std::string> jobs_;
  std::map<std::string, std::string> left_;          // by "<node>/<task>"
  std::uint64_t live_bytes_ = 0, last_number_ = 0;
  bool writing_anew_ = false;
};

}  // namespace selvedge::cloud
