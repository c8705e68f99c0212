// A store comes back: identity, series, the marks of the last block segment, then the journal, whose
// readings enter their columns again unless a durable block has them.

#include "base/crc32c.h"
#include "base/log.h"
#include "base/text.h"
#include "base/wire.h"
#include "store/store_impl.h"

namespace selvedge::store {
namespace {

using base::Code;

constexpr std::string_view identity_file = "store", delivered_file = "delivered";
constexpr std::string_view identity_start = "selvedge store 1\nepoch ";
constexpr std::uint32_t journal_lane = 0x5301, block_lane = 0x5302, series_lane = 0x5303;

StoreLimits sane(StoreLimits limits) {
  limits.block_readings = std::clamp(limits.block_readings, 1u, 1u << 15);
  limits.memory_bytes = std::max<std::uint64_t>(limits.memory_bytes, 64 << 10);
  limits.block_bytes = std::max<std::uint64_t>(limits.block_bytes, 256 << 10);
  limits.journal_bytes = std::max<std::uint64_t>(limits.journal_bytes, 256 << 10);
  return limits;
}

}  // namespace

void Store::set_limits(const StoreLimits& limits) {
  StoreLimits next = sane(limits);
  next.segment_bytes = limits_.segment_bytes;
  next.series = limits_.series;
  limits_ = next;
  pool_.set_limit(limits_.memory_bytes);
  blocks_->set_limits(limits_);
  LogLimits journal;
  journal.total_bytes = limits_.journal_bytes;
  journal.keep_free_bytes = limits_.keep_free_bytes;
  journal_->set_limits(journal);
  expired_at_ = {INT64_MIN / 2};
  policies_.clear();
  for (Series& s : series_) s.policy = 0;
}

Store::Store(os::World& world, StoreLimits limits, JournalFollower* follower)
    : world_(world), loop_(world.loop()), limits_(sane(std::move(limits))), follower_(follower),
      pool_(limits_.memory_bytes) {
  series_.emplace_back();  // numbers start at 1
}

base::Result<void> Store::load(std::string_view path) {
  dir_ = TRY(world_.directory(path, true));
  auto series = TRY(dir_->subdir("series"));
  auto journal = TRY(dir_->subdir("journal"));
  auto blocks = TRY(dir_->subdir("blocks"));
  TRY(load_identity());
  table_ = TRY(SeriesTable::open(std::move(series), loop_, series_lane, limits_.series,
                                 limits_.keep_free_bytes));
  blocks_ = TRY(BlockLog::open(std::move(blocks), loop_, block_lane, limits_, epoch_));
  late_ = std::make_unique<LateReadings>(*blocks_);
  TRY(load_delivered());
  blocks_->on_durable([this](model::BlockSeq seq, std::size_t bytes, bool local) {
    trim_soon();
    if (local) persist_soon();
    else if (told_sealed_) told_sealed_(seq, bytes);
  });
  table_->keep_taken(blocks_->series_seen() == 0 ? 0 : blocks_->series_seen() - 1);
  table_->each([&](const model::SeriesDef& def) {
    const auto id = static_cast<std::uint32_t>(def.id);
    state(id).kind = def.kind;
    state(id).last_time = blocks_->mark(id).last_time;
    return true;
  });
  if (follower_ != nullptr)
    follower_->begin([this](model::SeriesId id) { return table_->find(id); },
                     [this](const std::function<bool(const model::SeriesDef&)>& visit) { table_->each(visit); });
  TRY(load_journal(std::move(journal)));
  left_out_keys_.clear();
  if (lost_readings_ > 0)
    base::log::warn("store", "readings that were not acknowledged were left out: of unknown series",
                     {{"store", dir_->path()}, {"readings", lost_readings_}});
  // Segments whose heads a crash cut off are kept with the whole one in front of them: until the next one is whole,
  // which then is all of them.
  if (journal_->stats().segments > 1 && whole_segment_ != found_segment_ && journal_->append(journal_keys, {}))
    commit([this] { trim_soon(); });
  if (blocks_->waiting()) request_write();
  return {};
}

base::Result<void> Store::load_identity() {
  const auto text = os::read_file(*dir_, identity_file, 256);
  if (text) {
    const std::string_view all = base::as_text(*text);
    if (all.starts_with(identity_start)) {
      const auto epoch = base::from_hex(all.substr(identity_start.size(), 16));
      if (epoch && epoch->size() == sizeof epoch_) {
        std::memcpy(&epoch_, epoch->data(), sizeof epoch_);
        return {};
      }
    }
    return base::fail(Code::corrupt, "open store " + dir_->path() + ": its file 'store' is damaged");
  }
  if (text.error().code != Code::not_found) return std::unexpected(text.error());
  TRY(dir_->sync());  // the directories of the logs
  epoch_ = world_.random_u64();
  base::Bytes bytes(sizeof epoch_);
  std::memcpy(bytes.data(), &epoch_, sizeof epoch_);
  return os::write_file(*dir_, identity_file,
                        base::as_bytes(std::string(identity_start) + base::to_hex(bytes) + '\n'));
}

base::Result<void> Store::load_delivered() {
  const auto bytes = os::read_file(*dir_, delivered_file, 1 << 20);
  if (!bytes) {
    if (bytes.error().code == Code::not_found) return {};
    return std::unexpected(bytes.error());
  }
  base::Reader in(*bytes);
  const std::uint32_t checksum = in.u32();
  const bool whole = in.ok() && base::crc32c(base::BytesView(*bytes).subspan(4)) == checksum;
  // Losing the marks only means sending blocks again.
  if (!whole || in.u64() != epoch_ || !blocks_->take_delivered(in))
    base::log::warn("store", "the file of delivered blocks is damaged; they will be sent again",
                    {{"store", dir_->path()}});
  return {};
}

void Store::persist(std::function<void()> done) {
  dirty_ = false;
  base::Bytes bytes;
  base::Writer out(bytes);
  out.u32(0);
  out.u64(epoch_);
  blocks_->marks_delivered().put(out);
  out.patch_u32(0, base::crc32c(base::BytesView(bytes).subspan(4)));
  loop_.work(
      series_lane,
      [dir = dir_, bytes = std::move(bytes)] {
        if (const auto written = os::write_file(*dir, delivered_file, bytes); !written)
          base::log::warn("store", "delivered blocks could not be noted",
                          {{"error", written.error()}});
      },
      [done = std::move(done), alive = std::weak_ptr(alive_)] {
        if (!alive.expired() && done) done();
      });
}

base::Result<void> Store::load_journal(std::unique_ptr<os::Dir> dir) {
  LogLimits limits;
  limits.total_bytes = limits_.journal_bytes;
  limits.segment_bytes = std::min(limits_.segment_bytes, limits_.journal_bytes / 8);
  limits.record_bytes = 8 << 20;
  limits.keep_free_bytes = limits_.keep_free_bytes;
  // Blocks may remember journal positions that a crash took away; those must not be used again.
  limits.first_segment = blocks_->greatest_through().segment() + 1;
  journal_ = TRY(SegmentLog::open(std::move(dir), loop_, journal_lane, limits,
                                  [this](const Record& record) { return replay(record); }));
  head_state_.clear();
  found_segment_ = journal_->durable().segment();
  journal_->on_new_segment([this] { append_keys(); });
  return {};
}

base::Result<void> Store::replay(const Record& record) {
  const std::uint32_t segment = record.at.segment();
  if (segment != head_segment_) {
    head_segment_ = segment;
    head_state_.clear();
  }
  // Keys of none are what save_follower() and load() append behind the head.
  if (record.kind == journal_message || record.kind == journal_time || (record.kind == journal_keys && record.payload.empty())) {
    whole_segment_ = segment;
    for (const base::Bytes& part : head_state_) follower_->restore(part);
    head_state_.clear();
  }
  if (record.kind == journal_keys) {
    base::Reader in(record.payload);
    while (in.ok() && !in.at_end())
      if (const std::uint64_t key = in.u64(); !left_out_keys_.contains(key)) keys_.add(key);
    return {};
  }
  if (record.kind == journal_state && follower_ != nullptr) head_state_.emplace_back(record.payload.begin(), record.payload.end());
  if (record.kind == journal_time && follower_ != nullptr) {
    base::Reader in(record.payload);
    if (const base::Time now{in.svarint()}; in.ok()) follower_->time_passed(now);
  }
  if (record.kind != journal_message || !is_complete(record.payload)) return {};
  std::uint64_t key = 0;
  MessageNote note;
  TRY(take_message(record.payload, key, note, [&](const Staged& r, std::string_view text) {
    if (!r.journal_only && record.at >= blocks_->floor() && record.at > blocks_->mark(r.series).through)
      push(r.series, record.at, r.time, r.bits, text);
    if (follower_ != nullptr) follow(r, text, note);
  }));
  keys_.add(key);
  for (const std::uint32_t id : to_seal_)
    if (is_full(series_[id].column))
      base::ignore(seal(id), "it stays open until there is room");
  to_seal_.clear();
  while (!pool_.within(blocks_->waiting_bytes()) && oldest_ != 0 && seal(oldest_)) continue;
  return {};
}

void Store::follow(const Staged& r, std::string_view text, const MessageNote& note) {
  if (!note.derived && !(note.at && r.followed)) return;
  const model::SeriesDef* const def = table_->find(model::SeriesId{r.series});
  CHECK(def != nullptr);   // is_complete() has looked
  const model::ValueView value = view_of(r, text);
  if (note.derived) follower_->derived(*def, {r.time}, value);
  else follower_->reading(*def, {r.time}, value, *note.at);
}

// The journal may have come to the disk before the definition of a series did. Such a message was
// not acknowledged; it goes as a whole, and its key with it, so that it is taken when it comes again.
bool Store::is_complete(base::BytesView message) {
  std::uint64_t key = 0, readings = 0;
  MessageNote note;
  bool complete = true;
  const auto taken = take_message(message, key, note, [&](const Staged& r, std::string_view) {
    const model::SeriesDef* const def = table_->find(model::SeriesId{r.series});
    if (def == nullptr) table_->keep_taken(r.series);
    complete = complete && def != nullptr && def->kind == r.kind;
    ++readings;
  });
  if (!taken) base::log::error("store", "a journal record is damaged", {{"error", taken.error()}});
  if (taken && complete) return true;
  lost_readings_ += readings;
  left_out_keys_.insert(key);
  return false;
}

// Called by the journal when it starts a segment: earlier ones, and the keys in them, may be deleted.
void Store::append_keys() {
  if (keys_.size() > 0) {
    base::Bytes payload;
    base::Writer out(payload);
    keys_.each([&](std::uint64_t key) { out.u64(key); });
    CHECK(journal_->append(journal_keys, payload));  // a header is always taken
  }
  if (follower_ == nullptr) return;
  for (const base::Bytes& part : follower_->save()) CHECK(journal_->append(journal_state, part));
  // What goes no further than the journal makes no block whose end would have it trimmed.
  trim_soon();
}

base::Result<void> Store::save_follower() {
  if (follower_ == nullptr) return {};
  // Not split over two segments: a new one begins with the state anyway.
  journal_->roll();
  TRY(base::while_doing("save aggregates", base::Result<Position>(journal_->append(journal_keys, {}))));
  return {};
}

base::Result<void> Store::note_time(base::Time now) {
  if (follower_ == nullptr) return {};
  base::Bytes payload;
  base::Writer(payload).svarint(now.ns);
  TRY(base::while_doing("note the time", base::Result<Position>(journal_->append(journal_time, payload))));
  return {};
}

}  // namespace selvedge::store
