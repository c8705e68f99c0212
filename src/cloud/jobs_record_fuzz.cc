// Any bytes are a record of a job or a task that leaves, or are refused; what was read is written and read the same.

#include "cloud/jobs_record.h"

using namespace selvedge;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto record = cloud::read_record(text)) {
    const std::string written = cloud::write_record(*record);
    const auto again = cloud::read_record(written);
    CHECK(again && *again == *record && cloud::write_record(*again) == written);
  }
  if (const auto left = cloud::read_left(text)) {
    const auto again = cloud::read_left(cloud::write_left(*left));
    CHECK(again && *again == *left);
  }
  return 0;
}
