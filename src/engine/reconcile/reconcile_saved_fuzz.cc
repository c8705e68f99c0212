// Saved state of any bytes is read or refused; what was read is written back the same. The
// checksum is mended first, or nothing would come behind it.

#include <cstring>

#include "base/crc32c.h"
#include "engine/reconcile/reconcile.h"

using namespace selvedge;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  engine::KindRule setting{.kind = "setting"};
  setting.good = engine::KindRule::Good::kept;
  engine::KindRule task{.kind = "task"};
  base::Bytes bytes(data, data + size);
  if (size >= 8) {
    const std::uint32_t crc = base::crc32c(base::BytesView(bytes).first(size - 4));
    std::memcpy(bytes.data() + size - 4, &crc, 4);
  }
  engine::Reconcile reconcile({setting, task}, {.items = 100}, 1);
  if (!reconcile.load(bytes)) return 0;
  base::Bytes once, twice;
  reconcile.save(once);
  engine::Reconcile other({setting, task}, {.items = 100}, 1);
  CHECK(other.load(once));
  other.save(twice);
  CHECK(once == twice);

  // Whatever it was, reconciling goes on from it.
  engine::ReconcileOutputs out;
  reconcile.step(engine::Wished{{"setting", "a"}, "1", 1, {}}, {}, out);
  reconcile.step(engine::Begin{}, {}, out);
  if (const auto at = reconcile.wake_at()) reconcile.step(engine::Tick{}, *at, out);
  return 0;
}
