#include "base/log.h"
#include "codec/json/value.h"
#include "node/fetcher_state.h"

namespace selvedge::node {

using base::Code;
using base::Error;
using base::Result;
using net::http::Fetched;
using Stage = FetchJob::Stage;

namespace {

// An answer that is no document, as an error that says whether to ask again.
Error no_document(const std::string& what, const Fetched& fetched) {
  const auto problem = codec::json::parse(fetched.body, 64 << 10);
  std::string why = problem ? (*problem)["detail"].text() : "";
  if (why.empty()) why = "the cloud answered " + std::to_string(fetched.status);
  const Code code = fetched.status == 404                            ? Code::not_found
                    : fetched.status == 401 || fetched.status == 403 ? Code::denied
                    : fetched.status >= 500 || fetched.status == 429 || fetched.status == 408
                        ? Code::unavailable
                        : Code::internal;
  return Error{code, why}.while_doing(what);
}

}  // namespace

void Fetcher::State::get(const Job& job, const std::string& path, net::http::Client::Done done) {
  if (!client)
    return world.loop().defer([done = std::move(done)] {
      done(base::fail(Code::unavailable, "this node has not joined a cloud"));
    });
  net::http::Fetch fetch;
  fetch.url = url + "/api/v1/artifacts/" + path;
  fetch.headers = {{"accept", "application/json"}};
  job->question = client->fetch(std::move(fetch), std::move(done));
}

void Fetcher::State::ask(const Job& job) {
  job->stage = Stage::asking;
  job->keys_asked = false;
  // Without a first keys document no manifest can be checked.
  if (!trust.next_keys || trust.next_keys() > 0) return ask_for_manifest(job);
  job->keys_asked = true;
  ask_for_keys(job, [this, job](const Result<void>& keys) {
    if (!keys) return later(job, keys.error());
    ask_for_manifest(job);
  });
}

void Fetcher::State::ask_for_manifest(const Job& job) {
  get(job, job->wish.name + "/" + std::to_string(job->wish.version),
      [weak = weak_from_this(), job](Result<Fetched> fetched) {
        const auto self = weak.lock();
        if (self && self->current(job)) self->document_came(job, std::move(fetched));
      });
}

void Fetcher::State::document_came(const Job& job, Result<Fetched> fetched) {
  if (!fetched) return later(job, fetched.error());
  if (fetched->status != 200) return later(job, no_document("signed manifest", *fetched));
  job->document = std::move(fetched->body);
  check(job);
}

// A manifest that is refused is checked once more with the newest keys, in case they allow it.
void Fetcher::State::check(const Job& job) {
  auto checked = trust.check(job->document, asked(job->wish));
  if (!checked && !job->keys_asked && trust.next_keys) {
    job->keys_asked = true;
    const std::uint64_t before = trust.next_keys();
    return ask_for_keys(job, [this, job, before, error = checked.error()](const Result<void>& keys) {
      if (!keys && trust.next_keys() == before && keys.error().code == Code::unavailable)
        return later(job, keys.error());
      check(job);
    });
  }
  if (!checked) return finish(job, std::unexpected(std::move(checked).error()));
  job->trusted = std::move(*checked);
  job->manifest = std::make_shared<const model::ArtifactManifest>(job->trusted->manifest);
  open(job);
}

void Fetcher::State::ask_for_keys(const Job& job, std::function<void(Result<void>)> then) {
  get(job, "keys?from=" + std::to_string(trust.next_keys()),
      [weak = weak_from_this(), job, then = std::move(then)](Result<Fetched> fetched) {
        const auto self = weak.lock();
        if (!self || !self->current(job)) return;
        if (!fetched) return then(std::unexpected(fetched.error()));
        if (fetched->status != 200) return then(std::unexpected(no_document("keys documents", *fetched)));
        self->keys_came(job, *fetched, then);
      });
}

void Fetcher::State::keys_came(const Job& job, const Fetched& fetched,
                               const std::function<void(Result<void>)>& then) {
  const auto parsed = codec::json::parse(fetched.body);
  if (!parsed) return then(std::unexpected(parsed.error()));
  std::vector<std::string> documents;
  for (const auto& document : (*parsed)["documents"].array()) documents.push_back(document.text());
  if (documents.empty()) return then({});
  trust.offer_keys(documents, [weak = weak_from_this(), job, then](const Result<void>& offered) {
    const auto self = weak.lock();
    if (!self || !self->current(job)) return;
    if (!offered) base::log::warn("artifacts", "keys document refused", {{"why", offered.error()}});
    then(offered);
  });
}

}  // namespace selvedge::node
