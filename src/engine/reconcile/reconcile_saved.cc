// The bytes that survive a crash: docs/spec/reconcile.md.

#include "base/checksummed.h"
#include "base/wire.h"
#include "engine/reconcile/reconcile_state.h"

namespace selvedge::engine {
namespace {

constexpr std::uint32_t magic = 0x31435253;     // "SRC1"
constexpr std::uint8_t has_wish = 1, is_rested = 2, has_good = 4;

}  // namespace

void Reconcile::save(base::Bytes& out) const {
  const State& s = *state_;
  const std::size_t begin = out.size();
  base::Writer to(out);
  to.u32(magic);
  const auto write = [&](const ItemKey& key, const State::Remembered& r) {
    to.u8(static_cast<std::uint8_t>((r.print ? has_wish : 0) | (r.rested ? is_rested : 0) |
                                    (r.good ? has_good : 0)));
    to.text(key.kind);
    to.text(key.name);
    if (r.print) to.raw(*r.print);
    to.varint(r.attempts);
    to.text(r.reason);
    if (r.good) to.text(*r.good);
  };
  // Before Begin nothing has changed.
  for (const auto& [key, remembered] : s.remembered) write(key, remembered);
  if (s.begun) {
    for (const auto& [key, item] : s.items) {
      State::Remembered r;
      if (item.wish) r.print = item.print;
      r.attempts = item.attempts;
      const bool in_flight =
          item.phase == State::Phase::running || item.phase == State::Phase::cancelling;
      // An action that a crash interrupts was no failure, unless it may have been the crash's cause.
      if (in_flight && item.kind->rule.count == KindRule::Count::when_failed && r.attempts > 0)
        --r.attempts;
      r.rested = item.phase == State::Phase::resting;
      r.reason = item.reason;
      r.good = item.good;
      if (r.attempts > 0 || r.rested || r.good) write(key, r);
    }
  }
  base::append_checksum(out, begin);
}

base::Result<void> Reconcile::load(base::BytesView saved) {
  const std::string_view what = "saved state of the reconciler";
  const auto corrupt = [what](const char* why) {
    return base::fail(base::Code::corrupt, std::string(what) + ": " + why);
  };
  base::Reader from = TRY(base::read_checksummed(saved, magic, what));
  std::map<ItemKey, State::Remembered> read;
  while (from.ok() && !from.at_end()) {
    const std::uint8_t flags = from.u8();
    ItemKey key;
    key.kind = from.text();
    key.name = from.text();
    State::Remembered r;
    if ((flags & has_wish) != 0) {
      const base::BytesView print = from.raw(sizeof(Fingerprint));
      r.print.emplace();
      std::copy(print.begin(), print.end(), r.print->begin());
    }
    const std::uint64_t attempts = from.varint();
    r.attempts = static_cast<std::uint32_t>(std::min<std::uint64_t>(attempts, UINT32_MAX / 2));
    r.rested = (flags & is_rested) != 0;
    r.reason = from.text().substr(0, 4 * most_reason_bytes);
    if ((flags & has_good) != 0) r.good = from.text();
    if (!from.ok()) return corrupt("an item is cut off");
    if (read.size() >= state_->limits.items) return corrupt("too many items");
    read.insert_or_assign(std::move(key), std::move(r));
  }
  state_->remembered = std::move(read);
  return {};
}

}  // namespace selvedge::engine
