#include "node/trust_store.h"

#include "base/text.h"
#include "os/file_at.h"

namespace selvedge::node {
namespace {

using base::Code;
using base::fail;
using base::Result;

constexpr std::uint32_t trust_lane = 0x5401;
constexpr std::string_view state_name = "state", key_name = "seal.key";
constexpr std::uint64_t state_limit = 16 << 20;

// As `uname -m` names it.
constexpr std::string_view machine_arch() {
#if defined(__x86_64__)
  return "x86_64";
#elif defined(__aarch64__)
  return "aarch64";
#elif defined(__arm__)
  return "armv7l";
#elif defined(__riscv) && __riscv_xlen == 64
  return "riscv64";
#else
  return "unknown";
#endif
}

}  // namespace

Result<std::unique_ptr<TrustStore>> TrustStore::open(os::World& world, std::string_view state,
                                                     TrustStoreConfig config) {
  std::unique_ptr<TrustStore> store(new TrustStore(world));
  store->dir_ = TRY(base::while_doing("open trust", world.directory(std::string(state) + "/trust", true)));
  store->place_ = {.arch = std::string(machine_arch()), .os = "linux",
                   .device_types = std::move(config.device_types)};
  TRY(base::while_doing("open trust", store->load(config.root_file)));
  TRY(base::while_doing("open trust", store->load_seal_keys()));
  return store;
}

Result<void> TrustStore::load(std::string_view root_file) {
  const auto saved = os::read_file(*dir_, state_name, state_limit);
  if (saved) trust_ = TRY(engine::Trust::restore(*saved));
  else if (saved.error().code != Code::not_found) return std::unexpected(saved.error());
  if (root_file.empty()) return {};
  return base::while_doing("artifacts.root " + base::printable(root_file), use_root_file(root_file));
}

// The file begins the chain once; later it may be anywhere on the same chain.
Result<void> TrustStore::use_root_file(std::string_view path) {
  const std::string document = TRY(os::read_text(world_, path, model::ArtifactLimits::document_bytes));
  if (!trust_) {
    trust_ = TRY(engine::Trust::begin(document));
    return os::write_file(*dir_, state_name, trust_->save());
  }
  if (trust_->has_followed(document)) return {};
  const auto followed = trust_->follow(document);
  if (!followed)
    return std::unexpected(base::Error(followed.error())
                               .while_doing("it does not belong to the keys this node follows; to begin "
                                            "anew remove " + dir_->path() + "/state"));
  return os::write_file(*dir_, state_name, trust_->save());
}

Result<void> TrustStore::load_seal_keys() {
  const auto held = os::read_file(*dir_, key_name, 64 << 10);
  if (held) {
    seal_keys_ = TRY(crypto::parse_seal_keys(base::as_text(*held)));
    return {};
  }
  if (held.error().code != Code::not_found) return std::unexpected(held.error());
  world_.entropy(seal_keys_.secret);
  seal_keys_.recipient = crypto::recipient_of(seal_keys_.secret);
  return os::write_file(*dir_, key_name, base::as_bytes(crypto::to_pem(seal_keys_)),
                        os::Open::create_private);
}

void TrustStore::offer(const std::vector<std::string>& documents, Done done) {
  bool changed = false;
  Result<void> outcome;
  for (const std::string& document : documents) {
    if (!trust_) {
      auto begun = engine::Trust::begin(document);
      if (begun) trust_ = std::move(*begun), changed = true;
      else outcome = std::unexpected(begun.error());
    } else {
      const auto followed = trust_->follow(document);
      // An older one is no news; one too far ahead means that the row has a gap.
      if (followed) changed |= *followed == engine::Trust::Followed::newer;
      else if (followed.error().code != Code::conflict) outcome = std::unexpected(followed.error());
    }
    if (!outcome) break;
  }
  if (!changed) return done(std::move(outcome));
  save([outcome, done = std::move(done)](Result<void> saved) {
    done(saved && !outcome ? outcome : std::move(saved));
  });
}

Result<engine::TrustedManifest> TrustStore::check(std::string_view manifest_envelope,
                                                  const engine::ArtifactAsk& ask) const {
  if (!trust_)
    return fail(Code::unavailable,
                "take artifact " + base::printable(ask.name) +
                    ": this node has no keys document yet; the cloud offers one, or artifacts.root "
                    "names a file");
  return trust_->check(manifest_envelope, ask, place_, world_.loop().wall_now());
}

void TrustStore::took(const engine::TrustedManifest& trusted, Done done) {
  if (!trust_) return done(fail(Code::unavailable, "remember artifact: there is no keys document"));
  if (auto taken = trust_->took(trusted); !taken) return done(std::move(taken));
  save(std::move(done));
}

void TrustStore::save(Done done) {
  auto outcome = std::make_shared<Result<void>>();
  world_.loop().work(
      trust_lane,
      [dir = dir_, bytes = trust_->save(), outcome] {
        *outcome = base::while_doing("save trust", os::write_file(*dir, state_name, bytes));
      },
      [outcome, done = std::move(done)] { done(std::move(*outcome)); });
}

}  // namespace selvedge::node
