// Any bytes are a task, a job or a status, or are refused; what was read is written, read and written the same.

#include "codec/task/task.h"

using namespace selvedge;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace task = codec::task;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto read = task::parse_task("a.b.0", text)) {
    const std::string written = task::write_task(*read);
    const auto again = task::parse_task("a.b.0", written);
    // Control characters grow when they are written; only so may it become too large.
    CHECK(again || written.size() > model::TaskLimits::document_bytes);
    CHECK(!again || (*again == *read && task::write_task(*again) == written));
  }
  if (const auto read = task::parse_job(text)) {
    const std::string written = task::write_job(*read);
    const auto again = task::parse_job(written);
    CHECK(again || written.size() > model::TaskLimits::job_bytes);
    CHECK(!again || (*again == *read && task::write_job(*again) == written));
  }
  if (const auto value = codec::json::parse(text, 1 << 16))
    if (const auto read = task::read_status(*value)) {
      codec::json::Value::Object object;
      for (const auto& member : task::status_members(*read))
        if (!member.json.empty()) object.emplace(member.name, codec::json::parse(member.json).value());
      CHECK(task::read_status(codec::json::Value(std::move(object))) == *read);
    }
  return 0;
}
