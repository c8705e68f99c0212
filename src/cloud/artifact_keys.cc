#include "cloud/artifact_keys.h"

#include <algorithm>
#include <charconv>

#include "codec/artifact/documents.h"
#include "codec/artifact/envelope.h"

namespace selvedge::cloud {

using base::Code;
using base::Result;
using engine::Trust;

Result<std::shared_ptr<ArtifactKeys>> ArtifactKeys::open(os::World& world, std::string_view path) {
  auto keys = std::make_shared<ArtifactKeys>(world, TRY(world.directory(path, true)));
  keys->self_ = keys;
  TRY(base::while_doing("artifact keys", keys->load()));
  return keys;
}

Result<void> ArtifactKeys::load() {
  std::vector<std::uint64_t> versions;
  for (const std::string& name : TRY(dir_->list())) {
    std::uint64_t version = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), version);
    if (error == std::errc() && end == name.data() + name.size()) versions.push_back(version);
    else TRY(dir_->remove(name));
  }
  std::ranges::sort(versions);
  for (const std::uint64_t version : versions) {
    const base::Bytes bytes = TRY(os::read_file(*dir_, std::to_string(version),
                                                model::ArtifactLimits::document_bytes));
    std::string document(base::as_text(bytes));
    if (trust_) {
      TRY(trust_->follow(document));
    } else {
      trust_ = TRY(Trust::begin(document));
      first_ = trust_->document().version;
    }
    documents_.push_back(std::move(document));
  }
  return {};
}

void ArtifactKeys::add(std::string envelope, std::function<void(Result<bool>)> done) {
  const auto answer = [&](Result<bool> result) {
    world_.loop().defer([done, result] { done(result); });
  };
  if (adding_) return answer(base::fail(Code::conflict, "another keys document is being added"));
  if (documents_.size() >= max_documents)
    return answer(base::fail(Code::exhausted, "the chain of keys documents is full"));
  std::optional<Trust> next = trust_;
  if (next) {
    const auto followed = next->follow(envelope);
    if (!followed) return answer(std::unexpected(followed.error()));
    if (*followed == Trust::Followed::had_already) return answer(false);
  } else {
    auto begun = Trust::begin(envelope);
    if (!begun) return answer(std::unexpected(begun.error()));
    next = std::move(*begun);
  }
  adding_ = true;
  const auto written = std::make_shared<Result<void>>();
  const auto text = std::make_shared<std::string>(std::move(envelope));
  const auto trust = std::make_shared<Trust>(std::move(*next));
  world_.loop().work(
      36,
      [written, text, dir = dir_, name = std::to_string(trust->document().version)] {
        *written = os::write_file(*dir, name, base::as_bytes(*text));
      },
      [weak = self_, written, text, trust, done = std::move(done)] {
        const auto self = weak.lock();
        if (!self) return;
        self->adding_ = false;
        if (!*written) return done(std::unexpected(written->error()));
        if (!self->trust_) self->first_ = trust->document().version;
        self->trust_ = std::move(*trust);
        self->documents_.push_back(std::move(*text));
        done(true);
      });
}

std::vector<std::string> ArtifactKeys::documents(std::uint64_t from, std::size_t most) const {
  if (documents_.empty()) return {};
  if (from == 0) return {documents_.back()};
  const std::uint64_t skip = from > first_ ? from - first_ : 0;
  if (skip >= documents_.size()) return {};
  const std::size_t count = std::min<std::size_t>(most, documents_.size() - skip);
  const auto begin = documents_.begin() + static_cast<std::ptrdiff_t>(skip);
  return {begin, begin + static_cast<std::ptrdiff_t>(count)};
}

Result<engine::TrustedManifest> ArtifactKeys::check(std::string_view envelope, std::string_view name,
                                                    std::uint64_t version) const {
  if (!trust_)
    return base::fail(Code::unavailable,
                      "the cloud has no keys document yet, so no signature can be checked "
                      "(selvedge keys init, then push it)");
  // A place of the kind it is meant for, so that only what it says of itself counts.
  const auto opened = TRY(codec::artifact::decode_envelope(envelope));
  const auto manifest = TRY(codec::artifact::decode_manifest(base::as_text(opened.payload)));
  engine::Place place;
  if (!manifest.targets.empty()) {
    const model::ArtifactTarget& target = manifest.targets.front();
    place = {target.arch, target.os, {target.device_type}};
  }
  engine::ArtifactAsk ask;
  ask.name = name;
  ask.version = version;
  return trust_->check(envelope, ask, place, world_.loop().wall_now());
}

}  // namespace selvedge::cloud
