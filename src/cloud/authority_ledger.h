// AuthorityLedger: what the authority has issued and revoked, as an append-only file "issued".
//
// It answers who still holds a certificate of an old authority, and which serials nobody may show
// any more. A line is added and synced before the certificate it tells of is given out (record), or
// before a revocation is confirmed; lines of one turn share one sync. A torn last line is cut off.
// What has ended long ago and was not revoked is left out when the file is written anew, at open. Beyond max_entries
// nothing more is recorded (Code::exhausted), so that the file and its memory stay bounded.
//
// Format, a line each: "issued <serial> <role> <name> <generation> <not_after>",
// "revoked <serial> <at>"; times in seconds since 1970. Loop thread; syncs run in the pool.

#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "crypto/crypto.h"
#include "os/world.h"

namespace selvedge::cloud {

struct IssuedCertificate {
  std::string serial;
  crypto::Role role{};
  std::string name;
  std::uint32_t generation = 0;            // of the authority that signed it
  base::Time not_after{};
  base::Time revoked_at{};                 // zero: it is not
};

class AuthorityLedger {
 public:
  static constexpr std::size_t max_entries = 1'000'000;
  using Done = std::function<void(base::Result<void>)>;

  // `keep` is how long after its end a certificate may still matter.
  static base::Result<std::unique_ptr<AuthorityLedger>> open(os::World& world, os::Dir& dir,
                                                             base::Duration keep);
  ~AuthorityLedger();

  void record(IssuedCertificate issued, Done done);
  // Before the loop runs: blocks.
  base::Result<void> record_now(IssuedCertificate issued);
  // Code::not_found if the serial is unknown. It is revoked for is_revoked() at once.
  void revoke(std::string_view serial, Done done);

  // Serials that were revoked elsewhere (an older version's database).
  void import_revoked(const std::vector<std::string>& serials);
  bool is_revoked(std::string_view serial) const;
  // Revoked and not yet ended at `now`, sorted.
  std::vector<std::string> revoked(base::Time now) const;
  std::uint64_t revocations() const { return revocations_; }   // grows with each

  const IssuedCertificate* find(std::string_view serial) const;
  std::vector<IssuedCertificate> all() const;                  // by role, name, end
  std::vector<std::string> serials_of(crypto::Role role, std::string_view name) const;

  // Owners whose newest certificate is of `generation` or older, not revoked, and has not ended
  // `grace` before `now`.
  std::vector<IssuedCertificate> holders(std::uint32_t generation, base::Time now,
                                         base::Duration grace) const;

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };

  explicit AuthorityLedger(os::World& world) : world_(world) {}
  base::Result<void> read(std::string_view text);
  bool take_line(std::string_view line);
  void forget_ended(base::Time now, base::Duration keep);
  void write(std::string line, Done done);
  void flush();

  os::World& world_;
  std::shared_ptr<os::Dir> dir_;
  std::unordered_map<std::string, IssuedCertificate, Hash, std::equal_to<>> entries_;
  std::unordered_map<std::string, base::Time, Hash, std::equal_to<>> revoked_;
  std::uint64_t revocations_ = 0;
  std::string pending_;
  std::vector<Done> waiting_;
  bool planned_ = false, writing_ = false, failed_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace selvedge::cloud
