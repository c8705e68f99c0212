#include "store/audit_log.h"

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace selvedge::store {

using base::Code;
using base::Result;

namespace {

constexpr std::uint8_t line_kind = 1;
constexpr std::string_view head_name = "head.json";
constexpr base::Duration sign_delay = std::chrono::seconds(1);
constexpr std::uint64_t sign_every = 256;
constexpr base::Duration write_patience = std::chrono::seconds(10);
constexpr base::Duration close_patience = std::chrono::seconds(5);
constexpr base::Duration probe_pause = std::chrono::seconds(1);

LogLimits log_limits(const AuditLimits& limits) {
  LogLimits to;
  // Segments go by our own hand, once a head says so; this bound is for when that hand is late.
  to.total_bytes = limits.total_bytes + 8 * limits.segment_bytes;
  to.segment_bytes = limits.segment_bytes;
  to.record_bytes = most_audit_line;
  to.pending_bytes = 1 << 20;
  to.keep_free_bytes = limits.keep_free_bytes;
  return to;
}

bool passes(const AuditFilter& filter, const AuditRecord& record) {
  return (filter.who.empty() || record.who == filter.who) && record.action.starts_with(filter.action) &&
         record.target.starts_with(filter.target) && record.at >= filter.from && record.at < filter.to;
}

Result<AuditHead> put_head(os::Dir& dir, AuditHead head,
                           const std::function<Result<std::string>(std::string_view)>& sign) {
  if (sign) head.signature = TRY(base::while_doing("sign", sign(head.signed_text())));
  TRY(os::write_file(dir, head_name, base::as_bytes(write_audit_head(head))));
  return head;
}

// Calls what it was made with once: with the outcome, or with an error when that takes too long.
class Once {
 public:
  Once(os::Loop& loop, base::Duration patience, std::function<void(Result<void>)> told)
      : loop_(&loop), told_(std::make_shared<std::function<void(Result<void>)>>(std::move(told))) {
    late_ = loop.after(patience, [told = told_] {
      if (const auto tell = std::exchange(*told, nullptr))
        tell(base::fail(Code::unavailable, "the audit log could not be written in time"));
    });
  }
  void operator()(Result<void> outcome) const {
    const auto tell = std::exchange(*told_, nullptr);
    if (!tell) return;
    loop_->cancel(late_);
    tell(std::move(outcome));
  }

 private:
  os::Loop* loop_;
  std::shared_ptr<std::function<void(Result<void>)>> told_;
  os::TimerId late_{};
};

}  // namespace

AuditLog::AuditLog(os::World& world, std::uint32_t lane, AuditLimits limits, AuditSeal seal)
    : world_(world),
      lane_(lane),
      limits_(limits),
      seal_(std::move(seal)),
      hash_(no_audit_hash()),
      durable_hash_(no_audit_hash()) {}

AuditLog::~AuditLog() { world_.loop().cancel(sign_timer_); }

Result<std::unique_ptr<AuditLog>> AuditLog::open(os::World& world, std::string_view path,
                                                 std::uint32_t lane, AuditLimits limits,
                                                 AuditSeal seal) {
  std::unique_ptr<AuditLog> made(new AuditLog(world, lane, limits, std::move(seal)));
  TRY(base::while_doing("audit log", made->load(path)));
  return made;
}

Result<void> AuditLog::load(std::string_view path) {
  dir_ = TRY(world_.directory(path, true));
  // A log that was never used has no head. It gets one before its first record, so that from then on
  // a head that is missing was taken away.
  const std::vector<std::string> files = TRY(dir_->list());
  const bool used = std::ranges::any_of(
      files, [](const std::string& name) { return name == head_name || name.ends_with(".log"); });
  if (!used) TRY(put_head(*dir_, next_head(), seal_.sign));
  AuditChain heads(std::nullopt);
  head_ = read_head(heads);
  const auto head_faults = heads.finish().faults;
  AuditChain chain(head_);
  log_ = TRY(SegmentLog::open(TRY(world_.directory(path, true)), world_.loop(), lane_,
                              log_limits(limits_), [&](const Record& record) -> Result<void> {
                                chain.line(base::as_text(record.payload));
                                return {};
                              }));
  for (const AuditFault& fault : head_faults) chain.fault(fault.seq, fault.what);
  const AuditVerdict verdict = chain.finish();
  if (verdict.records > 0) {
    seq_ = verdict.last;
    hash_ = verdict.hash;
  }
  first_ = head_ ? head_->first : std::max<std::uint64_t>(verdict.first, 1);
  // What a head vouched for and is gone stays missing: the chain goes on behind it.
  if (head_ && head_->seq > seq_) {
    seq_ = head_->seq;
    hash_ = head_->hash;
  }
  durable_seq_ = seq_;
  durable_hash_ = hash_;
  failures_seen_ = log_->stats().commit_failures;
  stats_.faults_at_open = verdict.faults.size();
  if (verdict.whole()) return {};
  const AuditFault& fault = verdict.faults.front();
  base::log::error("audit", "the log is not as it was written",
                   {{"record", fault.seq}, {"what", fault.what}, {"faults", verdict.faults.size()}});
  return add({"audit", "", "audit.damaged", "record " + std::to_string(fault.seq), "", fault.what});
}

// Says to `faults` what is wrong with the head.
std::optional<AuditHead> AuditLog::read_head(AuditChain& faults) const {
  const auto bytes = os::read_file(*dir_, head_name, most_audit_line);
  if (!bytes) {
    faults.fault(0, "head: " + bytes.error().message);
    return std::nullopt;
  }
  auto head = read_audit_head(base::as_text(*bytes));
  if (!head) {
    faults.fault(0, head.error().message);
    return std::nullopt;
  }
  if (!seal_.check) return *head;
  if (const auto checked = seal_.check(head->signed_text(), head->signature); !checked) {
    faults.fault(head->seq, "head: " + checked.error().message);
    return std::nullopt;
  }
  return *head;
}

// ---- writing ----

Result<void> AuditLog::add(AuditEntry entry) {
  AuditRecord record;
  static_cast<AuditEntry&>(record) = std::move(entry);
  record.seq = seq_ + 1;
  record.at = world_.loop().wall_now();
  record.previous = hash_;
  const std::string line = write_audit_line(record);
  if (const auto at = log_->append(line_kind, base::as_bytes(line)); !at) {
    ++stats_.refused;
    if (lost_++ == 0)
      base::log::error("audit", "a record cannot be written; changes are refused until one can",
                       {{"action", record.action}, {"why", at.error()}});
    tried_ = world_.loop().now();
    return base::fail(Code::unavailable, "the audit log cannot be written: " + at.error().message);
  }
  seq_ = record.seq;
  hash_ = audit_hash(line);
  ++stats_.records;
  commit_soon();
  return {};
}

Result<void> AuditLog::append(AuditEntry entry) { return add(std::move(entry)); }

void AuditLog::append(AuditEntry entry, std::function<void(Result<void>)> done) {
  if (auto well = writable(); !well) return done(std::move(well));
  if (auto added = add(std::move(entry)); !added) return done(std::move(added));
  const Once once(world_.loop(), write_patience, std::move(done));
  commit([once] { once({}); });
}

Result<void> AuditLog::writable() {
  if (log_->stats().commit_failures != failures_seen_)
    return base::fail(Code::unavailable, "the audit log cannot be written: its last write failed");
  if (lost_ == 0) return {};
  // A record of our own finds out whether there is room again.
  if (world_.loop().now() - tried_ < probe_pause)
    return base::fail(Code::unavailable, "the audit log is full");
  TRY(add({"audit", "", "audit.gap", "", "", std::to_string(lost_) + " records could not be written"}));
  base::log::info("audit", "records are written again", {{"refused", lost_}});
  lost_ = 0;
  return {};
}

void AuditLog::commit_soon() {
  sign_later();
  if (std::exchange(commit_planned_, true)) return;
  world_.loop().defer([this, living = std::weak_ptr<bool>(alive_)] {
    if (living.expired()) return;
    commit_planned_ = false;
    commit([] {});
  });
}

void AuditLog::commit(std::function<void()> then) {
  log_->commit([this, seq = seq_, hash = hash_, then = std::move(then),
                living = std::weak_ptr<bool>(alive_)] {
    if (living.expired()) return;
    durable_seq_ = std::max(durable_seq_, seq);
    if (durable_seq_ == seq) durable_hash_ = hash;
    failures_seen_ = log_->stats().commit_failures;
    make_room();
    if (durable_seq_ - (head_ ? head_->seq : 0) >= sign_every) sign([] {});
    then();
  });
}

// The head says from where on the chain is kept before anything of it goes.
void AuditLog::make_room() {
  if (walks_ > 0 || signing_ || log_->stats().bytes <= limits_.total_bytes) return;
  const auto segments = log_->segments();
  if (segments.size() < 3) return;
  const Lines next = lines_of(segments[1]);
  const auto record = next.empty() ? base::fail(Code::corrupt, "") : read_audit_line(next.front());
  if (record) first_ = std::max(first_, record->seq);
  sign([this, segment = segments[1]] {
    if (walks_ > 0) return;
    log_->trim(Position{static_cast<std::uint64_t>(segment) << 32});
    base::log::info("audit", "the oldest records made room", {{"kept_from", first_}});
  });
}

void AuditLog::sign_later() {
  if (sign_timer_ != os::TimerId::none) return;
  sign_timer_ = world_.loop().after(sign_delay, [this] {
    sign_timer_ = os::TimerId::none;
    sign([] {});
  });
}

void AuditLog::sign(std::function<void()> then) {
  after_signing_.push_back(std::move(then));
  if (std::exchange(signing_, true)) {
    sign_again_ = true;
    return;
  }
  auto made = std::make_shared<Result<AuditHead>>(next_head());
  world_.loop().work(
      lane_,
      [made, dir = dir_, sign = seal_.sign] { *made = put_head(*dir, std::move(**made), sign); },
      [this, made, living = std::weak_ptr<bool>(alive_)] {
        if (!living.expired()) signed_as(std::move(*made));
      });
}

AuditHead AuditLog::next_head() const {
  AuditHead head;
  head.first = first_;
  head.seq = durable_seq_;
  head.hash = durable_hash_;
  head.at = world_.loop().wall_now();
  return head;
}

void AuditLog::signed_as(Result<AuditHead> head) {
  signing_ = false;
  if (!head) {
    base::log::error("audit", "the head cannot be written", {{"why", head.error()}});
    sign_again_ = false;
    return sign_later();   // and what waits for it goes on waiting
  }
  head_ = std::move(*head);
  ++stats_.heads;
  if (std::exchange(sign_again_, false)) {
    sign([] {});
    return;
  }
  for (const auto& then : std::exchange(after_signing_, {})) then();
  if (head_->seq < durable_seq_) sign_later();
}

void AuditLog::reseal(AuditSeal seal) {
  seal_ = std::move(seal);
  sign([] {});
}

void AuditLog::vouch(std::function<void()> done) {
  const Once once(world_.loop(), close_patience, [done = std::move(done)](const Result<void>& vouched) {
    if (!vouched) base::log::error("audit", "the last head could not be made", {{"why", vouched.error()}});
    done();
  });
  commit([this, once] {
    sign([once] { once({}); });
  });
}

void AuditLog::close(std::function<void()> done) { vouch(std::move(done)); }

// ---- reading ----

AuditLog::Lines AuditLog::lines_of(std::uint32_t segment) {
  Lines lines;
  const auto end = log_->scan(Position{static_cast<std::uint64_t>(segment) << 32},
                              [&](const Record& record) {
                                if (record.at.segment() != segment) return false;
                                lines.emplace_back(base::as_text(record.payload));
                                return true;
                              });
  if (!end) base::log::error("audit", "cannot read", {{"segment", segment}, {"why", end.error()}});
  return lines;
}

// One segment, then whatever else the loop has to do.
void AuditLog::visit(std::vector<std::uint32_t> segments, std::size_t next,
                     std::function<void(const Lines&, More)> lines, std::function<void()> done) {
  world_.loop().after({}, [this, segments = std::move(segments), next, lines = std::move(lines),
                           done = std::move(done), living = std::weak_ptr<bool>(alive_)]() mutable {
    if (living.expired()) return;
    if (next >= segments.size()) {
      --walks_;
      return done();
    }
    const Lines found = lines_of(segments[next]);
    const auto tell = lines;
    tell(found, [this, segments = std::move(segments), next, lines = std::move(lines),
                 done = std::move(done), living]() mutable {
      if (!living.expired()) visit(std::move(segments), next + 1, std::move(lines), std::move(done));
    });
  });
}

void AuditLog::each(std::function<void(const Lines&, More)> lines, std::function<void()> done) {
  ++walks_;
  visit(log_->segments(), 0, std::move(lines), std::move(done));
}

void AuditLog::list(AuditFilter filter, std::function<void(Lines)> done) {
  struct Search {
    AuditFilter filter;
    Lines found;
  };
  auto search = std::make_shared<Search>(std::move(filter), Lines{});
  auto segments = log_->segments();
  std::ranges::reverse(segments);
  ++walks_;
  auto finish = [search, done = std::move(done)] { done(std::move(search->found)); };
  visit(std::move(segments), 0,
        [search](const Lines& lines, const More& more) {
          for (auto line = lines.rbegin(); line != lines.rend(); ++line) {
            if (search->found.size() >= search->filter.limit) break;
            const auto record = read_audit_line(*line);
            if (record && passes(search->filter, *record)) search->found.push_back(*line);
          }
          more();
        },
        std::move(finish));
}

void AuditLog::verify(std::function<void(AuditVerdict)> done) {
  AuditChain heads(std::nullopt);
  const auto head = read_head(heads);
  auto chain = std::make_shared<AuditChain>(head);
  for (const AuditFault& fault : heads.finish().faults) chain->fault(fault.seq, fault.what);
  each(
      [chain](const Lines& lines, const More& more) {
        for (const std::string& line : lines) chain->line(line);
        more();
      },
      [chain, done = std::move(done)] { done(chain->finish()); });
}

}  // namespace selvedge::store
