// Fetcher::State, private to the fetcher's .cc files:
//   fetcher.cc            wishes, from hold() to done
//   fetcher_document.cc   the signed manifest and the keys documents
//   fetcher_transfer.cc   bytes: what the engine asks for, carried out

#pragma once

#include <map>
#include <set>

#include "engine/forward/backoff.h"
#include "net/http/http.h"
#include "node/fetcher.h"

namespace selvedge::node {

// One request for bytes. `refused` belongs to the writer's lane.
struct FetchRun {
  engine::FetchId id{};
  net::http::Transfer transfer;
  base::Bytes buffer;                  // received, not yet with the writer
  std::size_t in_flight = 0;           // with the writer
  bool over = false;                   // nothing more will come
  bool stopped = false;                // and what came is of no use
  bool paused_by_engine = false, paused = false;
  std::optional<base::Error> error;
  bool refused = false;
};

struct FetchJob {
  ArtifactWish wish;
  Fetcher::Done done;
  Fetcher::Progress progress;
  std::optional<base::Instant> deadline;
  engine::FetchId id{};                // of the job, and of its order
  enum class Stage : std::uint8_t { looking, asking, pausing, opening, fetching, publishing } stage{};
  engine::Backoff backoff{std::chrono::milliseconds(500), std::chrono::minutes(5)};
  os::TimerId timer = os::TimerId::none;
  net::http::Transfer question;        // for a document
  bool keys_asked = false;             // for this manifest
  std::string document;
  std::optional<engine::TrustedManifest> trusted;
  std::shared_ptr<const model::ArtifactManifest> manifest;
  store::ArtifactBegun begun;
  std::uint64_t have = 0;
  std::shared_ptr<FetchRun> run;       // the request or copy under way
  std::string trouble;                 // what the last attempt failed on
};

struct Fetcher::State : std::enable_shared_from_this<Fetcher::State> {
  State(os::World& w, store::ArtifactStore& s, FetcherTrust t, FetcherConfig c)
      : world(w), store(s), trust(std::move(t)), config(c), fetches(c.limits) {}

  using Job = std::shared_ptr<FetchJob>;

  // ---- wishes ----
  bool current(const Job& job) const;
  void look(const Job& job);
  void take_what_is_here(const Job& job, const std::string& document);
  void finish(const Job& job, base::Result<void> outcome);
  void drop(Job job, base::Error why);  // by value: what holds it may go meanwhile
  void later(const Job& job, const base::Error& why);
  void arm_deadline(const Job& job);

  // ---- documents ----
  void ask(const Job& job);
  void ask_for_manifest(const Job& job);
  void ask_for_keys(const Job& job, std::function<void(base::Result<void>)> then);
  void keys_came(const Job& job, const net::http::Fetched& fetched,
                 const std::function<void(base::Result<void>)>& then);
  void document_came(const Job& job, base::Result<net::http::Fetched> fetched);
  void check(const Job& job);
  void get(const Job& job, const std::string& path, net::http::Client::Done done);
  engine::ArtifactAsk asked(const ArtifactWish& wish) const;

  // ---- bytes ----
  void open(const Job& job);
  void order(const Job& job);
  void carry_out(engine::FetchOutputs out);
  void request(const engine::FetchRequest& what);
  void copy(const engine::FetchCopy& what);
  void got_head(const Job& job, const std::shared_ptr<FetchRun>& run, const net::http::Fetched& head);
  void got_bytes(const Job& job, const std::shared_ptr<FetchRun>& run, base::BytesView bytes);
  void flush(const Job& job, const std::shared_ptr<FetchRun>& run);
  void wrote(const Job& job, const std::shared_ptr<FetchRun>& run, std::size_t bytes,
             const base::Result<store::ArtifactWriter::Wrote>& outcome, std::uint64_t have);
  void stop(const Job& job);
  void settle(const Job& job, const std::shared_ptr<FetchRun>& run);
  void settled(const Job& job, const std::shared_ptr<FetchRun>& run);
  void pace(const std::shared_ptr<FetchRun>& run);
  void ended(const engine::FetchEnd& end);
  void publish(const Job& job);
  void arm();
  Job by_id(engine::FetchId id) const;

  os::World& world;
  store::ArtifactStore& store;
  FetcherTrust trust;
  FetcherConfig config;
  std::string url;
  std::shared_ptr<os::Tls> tls;
  std::unique_ptr<net::http::Client> client;
  engine::Fetches fetches;
  std::uint64_t last_id = 0;
  std::map<std::string, Job, std::less<>> jobs;             // by name
  std::map<std::string, std::uint64_t, std::less<>> held;   // versions, by name
  std::map<std::string, std::string, std::less<>> failed;   // why, by name, bounded
  std::set<model::Sha256> verified;                         // in this run
  // Jobs given up whose last writes are not done, and what waits for them.
  std::map<engine::FetchId, Job> draining;
  os::TimerId timer = os::TimerId::none;
  base::Counter* done_total = nullptr;
  base::Counter* failed_total = nullptr;
  base::Histogram* seconds = nullptr;
};

}  // namespace selvedge::node
