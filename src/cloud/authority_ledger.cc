#include "cloud/authority_ledger.h"

#include <algorithm>
#include <optional>
#include <tuple>

#include "base/log.h"
#include "base/text.h"

namespace selvedge::cloud {
namespace {

using base::Code;
using base::Result;

constexpr std::string_view file_name = "issued";
constexpr std::uint64_t file_limit = 256 << 20;
constexpr std::uint32_t lane = 0x61750001;
constexpr std::int64_t second = 1'000'000'000;

std::optional<crypto::Role> parse_role(std::string_view word) {
  for (const crypto::Role role : {crypto::Role::cloud, crypto::Role::node, crypto::Role::device,
                                  crypto::Role::operator_})
    if (word == crypto::name(role)) return role;
  return std::nullopt;
}

std::string line_of(const IssuedCertificate& c) {
  return "issued " + c.serial + ' ' + std::string(crypto::name(c.role)) + ' ' + c.name + ' ' +
         std::to_string(c.generation) + ' ' + std::to_string(c.not_after.ns / second) + '\n';
}

std::string revoked_line(std::string_view serial, base::Time at) {
  return "revoked " + std::string(serial) + ' ' + std::to_string(at.ns / second) + '\n';
}

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  while (!line.empty() && words.size() < 8) {
    const std::size_t end = std::min(line.find(' '), line.size());
    words.push_back(line.substr(0, end));
    line.remove_prefix(std::min(end + 1, line.size()));
  }
  return words;
}

// Opened each time, so that it is appended where the file ends by then.
Result<void> append_to(os::Dir& dir, std::string_view text) {
  const auto file = TRY(dir.open(file_name, os::Open::existing));
  TRY(file->append(base::as_bytes(text)));
  return file->sync();
}

}  // namespace

AuthorityLedger::~AuthorityLedger() = default;

Result<std::unique_ptr<AuthorityLedger>> AuthorityLedger::open(os::World& world, os::Dir& dir,
                                                               base::Duration keep) {
  std::unique_ptr<AuthorityLedger> made(new AuthorityLedger(world));
  const auto bytes = os::read_file(dir, file_name, file_limit);
  if (bytes) TRY(base::while_doing(dir.path() + "/issued", made->read(base::as_text(*bytes))));
  else if (bytes.error().code != Code::not_found) return std::unexpected(bytes.error());
  made->forget_ended(world.loop().wall_now(), keep);
  std::string text;
  for (const IssuedCertificate& c : made->all()) text += line_of(c);
  std::vector<std::pair<std::string, base::Time>> revoked(made->revoked_.begin(),
                                                          made->revoked_.end());
  std::ranges::sort(revoked);
  for (const auto& [serial, at] : revoked) text += revoked_line(serial, at);
  // Another process that starts beside this one may have made it and be writing to it.
  const auto created = bytes ? Result<void>() : os::create_file(dir, file_name, {}, os::Open::create_private);
  if (!created && created.error().code != Code::conflict) return std::unexpected(created.error());
  if (bytes && base::as_text(*bytes) != text)
    TRY(os::write_file(dir, file_name, base::as_bytes(text), os::Open::create_private));
  made->dir_ = TRY(world.directory(dir.path(), false));
  return made;
}

// A torn last line is that of a certificate that was not given out, or of a revocation that was not
// confirmed; a damaged one in the middle is a write that failed, and costs only itself.
Result<void> AuthorityLedger::read(std::string_view text) {
  for (int number = 1; !text.empty(); ++number) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) return {};
    const std::string_view line = text.substr(0, end);
    if (!line.empty() && !take_line(line))
      base::log::warn("identity", "left out a damaged line of the list of issued certificates",
                      {{"line", number}});
    text.remove_prefix(end + 1);
  }
  return {};
}

bool AuthorityLedger::take_line(std::string_view line) {
  const auto words = words_of(line);
  if (words.size() == 6 && words[0] == "issued") {
    const auto role = parse_role(words[2]);
    const auto generation = base::parse_int(words[4]), not_after = base::parse_int(words[5]);
    if (!role || !generation || !not_after || !crypto::is_name(words[3])) return false;
    IssuedCertificate& c = entries_[std::string(words[1])];
    c = {std::string(words[1]), *role, std::string(words[3]),
         static_cast<std::uint32_t>(*generation), {*not_after * second}, {}};
    return true;
  }
  if (words.size() == 3 && words[0] == "revoked") {
    const auto at = base::parse_int(words[2]);
    if (!at) return false;
    revoked_[std::string(words[1])] = {*at * second};
    const auto found = entries_.find(words[1]);
    if (found != entries_.end()) found->second.revoked_at = {*at * second};
    return true;
  }
  return false;
}

void AuthorityLedger::forget_ended(base::Time now, base::Duration keep) {
  // A clock that is ahead at a start must not make the authority forget whom it revoked: those stay,
  // and there are few.
  std::erase_if(entries_, [&](const auto& entry) {
    return entry.second.not_after + keep <= now && !revoked_.contains(entry.first);
  });
}

