// Readings in: staging a message, recognising what is known, the journal, columns, sealing.

#include <bit>

#include "base/log.h"
#include "store/store_impl.h"

namespace selvedge::store {
namespace {

using base::Code;
using model::Kind;

constexpr std::size_t max_message_readings = 64 << 10;
constexpr std::size_t max_message_text = 1 << 20;
constexpr std::size_t seals_a_turn = 256;
constexpr std::uint64_t readings_a_turn = 200'000;
constexpr base::Duration seal_pause = std::chrono::seconds(1);

std::uint64_t bits_of(const model::ValueView& value) {
  switch (value.kind) {
    case Kind::float64: return std::bit_cast<std::uint64_t>(value.float64);
    case Kind::int64: return static_cast<std::uint64_t>(value.int64);
    case Kind::boolean: return value.boolean ? 1 : 0;
    case Kind::text: break;
  }
  return value.text.size();
}

std::uint64_t hash_of(std::uint32_t series, std::int64_t time, std::uint64_t bits) {
  std::uint64_t h = static_cast<std::uint64_t>(time) * 0x9E3779B97F4A7C15ULL;
  h = (h ^ (h >> 29) ^ series) * 0xBF58476D1CE4E5B9ULL;
  return (h ^ (h >> 32) ^ bits) * 0x94D049BB133111EBULL;
}

}  // namespace

base::Result<Added> Store::add(model::SeriesId series, base::Time time, const model::ValueView& value,
                               Adding how) {
  const auto id = static_cast<std::uint32_t>(series);
  if (id >= series_.size() || table_->find(series) == nullptr)
    return base::fail(Code::invalid_input, "add a reading: there is no such series");
  Series& s = series_[id];
  if (value.kind != s.kind)
    return base::fail(Code::invalid_input, "add a reading: the value is of another kind");
  if (value.kind == Kind::text && value.text.size() > codec::max_text_bytes)
    return base::fail(Code::invalid_input, "add a reading: a text is longer than 4096 bytes");
  if (staged_.size() >= max_message_readings || staged_text_.size() >= max_message_text)
    return base::fail(Code::invalid_input, "add a reading: too many in one message");

  const std::uint64_t bits = bits_of(value);
  if (how.journal_only) {
    staged_.push_back({id, value.kind, static_cast<std::uint32_t>(staged_text_.size()), time.ns, bits, true,
                       how.followed});
    if (value.kind == Kind::text) staged_text_.append(value.text);
    return Added::stored;
  }
  if (s.staged_in != message_) {
    s.staged_in = message_;
    s.staged_time = s.last_time;
    if (s.column.may_need_chunk()) staged_need_ += s.column.next_chunk_bytes();
  }
  if (time.ns <= s.staged_time && s.staged_time != INT64_MIN) [[unlikely]] {
    if (TRY(is_known(s, id, time.ns, bits, value))) {
      ++duplicates_;
      return Added::duplicate;
    }
  } else {
    s.staged_time = time.ns;
  }
  staged_.push_back({id, value.kind, static_cast<std::uint32_t>(staged_text_.size()), time.ns, bits, false,
                     how.followed});
  staged_need_ += 17;
  if (value.kind == Kind::text) {
    staged_text_.append(value.text);
    staged_need_ += 2 * value.text.size();
  }
  return Added::stored;
}

base::Result<bool> Store::is_known(const Series& s, std::uint32_t id, std::int64_t time,
                                   std::uint64_t bits, const model::ValueView& value) {
  // A message with late readings gets an index of itself, so that a long one costs no more than
  // its length.
  for (; hashed_ < staged_.size(); ++hashed_)
    staged_hashes_.insert(
        hash_of(staged_[hashed_].series, staged_[hashed_].time, staged_[hashed_].bits));
  if (staged_hashes_.contains(hash_of(id, time, bits)) && is_staged(id, time, bits, value.text))
    return true;
  if (s.last_time == INT64_MIN || time > s.last_time) return false;
  if (s.column.contains(s.kind, time, bits, value.text)) return true;
  // Of values that are not kept to the bit only the time can be recognised.
  const bool exact = value.kind != Kind::float64 || policy_of(id).bound.exact();
  return late_->contains(id, time, exact ? &value : nullptr);
}

bool Store::is_staged(std::uint32_t id, std::int64_t time, std::uint64_t bits,
                      std::string_view text) const {
  return std::any_of(staged_.begin(), staged_.end(), [&](const Staged& r) {
    if (r.series != id || r.time != time || r.bits != bits) return false;
    return r.kind != Kind::text ||
           std::string_view(staged_text_).substr(r.text_at, static_cast<std::size_t>(r.bits)) == text;
  });
}

void Store::abandon_message() {
  staged_.clear();
  staged_text_.clear();
  staged_need_ = 0;
  if (hashed_ > 0) {
    staged_hashes_.clear();
    hashed_ = 0;
  }
  ++message_;
}

base::Result<void> Store::end_message(std::uint64_t key, const MessageNote& note) {
  if (staged_.empty()) {
    keys_.add(key);
    abandon_message();
    return {};
  }
  if (const auto room = make_memory(); !room) {
    abandon_message();
    return room;
  }
  put_message(record_, key, note, staged_, staged_text_);
  const auto at = journal_->append(journal_message, record_);
  if (!at) {
    abandon_message();
    relieve_journal();
    return std::unexpected(at.error());
  }
  keys_.add(key);
  for (const Staged& r : staged_)
    if (!r.journal_only)
      push(r.series, *at, r.time, r.bits,
           r.kind == Kind::text ? std::string_view(staged_text_).substr(r.text_at, r.bits)
                                : std::string_view());
  added_ += staged_.size();
  abandon_message();
  // A column that cannot be sealed now stays open and is due again later.
  for (const std::uint32_t id : to_seal_)
    if (is_full(series_[id].column))
      base::ignore(seal(id), "the block log is full; make_memory() will say so");
  to_seal_.clear();
  relieve_journal();
  return {};
}

void Store::push(std::uint32_t id, Position at, std::int64_t time, std::uint64_t bits,
                 std::string_view text) {
  Series& s = series_[id];
  if (s.column.size() == 0) {
    s.first = at;
    s.opened = loop_.now();
    s.before = newest_;
    s.after = 0;
    (newest_ != 0 ? series_[newest_].after : oldest_) = id;
    newest_ = id;
  }
  s.column.push(pool_, time, bits, text);
  s.last = at;
  s.last_time = std::max(s.last_time, time);
  ++open_readings_;
  if (is_full(s.column) && (to_seal_.empty() || to_seal_.back() != id)) to_seal_.push_back(id);
}

base::Result<void> Store::make_memory() {
  const auto within = [&] { return pool_.within(staged_need_ + blocks_->waiting_bytes()); };
  while (!within()) {
    if (oldest_ == 0)
      return base::fail(Code::exhausted, "store a message: it does not fit into memory");
    TRY(base::while_doing("store a message", seal(oldest_)));
  }
  return {};
}

// Columns that keep old journal segments from being deleted are sealed before the journal is full.
void Store::relieve_journal() {
  if (journal_->stats().bytes * 2 < limits_.journal_bytes) return;
  for (int i = 0; i < 4 && oldest_ != 0; ++i) {
    if (series_[oldest_].first.segment() >= journal_->end().segment() || !seal(oldest_)) return;
  }
}

void Store::unlink(std::uint32_t id) {
  Series& s = series_[id];
  (s.before != 0 ? series_[s.before].after : oldest_) = s.after;
  (s.after != 0 ? series_[s.after].before : newest_) = s.before;
  s.before = s.after = 0;
}

const SeriesPolicy& Store::policy_of(std::uint32_t id) {
  static constexpr SeriesPolicy usual;
  if (!limits_.policy) return usual;
  Series& s = series_[id];
  if (s.policy == 0) {
    const model::SeriesDef* const def = table_->find(model::SeriesId{id});
    CHECK(def != nullptr);
    const SeriesPolicy wanted = limits_.policy(*def);
    auto at = std::ranges::find(policies_, wanted);
    if (at == policies_.end()) {
      CHECK(policies_.size() < UINT16_MAX);
      at = policies_.insert(at, wanted);
    }
    s.policy = static_cast<std::uint16_t>(at - policies_.begin() + 1);
  }
  return policies_[s.policy - 1U];
}

base::Result<void> Store::seal(std::uint32_t id) {
  TRY(blocks_->room());
  Series& s = series_[id];
  const SeriesPolicy policy = policy_of(id);
  codec::EncodeOptions options;
  options.bound = policy.bound;
  if (policy.codec == SeriesPolicy::Codec::fast ||
      (policy.codec == SeriesPolicy::Codec::automatic &&
       !dense_budget_.take(s.column.size(), limits_.dense_readings_per_second, loop_.now())))
    options.effort = codec::Effort::fast;
  s.column.copy_to(scratch_, s.kind);
  base::Bytes frame;
  model::BlockSummary summary = TRY(codec::encode_frame(scratch_, frame, options));
  if (limits_.seal_frame) {
    const model::SeriesDef* def = table_->find(model::SeriesId{id});
    CHECK(def != nullptr);
    frame = TRY(limits_.seal_frame(def->name, frame, loop_.wall_now()));
    summary = TRY(codec::read_summary(frame));
  }
  ++sealed_blocks_;
  sealed_readings_ += summary.count;
  frame_bytes_ += frame.size();
  open_readings_ -= summary.count;
  blocks_->add(id, s.last, s.first, loop_.wall_now(), summary, std::move(frame), policy.local);
  s.column.clear(pool_);
  unlink(id);
  late_->forget(id);
  request_write();
  return {};
}

void Store::seal_due() {
  const base::Instant now = loop_.now();
  expire();
  if (seal_again_ && now < *seal_again_) return;
  seal_again_.reset();
  std::uint64_t readings = 0;
  for (std::size_t i = 0; i < seals_a_turn && readings < readings_a_turn; ++i) {
    if (oldest_ == 0 || series_[oldest_].opened + limits_.block_age > now) return;
    readings += series_[oldest_].column.size();
    if (!seal(oldest_)) {
      seal_again_ = now + seal_pause;
      return;
    }
  }
}

std::optional<base::Instant> Store::next_due() const {
  if (oldest_ == 0) return std::nullopt;
  const base::Instant due = series_[oldest_].opened + limits_.block_age;
  return seal_again_ ? std::max(due, *seal_again_) : due;
}

void Store::seal_all() {
  while (oldest_ != 0 && seal(oldest_)) continue;
}

}  // namespace selvedge::store
