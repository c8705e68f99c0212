#include "engine/fetch/fetches.h"

#include <algorithm>

namespace selvedge::engine {

using base::Code;
using base::Error;
using base::Instant;

void FetchOutputs::clear() {
  stops.clear();
  pauses.clear();
  resumes.clear();
  requests.clear();
  copies.clear();
  ends.clear();
}

base::Result<void> Fetches::order(FetchOrder order, Instant now, FetchOutputs& out) {
  CHECK(order.chunk_bytes > 0 && order.have <= order.size && !works_.contains(order.id));
  if (works_.size() >= limits_.orders)
    return base::fail(Code::exhausted,
                      "more than " + std::to_string(limits_.orders) + " artifacts wait to be fetched");
  const FetchId id = order.id;
  works_.emplace(id, Work{.order = std::move(order),
                          .backoff = Backoff(limits_.pause_first, limits_.pause_most),
                          .stopped = std::nullopt,
                          .trouble = {}});
  fill(now, out);
  return {};
}

void Fetches::cancel(FetchId id, Instant now, FetchOutputs& out) {
  const auto at = works_.find(id);
  if (at == works_.end()) return;
  if (at->second.phase == Phase::requesting || at->second.phase == Phase::copying)
    out.stops.push_back(id);
  works_.erase(at);
  ++stats_.cancelled;
  fill(now, out);
}

// The work of that id, if it is in that phase.
Fetches::Work* Fetches::find(FetchId id, Phase phase) {
  const auto at = works_.find(id);
  return at != works_.end() && at->second.phase == phase ? &at->second : nullptr;
}

void Fetches::answered(FetchId id, const FetchAnswer& answer, Instant now, FetchOutputs& out) {
  Work* work = find(id, Phase::requesting);
  if (work == nullptr) return;
  work->window = now;
  const FetchVerdict verdict = judge(answer, work->first, work->last, work->order.size);
  switch (verdict.is) {
    case FetchVerdict::Is::good: work->answered = true; return;
    case FetchVerdict::Is::later: work->at_least = verdict.at_least; break;
    case FetchVerdict::Is::nonsense: work->hopeless = ++work->bad_answers >= limits_.bad_answers; break;
    case FetchVerdict::Is::hopeless: work->hopeless = true; break;
  }
  stop(*work, verdict.why, out);
}

void Fetches::received(FetchId id, std::uint64_t bytes, Instant now, FetchOutputs& out) {
  Work* work = find(id, Phase::requesting);
  if (work == nullptr) return;
  const std::uint64_t asked = work->last - work->first + 1;
  if (!work->answered || bytes > asked - work->got) {
    work->hopeless = ++work->bad_answers >= limits_.bad_answers;
    return stop(*work, {Code::corrupt, "the server sends more than was asked for"}, out);
  }
  work->got += bytes;
  work->window_bytes += bytes;
  stats_.bytes_received += bytes;
  pacer_.sent(bytes, now);
  pace(now, out);
}

void Fetches::verified(FetchId id, std::uint64_t have) {
  const auto at = works_.find(id);
  if (at == works_.end() || have <= at->second.order.have) return;
  Work& work = at->second;
  work.order.have = std::min(have, work.order.size);
  work.backoff.reset();
  work.retried = false;
  work.bad_answers = 0;
}

void Fetches::refused(FetchId id, FetchOutputs& out) {
  Work* work = find(id, Phase::requesting);
  if (work == nullptr) return;
  ++stats_.chunks_refused;
  if (work->bad_at != work->order.have) work->bad_chunks = 0;
  work->bad_at = work->order.have;
  work->hopeless = ++work->bad_chunks >= limits_.bad_chunks;
  stop(*work,
       {Code::corrupt, "chunk " + std::to_string(work->order.have / work->order.chunk_bytes) +
                           " is not what its digest says"},
       out);
}

void Fetches::stop(Work& work, Error why, FetchOutputs& out) {
  work.stopped = std::move(why);
  work.phase = Phase::stopping;
  out.stops.push_back(work.order.id);
}

void Fetches::ended(FetchId id, std::optional<Error> error, double jitter, Instant now,
                    FetchOutputs& out) {
  const auto at = works_.find(id);
  if (at == works_.end()) return;
  Work& work = at->second;
  if (work.phase != Phase::requesting && work.phase != Phase::stopping) return;
  if (work.order.have > work.last) {
    error.reset();
  } else if (!error) {
    error = Error{Code::unavailable, "the answer is cut short"};
  }
  if (work.stopped) error = std::exchange(work.stopped, std::nullopt);
  if (error && work.hopeless) {
    end(id, std::move(error), out);
  } else if (error && work.order.have < work.order.size) {
    work.phase = Phase::pausing;
    work.retried = true;
    work.trouble = std::move(error->message);
    work.until = now + std::max(work.backoff.next(jitter), std::exchange(work.at_least, {}));
  } else {
    work.phase = Phase::waiting;
  }
  fill(now, out);
}

void Fetches::copied(FetchId id, Copied how, Instant now, FetchOutputs& out) {
  Work* work = find(id, Phase::copying);
  if (work == nullptr) return;
  const std::uint64_t chunk = work->order.have / work->order.chunk_bytes;
  work->phase = Phase::waiting;
  if (how == Copied::well) {
    verified(id, std::min(work->order.size, work->order.have + work->order.chunk_bytes));
    ++stats_.chunks_copied;
  } else {
    work->order.local[chunk] = false;
  }
  fill(now, out);
}

void Fetches::failed(FetchId id, Error why, Instant now, FetchOutputs& out) {
  const auto at = works_.find(id);
  if (at == works_.end()) return;
  if (at->second.phase == Phase::requesting || at->second.phase == Phase::copying)
    out.stops.push_back(id);
  end(id, std::move(why), out);
  fill(now, out);
}

void Fetches::end(FetchId id, std::optional<Error> why, FetchOutputs& out) {
  ++(why ? stats_.given_up : stats_.done);
  out.ends.push_back({id, std::move(why)});
  works_.erase(id);
}

// Gives free places to what waits, the most urgent and then the oldest first.
void Fetches::fill(Instant now, FetchOutputs& out) {
  for (;;) {
    std::uint32_t busy = 0;
    Work* next = nullptr;
    for (auto& [id, work] : works_) {
      if (work.phase == Phase::waiting) {
        if (next == nullptr || work.order.priority > next->order.priority) next = &work;
      } else if (work.phase != Phase::pausing) {
        ++busy;
      }
    }
    if (next == nullptr) return;
    if (next->order.have == next->order.size) {
      end(next->order.id, std::nullopt, out);
      continue;
    }
    if (busy >= limits_.parallel) return;
    begin(*next, now, out);
  }
}

// The next run of chunks: one that can be copied, or all up to the next that can.
void Fetches::begin(Work& work, Instant now, FetchOutputs& out) {
  const FetchOrder& order = work.order;
  std::uint64_t chunk = order.have / order.chunk_bytes;
  const auto local = [&](std::uint64_t i) { return i < order.local.size() && order.local[i]; };
  if (local(chunk)) {
    work.phase = Phase::copying;
    out.copies.push_back({order.id, static_cast<std::uint32_t>(chunk)});
    return;
  }
  const std::uint64_t chunks = (order.size - 1) / order.chunk_bytes + 1;
  while (chunk < chunks && !local(chunk)) ++chunk;
  work.phase = Phase::requesting;
  work.first = order.have;
  work.last = std::min(order.size, chunk * order.chunk_bytes) - 1;
  work.got = work.window_bytes = 0;
  work.answered = false;
  work.window = now;
  ++stats_.requests;
  if (work.retried) ++stats_.resumed;
  out.requests.push_back({order.id, work.first, work.last});
  if (paused_) out.pauses.push_back(order.id);
}

// Stops and starts all reading as the rate has it.
void Fetches::pace(Instant now, FetchOutputs& out) {
  const bool pause = !pacer_.may_send(now);
  if (pause == paused_) return;
  paused_ = pause;
  for (auto& [id, work] : works_) {
    if (work.phase != Phase::requesting) continue;
    work.window = now;
    work.window_bytes = 0;
    (pause ? out.pauses : out.resumes).push_back(id);
  }
}

void Fetches::tick(Instant now, FetchOutputs& out) {
  pace(now, out);
  std::vector<std::pair<FetchId, Error>> late;
  for (auto& [id, work] : works_) {
    if (work.order.deadline && now >= *work.order.deadline) {
      Error why{Code::unavailable, "not whole at its deadline"};
      if (!work.trouble.empty()) why.message += "; last: " + work.trouble;
      late.emplace_back(id, std::move(why));
    } else if (work.phase == Phase::pausing && now >= work.until) {
      work.phase = Phase::waiting;
    } else if (work.phase == Phase::requesting && !paused_ &&
               now - work.window >= limits_.slow_window) {
      if (work.window_bytes < limits_.slow_bytes) {
        stop(work, {Code::unavailable, "the server sends too slowly"}, out);
      } else {
        work.window = now;
        work.window_bytes = 0;
      }
    }
  }
  for (auto& [id, why] : late) failed(id, std::move(why), now, out);
  fill(now, out);
}

std::optional<Instant> Fetches::wake_at() const {
  std::optional<Instant> first;
  const auto consider = [&](Instant at) { first = first ? std::min(*first, at) : at; };
  for (const auto& [id, work] : works_) {
    if (work.order.deadline) consider(*work.order.deadline);
    if (work.phase == Phase::pausing) consider(work.until);
    if (work.phase == Phase::requesting && !paused_) consider(work.window + limits_.slow_window);
  }
  if (paused_) consider(pacer_.free_at());
  return first;
}

void Fetches::hurry(Instant now, FetchOutputs& out) {
  for (auto& [id, work] : works_)
    if (work.phase == Phase::pausing) work.phase = Phase::waiting;
  fill(now, out);
}

}  // namespace selvedge::engine