void AuthorityLedger::record(IssuedCertificate issued, Done done) {
  if (entries_.size() >= max_entries)
    return done(base::fail(Code::exhausted, "record certificate: " + std::to_string(max_entries) +
                                                " certificates are recorded"));
  std::string line = line_of(issued);
  entries_[issued.serial] = std::move(issued);
  write(std::move(line), std::move(done));
}

Result<void> AuthorityLedger::record_now(IssuedCertificate issued) {
  TRY(append_to(*dir_, line_of(issued)));
  entries_[issued.serial] = std::move(issued);
  return {};
}

void AuthorityLedger::revoke(std::string_view serial, Done done) {
  const auto found = entries_.find(serial);
  if (found == entries_.end())
    return done(base::fail(Code::not_found, "certificate '" + base::printable(serial) +
                                                "' was not issued here, or ended long ago"));
  if (found->second.revoked_at.ns != 0) return done({});
  const base::Time now = world_.loop().wall_now();
  found->second.revoked_at = now;
  revoked_[std::string(serial)] = now;
  ++revocations_;
  write(revoked_line(serial, now), std::move(done));
}

void AuthorityLedger::import_revoked(const std::vector<std::string>& serials) {
  for (const std::string& serial : serials)
    if (revoked_.try_emplace(serial, world_.loop().wall_now()).second) ++revocations_;
}

bool AuthorityLedger::is_revoked(std::string_view serial) const {
  return revoked_.find(serial) != revoked_.end();
}

std::vector<std::string> AuthorityLedger::revoked(base::Time now) const {
  std::vector<std::string> serials;
  for (const auto& [serial, at] : revoked_) {
    const auto known = entries_.find(serial);
    if (known == entries_.end() || known->second.not_after > now) serials.push_back(serial);
  }
  std::ranges::sort(serials);
  return serials;
}

const IssuedCertificate* AuthorityLedger::find(std::string_view serial) const {
  const auto found = entries_.find(serial);
  return found == entries_.end() ? nullptr : &found->second;
}

std::vector<IssuedCertificate> AuthorityLedger::all() const {
  std::vector<IssuedCertificate> list;
  list.reserve(entries_.size());
  for (const auto& [serial, certificate] : entries_) list.push_back(certificate);
  std::ranges::sort(list, {}, [](const IssuedCertificate& c) {
    return std::tie(c.role, c.name, c.not_after, c.serial);
  });
  return list;
}

std::vector<std::string> AuthorityLedger::serials_of(crypto::Role role,
                                                     std::string_view name) const {
  std::vector<std::string> serials;
  for (const auto& [serial, c] : entries_)
    if (c.role == role && c.name == name) serials.push_back(serial);
  return serials;
}

std::vector<IssuedCertificate> AuthorityLedger::holders(std::uint32_t generation, base::Time now,
                                                        base::Duration grace) const {
  std::map<std::pair<crypto::Role, std::string>, const IssuedCertificate*> newest;
  for (const auto& [serial, c] : entries_) {
    if (c.role == crypto::Role::cloud || c.revoked_at.ns != 0) continue;
    const IssuedCertificate*& best = newest[{c.role, c.name}];
    if (best == nullptr || std::tie(c.generation, c.not_after) >
                               std::tie(best->generation, best->not_after))
      best = &c;
  }
  std::vector<IssuedCertificate> list;
  for (const auto& [owner, c] : newest) {
    const base::Duration after = c->role == crypto::Role::node ? grace : base::Duration{};
    if (c->generation <= generation && c->not_after + after > now) list.push_back(*c);
  }
  return list;
}

void AuthorityLedger::write(std::string line, Done done) {
  pending_ += line;
  waiting_.push_back(std::move(done));
  if (writing_ || std::exchange(planned_, true)) return;
  world_.loop().defer([this, living = std::weak_ptr<bool>(alive_)] {
    if (!living.expired()) flush();
  });
}

void AuthorityLedger::flush() {
  planned_ = false;
  if (pending_.empty()) return;
  writing_ = true;
  auto written = std::make_shared<Result<void>>();
  world_.loop().work(
      lane,
      [written, dir = dir_,
       text = (std::exchange(failed_, false) ? "\n" : "") + std::exchange(pending_, {})] {
        *written = append_to(*dir, text);
      },
      [this, written, told = std::exchange(waiting_, {}), living = std::weak_ptr<bool>(alive_)] {
        if (living.expired()) return;
        writing_ = false;
        failed_ = !*written;   // a part of a line may be there: the next begins on its own
        if (failed_)
          base::log::error("identity", "cannot write the list of issued certificates",
                           {{"why", written->error()}});
        for (const Done& done : told) done(*written);
        if (!living.expired()) flush();
      });
}

}  // namespace selvedge::cloud
