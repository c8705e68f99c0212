#include "cloud/authority_files.h"

#include <algorithm>

#include "base/log.h"
#include "base/text.h"

namespace selvedge::cloud {
namespace {

using base::Code;
using base::fail;
using base::Result;

constexpr std::uint64_t file_limit = 64 << 10;
constexpr std::int64_t second = 1'000'000'000;
constexpr std::size_t most_generations = 8;

std::string file_of(std::uint32_t number, std::string_view ending) {
  return "ca-" + std::to_string(number) + std::string(ending);
}

Result<void> rename_if_there(os::Dir& dir, std::string_view from, std::string_view to) {
  auto moved = dir.rename_new(from, to);
  if (!moved && moved.error().code != Code::not_found && moved.error().code != Code::conflict)
    return moved;
  return dir.sync();
}

// Before there were generations, ca.crt was the only authority's certificate and ca.key its key. The
// key goes last: while it is there the certificate is of the old kind.
Result<void> adopt_old_files(os::Dir& dir) {
  if (TRY(read_optional(dir, "ca.key")).empty()) return {};
  if (TRY(read_optional(dir, file_of(1, ".crt"))).empty())
    TRY(rename_if_there(dir, "ca.crt", file_of(1, ".crt")));
  return rename_if_there(dir, "ca.key", file_of(1, ".key"));
}

void warn_if_readable(os::Dir& dir, const std::string& name) {
  const auto is_private = dir.is_private(name);
  if (is_private && !*is_private)
    base::log::warn("identity", "others may read a private key: chmod 600",
                    {{"file", dir.path() + "/" + name}});
}

std::optional<AuthorityPhase> parse_phase(std::string_view word) {
  for (const AuthorityPhase phase :
       {AuthorityPhase::announced, AuthorityPhase::active, AuthorityPhase::retiring})
    if (word == name(phase)) return phase;
  return std::nullopt;
}

Result<AuthorityGeneration> parse_line(std::string_view line) {
  std::vector<std::string> words;
  while (!line.empty()) {
    const std::size_t end = std::min(line.find(' '), line.size());
    words.emplace_back(line.substr(0, end));
    line.remove_prefix(std::min(end + 1, line.size()));
  }
  const auto number = words.empty() ? std::nullopt : base::parse_int(words[0]);
  const auto phase = words.size() < 3 ? std::nullopt : parse_phase(words[1]);
  const auto since = words.size() < 3 ? std::nullopt : base::parse_int(words[2]);
  if (!number || *number < 1 || *number > 1'000'000 || !phase || !since || words.size() > 4)
    return fail(Code::corrupt, "authorities: a line is not \"<number> <phase> <since> [key]\"");
  AuthorityGeneration generation;
  generation.number = static_cast<std::uint32_t>(*number);
  generation.phase = *phase;
  generation.since = {*since * second};
  if (words.size() == 4) generation.key_uri = words[3];
  return generation;
}

Result<std::vector<AuthorityGeneration>> parse_authorities(std::string_view text) {
  std::vector<AuthorityGeneration> all;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (end > 0) all.push_back(TRY(parse_line(text.substr(0, end))));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (all.size() > most_generations)
      return fail(Code::corrupt, "authorities: there are too many");
  }
  if (std::ranges::count(all, AuthorityPhase::active, &AuthorityGeneration::phase) != 1)
    return fail(Code::corrupt, "authorities: not exactly one of them is active");
  return all;
}

}  // namespace

std::string_view name(AuthorityPhase phase) {
  switch (phase) {
    case AuthorityPhase::announced: return "announced";
    case AuthorityPhase::active: return "active";
    case AuthorityPhase::retiring: return "retiring";
  }
  return "active";
}

Result<std::string> read_optional(os::Dir& dir, std::string_view name) {
  const auto bytes = os::read_file(dir, name, file_limit);
  if (!bytes && bytes.error().code == Code::not_found) return std::string();
  if (!bytes) return std::unexpected(bytes.error());
  return std::string(base::as_text(*bytes));
}

