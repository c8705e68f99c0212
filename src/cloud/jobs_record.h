// What the cloud keeps of jobs beside the wishes in twins, as JSON: records of jobs, and tasks whose wish was withdrawn
// and whose node has not said yet that they have gone.
//
//   {"version":1,"now":{"job":{...},"generations":{"front":[1,3]}},"good":{...},"rollout":"well",...}
//   {"version":1,"node":"edge-1","task":"web.front.0","number":3,"revision":7,"cpu":500,"memory":1048576,"disk":0}
//
// Members that are not known are of a newer cloud and skipped; a newer version is refused. What is read is held against
// the bounds of what a job may be. Pure; any thread.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "engine/jobs/job_book.h"

namespace selvedge::cloud {

inline constexpr std::size_t job_record_bytes = 16 << 20;   // at most

// A wish that was withdrawn: at which revision of the node's wishes, the room that its task may still take, and how long
// the node goes on with it without the cloud.
struct LeftTask {
  std::string node, task;
  std::uint64_t number = 0;                        // grows with each
  std::uint64_t revision = 0;
  model::Resources resources;
  model::AcceleratorAsk accelerators;
  model::TaskDisconnect disconnect;                // `replace` with its time, or `keep`: for ever
  friend bool operator==(const LeftTask&, const LeftTask&) = default;
};

std::string write_record(const engine::JobRecord& record);
base::Result<engine::JobRecord> read_record(std::string_view json);

std::string write_left(const LeftTask& left);
base::Result<LeftTask> read_left(std::string_view json);

}  // namespace selvedge::cloud
