// Saved state of any bytes is read or refused; what was read is written back the same, and a node goes on from it. The
// checksum is mended first, or nothing would come behind it.

#include <cstring>

#include "base/crc32c.h"
#include "engine/task/supervisor.h"

using namespace selvedge;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  base::Bytes bytes(data, data + size);
  if (size >= 8) {
    const std::uint32_t crc = base::crc32c(base::BytesView(bytes).first(size - 4));
    std::memcpy(bytes.data() + size - 4, &crc, 4);
  }
  const engine::TaskSupervisorLimits limits{.tasks = 20, .finished = 5};
  engine::TaskSupervisor supervisor(limits, 1);
  if (!supervisor.load(bytes)) return 0;
  base::Bytes once, twice;
  supervisor.save(once);
  engine::TaskSupervisor other(limits, 1);
  CHECK(other.load(once));
  other.save(twice);
  CHECK(once == twice);

  engine::TaskOutputs out;
  engine::TaskClock clock{{1'000'000'000'000}, {1'780'000'000'000'000'000}};
  supervisor.step(engine::TaskWished{"a", R"({"mode":"job","command":["x"]})"}, clock, out);
  supervisor.step(engine::TaskWished{"b", R"({"mode":"cron","schedule":"* * * * *","command":["x"]})"}, clock, out);
  supervisor.step(engine::TaskFound{"a", 1, 0, ""}, clock, out);
  supervisor.step(engine::TaskFound{"b", 1, std::nullopt, ""}, clock, out);
  supervisor.step(engine::TaskBegin{"boot-1", engine::TaskBegin::Wall::trusted}, clock, out);
  for (int i = 0; i < 20; ++i) {
    const auto at = supervisor.wake_at();
    if (!at) break;
    CHECK(*at > clock.now);
    clock.wall = clock.wall + (*at - clock.now);
    clock.now = *at;
    supervisor.step(engine::TaskTick{}, clock, out);
  }
  return 0;
}
