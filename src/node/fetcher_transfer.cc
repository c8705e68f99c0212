#include <algorithm>
#include <charconv>

#include "base/log.h"
#include "base/text.h"
#include "node/fetcher_state.h"

namespace selvedge::node {

using base::Code;
using base::Error;
using base::Result;
using net::http::Fetched;
using store::ArtifactWriter;
using Stage = FetchJob::Stage;
using Wrote = ArtifactWriter::Wrote;

namespace {

constexpr std::size_t write_bytes = 256 << 10;        // what is handed to the writer at a time
constexpr std::size_t in_flight_most = 1 << 20, in_flight_again = 512 << 10;

std::optional<std::uint64_t> announced(const Fetched& head) {
  const std::string_view text = head.header("content-length");
  std::uint64_t length = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
  if (text.empty() || error != std::errc()) return std::nullopt;
  return length;
}

}  // namespace

Fetcher::State::Job Fetcher::State::by_id(engine::FetchId id) const {
  for (const auto& [name, job] : jobs)
    if (job->id == id) return job;
  const auto at = draining.find(id);
  return at == draining.end() ? nullptr : at->second;
}

void Fetcher::State::open(const Job& job) {
  job->stage = Stage::opening;
  store.begin(job->manifest, job->document, job->wish.pin,
              [weak = weak_from_this(), job](Result<store::ArtifactBegun> begun) {
                const auto self = weak.lock();
                if (!self) return;
                if (!self->current(job)) {
                  if (begun && begun->writer) self->store.end(begun->writer);
                  return;
                }
                if (!begun) return self->later(job, begun.error());
                job->begun = std::move(*begun);
                if (!job->begun.writer) return self->publish(job);
                self->order(job);
              });
}

void Fetcher::State::order(const Job& job) {
  job->stage = Stage::fetching;
  const model::ArtifactManifest& m = *job->manifest;
  engine::FetchOrder order{.id = job->id,
                           .size = m.size,
                           .chunk_bytes = m.chunk_bytes,
                           .have = job->begun.writer->have(),
                           .local = std::vector<bool>(m.chunks.size()),
                           .priority = job->wish.priority,
                           .deadline = job->deadline};
  for (const auto& [chunk, source] : *job->begun.sources) order.local[chunk] = true;
  job->have = order.have;
  base::log::info("artifacts", "fetching",
                  {{"name", m.name}, {"version", m.version}, {"bytes", m.size}, {"have", order.have}});
  engine::FetchOutputs out;
  if (const auto taken = fetches.order(std::move(order), world.loop().now(), out); !taken) {
    store.end(job->begun.writer);
    return later(job, {Code::unavailable, taken.error().message});
  }
  carry_out(std::move(out));
}

void Fetcher::State::carry_out(engine::FetchOutputs out) {
  for (const engine::FetchId id : out.stops)
    if (const Job job = by_id(id)) stop(job);
  const auto set_pause = [this](engine::FetchId id, bool paused) {
    const Job job = by_id(id);
    if (!job || !job->run) return;
    job->run->paused_by_engine = paused;
    pace(job->run);
  };
  for (const engine::FetchId id : out.resumes) set_pause(id, false);
  for (const auto& what : out.requests) request(what);
  for (const engine::FetchId id : out.pauses) set_pause(id, true);
  for (const auto& what : out.copies) copy(what);
  for (const auto& end : out.ends) ended(end);
  arm();
}

void Fetcher::State::arm() {
  world.loop().cancel(std::exchange(timer, os::TimerId::none));
  const auto at = fetches.wake_at();
  if (!at) return;
  timer = world.loop().after(std::max(base::Duration::zero(), *at - world.loop().now()),
                             [weak = weak_from_this()] {
                               const auto self = weak.lock();
                               if (!self) return;
                               self->timer = os::TimerId::none;
                               engine::FetchOutputs out;
                               self->fetches.tick(self->world.loop().now(), out);
                               self->carry_out(std::move(out));
                             });
}

// ---- requests ----

void Fetcher::State::request(const engine::FetchRequest& what) {
  const Job job = by_id(what.id);
  if (!job) return;
  const auto run = std::make_shared<FetchRun>();
  run->id = what.id;
  job->run = run;
  if (!client) {
    run->over = true;
    run->error = Error{Code::unavailable, "this node has not joined a cloud"};
    return world.loop().defer([weak = weak_from_this(), job, run] {
      if (const auto self = weak.lock()) self->settle(job, run);
    });
  }
  net::http::Fetch fetch;
  fetch.url = url + "/api/v1/artifacts/blobs/" + base::to_hex(job->manifest->digest);
  fetch.headers = {{"range", "bytes=" + std::to_string(what.first) + "-" + std::to_string(what.last)},
                   {"accept", "application/octet-stream"}};
  fetch.on_head = [weak = weak_from_this(), job, run](const Fetched& head) {
    if (const auto self = weak.lock()) self->got_head(job, run, head);
  };
  fetch.on_body = [weak = weak_from_this(), job, run](base::BytesView bytes) {
    if (const auto self = weak.lock()) self->got_bytes(job, run, bytes);
  };
  run->transfer = client->fetch(std::move(fetch), [weak = weak_from_this(), job, run](Result<Fetched> end) {
    const auto self = weak.lock();
    if (!self || run->over) return;
    run->over = true;
    if (!end) run->error = std::move(end).error();
    self->flush(job, run);
    self->settle(job, run);
  });
}

void Fetcher::State::got_head(const Job& job, const std::shared_ptr<FetchRun>& run,
                              const Fetched& head) {
  if (run->over) return;
  engine::FetchOutputs out;
  fetches.answered(job->id,
                   {head.status, std::string(head.header("content-range")),
                    std::string(head.header("retry-after")), announced(head)},
                   world.loop().now(), out);
  carry_out(std::move(out));
}

void Fetcher::State::got_bytes(const Job& job, const std::shared_ptr<FetchRun>& run,
                               base::BytesView bytes) {
  if (run->over) return;
  engine::FetchOutputs out;
  fetches.received(job->id, bytes.size(), world.loop().now(), out);
  carry_out(std::move(out));
  if (run->over) return;   // it was too much
  if (run->buffer.capacity() == 0) run->buffer.reserve(write_bytes + (128 << 10));
  base::append(run->buffer, bytes);
  if (run->buffer.size() >= write_bytes) flush(job, run);
}

void Fetcher::State::flush(const Job& job, const std::shared_ptr<FetchRun>& run) {
  if (run->buffer.empty()) return;
  struct Write {
    base::Bytes bytes;
    Result<Wrote> outcome = Wrote::well;
    std::uint64_t have = 0;
  };
  const auto write = std::make_shared<Write>();
  write->bytes = std::exchange(run->buffer, {});
  run->in_flight += write->bytes.size();
  store.run(
      job->begun.writer,
      [write, run, now = world.loop().now()](ArtifactWriter& writer) {
        if (!run->refused) write->outcome = writer.write(write->bytes, now);
        // What is still to come would be written in the wrong place.
        run->refused = run->refused || !write->outcome || *write->outcome == Wrote::refused;
        write->have = writer.have();
      },
      [weak = weak_from_this(), job, run, write] {
        if (const auto self = weak.lock())
          self->wrote(job, run, write->bytes.size(), write->outcome, write->have);
      });
  pace(run);
}

void Fetcher::State::wrote(const Job& job, const std::shared_ptr<FetchRun>& run, std::size_t bytes,
                           const Result<Wrote>& outcome, std::uint64_t have) {
  run->in_flight -= bytes;
  if (have > job->have) {
    job->have = have;
    job->trouble.clear();
    fetches.verified(job->id, have);
    if (job->progress && current(job)) job->progress(have, job->manifest->size);
  }
  engine::FetchOutputs out;
  if (!outcome) {
    fetches.failed(job->id, Error(outcome.error()).while_doing("store"), world.loop().now(), out);
  } else if (*outcome == Wrote::refused) {
    fetches.refused(job->id, out);
  }
  carry_out(std::move(out));
  pace(run);
  if (run->over) settle(job, run);
}

void Fetcher::State::pace(const std::shared_ptr<FetchRun>& run) {
  const bool full = run->in_flight > (run->paused ? in_flight_again : in_flight_most);
  const bool pause = run->paused_by_engine || full;
  if (pause == run->paused) return;
  run->paused = pause;
  if (pause) run->transfer.pause();
  else run->transfer.resume();
}

void Fetcher::State::stop(const Job& job) {
  const auto run = job->run;
  if (!run || run->over) return;
  run->over = run->stopped = true;
  run->transfer.cancel();
  run->buffer = {};
  settle(job, run);
}

// When the request is over and its last bytes are written: forgets what is not a whole chunk.
void Fetcher::State::settle(const Job& job, const std::shared_ptr<FetchRun>& run) {
  if (job->run != run || run->in_flight > 0) return;
  job->run = nullptr;
  const auto outcome = std::make_shared<Result<void>>();
  store.run(
      job->begun.writer, [outcome](ArtifactWriter& writer) { *outcome = writer.drop_tail(); },
      [weak = weak_from_this(), job, run, outcome] {
        const auto self = weak.lock();
        if (!self) return;
        if (!*outcome) run->error = outcome->error();
        self->settled(job, run);
      });
}

void Fetcher::State::settled(const Job& job, const std::shared_ptr<FetchRun>& run) {
  if (draining.erase(job->id) > 0) return store.end(job->begun.writer);
  if (!run) return;
  if (run->error) job->trouble = run->error->message;
  engine::FetchOutputs out;
  fetches.ended(job->id, run->error, world.random_unit(), world.loop().now(), out);
  carry_out(std::move(out));
}

// ---- copies ----

void Fetcher::State::copy(const engine::FetchCopy& what) {
  const Job job = by_id(what.id);
  if (!job) return;
  struct Copy {
    Result<Wrote> outcome = Wrote::refused;
    std::uint64_t have = 0;
  };
  const auto copy = std::make_shared<Copy>();
  const auto run = std::make_shared<FetchRun>();
  run->id = what.id;
  run->in_flight = 1;
  job->run = run;
  store.run(
      job->begun.writer,
      [copy, source = job->begun.sources->at(what.chunk), now = world.loop().now()](ArtifactWriter& writer) {
        copy->outcome = writer.copy(source, now);
        copy->have = writer.have();
      },
      [weak = weak_from_this(), job, run, copy] {
        const auto self = weak.lock();
        if (!self) return;
        run->in_flight = 0;
        if (run->over) return self->settle(job, run);
        job->run = nullptr;
        engine::FetchOutputs out;
        const base::Instant now = self->world.loop().now();
        if (!copy->outcome) {
          self->fetches.failed(job->id, Error(copy->outcome.error()).while_doing("store"), now, out);
        } else {
          const bool well = *copy->outcome == Wrote::well;
          job->have = copy->have;
          if (well && job->progress && self->current(job)) job->progress(copy->have, job->manifest->size);
          self->fetches.copied(job->id, well ? engine::Fetches::Copied::well : engine::Fetches::Copied::not_there,
                               now, out);
        }
        self->carry_out(std::move(out));
      });
}

// ---- the end ----

void Fetcher::State::ended(const engine::FetchEnd& end) {
  const Job job = by_id(end.id);
  if (!job || !current(job)) return;
  if (!end.why) return publish(job);
  // Its last writes may still be under way.
  draining[job->id] = job;
  if (!job->run) settled(job, nullptr);
  finish(job, std::unexpected(*end.why));
}

void Fetcher::State::publish(const Job& job) {
  job->stage = Stage::publishing;
  const auto took = [weak = weak_from_this(), job](const Result<void>& published) {
    const auto self = weak.lock();
    if (!self || !self->current(job)) return;
    if (!published) return self->finish(job, published);
    self->verified.insert(job->manifest->digest);
    self->trust.took(*job->trusted, [weak, job](const Result<void>& outcome) {
      const auto again = weak.lock();
      if (again && again->current(job)) again->finish(job, outcome);
    });
  };
  if (!job->begun.writer) return took({});
  store.publish(std::exchange(job->begun.writer, nullptr), took);
}

}  // namespace selvedge::node