Result<std::string> read_or_create(os::Dir& dir, const std::string& name, os::Open how,
                                   const std::function<Result<std::string>()>& make) {
  std::string text = TRY(read_optional(dir, name));
  if (!text.empty()) return text;
  text = TRY(make());
  const auto created = os::create_file(dir, name, base::as_bytes(text), how);
  if (created) return text;
  if (created.error().code != Code::conflict) return std::unexpected(created.error());
  return read_optional(dir, name);
}

Result<AuthorityGeneration> make_generation(os::Dir& dir, std::uint32_t number,
                                            const NewAuthority& with) {
  AuthorityGeneration made;
  made.number = number;
  made.since = with.now;
  made.key_uri = with.key_uri;
  const std::string key_file = file_of(number, ".key"), certificate_file = file_of(number, ".crt");
  made.pair.certificate = TRY(read_optional(dir, certificate_file));
  if (!with.key_uri.empty()) {
    made.pair.key = with.key_uri;
  } else if (made.pair.certificate.empty()) {
    made.pair.key = TRY(read_or_create(dir, key_file, os::Open::create_private, crypto::make_key));
  } else {
    made.pair.key = TRY(read_optional(dir, key_file));
    if (made.pair.key.empty())
      return fail(Code::corrupt, dir.path() + "/" + certificate_file + " is there but " + key_file +
                                     " is not");
  }
  if (with.key_uri.empty()) warn_if_readable(dir, key_file);
  if (made.pair.certificate.empty()) {
    const std::string name = number == 1 ? "Selvedge fleet" : "Selvedge fleet " + std::to_string(number);
    made.pair.certificate =
        TRY(read_or_create(dir, certificate_file, os::Open::create, [&]() -> Result<std::string> {
          return TRY(crypto::certify_authority(made.pair.key, name, with.now, with.valid));
        }));
    base::log::info("identity", "made a certificate authority of the fleet",
                    {{"in", dir.path()}, {"generation", number}});
  }
  TRY(crypto::check_pair(made.pair.certificate, made.pair.key));
  made.info = TRY(crypto::read_certificate(made.pair.certificate));
  return made;
}

Result<std::vector<AuthorityGeneration>> load_authorities(os::Dir& dir, const NewAuthority& first) {
  TRY(adopt_old_files(dir));
  const std::string text = TRY(read_optional(dir, "authorities"));
  std::vector<AuthorityGeneration> all;
  if (!text.empty()) {
    all = TRY(parse_authorities(text));
  } else {
    all.emplace_back();
    all.back().since = first.now;
    all.back().key_uri = first.key_uri;
  }
  for (AuthorityGeneration& generation : all) {
    NewAuthority with = first;
    with.key_uri = generation.key_uri;
    AuthorityGeneration loaded = TRY(make_generation(dir, generation.number, with));
    generation.pair = std::move(loaded.pair);
    generation.info = std::move(loaded.info);
  }
  std::ranges::sort(all, {}, &AuthorityGeneration::number);
  const std::string bundle = bundle_of(all);
  if (TRY(read_optional(dir, "ca.crt")) != bundle)
    TRY(os::write_file(dir, "ca.crt", base::as_bytes(bundle)));
  return all;
}

Result<void> save_authorities(os::Dir& dir, const std::vector<AuthorityGeneration>& all) {
  std::string text;
  for (const AuthorityGeneration& g : all)
    text += std::to_string(g.number) + ' ' + std::string(name(g.phase)) + ' ' +
            std::to_string(g.since.ns / second) + (g.key_uri.empty() ? "" : " " + g.key_uri) + '\n';
  TRY(os::write_file(dir, "authorities", base::as_bytes(text)));
  return os::write_file(dir, "ca.crt", base::as_bytes(bundle_of(all)));
}

std::string bundle_of(const std::vector<AuthorityGeneration>& all) {
  std::string bundle;
  for (const AuthorityGeneration& g : all) {
    bundle += g.pair.certificate;
    if (!bundle.ends_with('\n')) bundle += '\n';
  }
  return bundle;
}

}  // namespace selvedge::cloud
