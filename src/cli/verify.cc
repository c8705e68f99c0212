// series verify: holds a ledger of acknowledged readings against what is stored.
//
// For each series of the ledger it asks for all readings and compares the two as multisets of
// (time, value): acknowledged and not stored is lost, stored more often than published is doubled.
// Stored and not acknowledged is neither (the acknowledgement was on its way).

#include <algorithm>
#include <map>

#include "base/json.h"
#include "base/text.h"
#include "cli/api_client.h"
#include "cli/commands.h"
#include "os/file_at.h"

namespace selvedge::cli {

using base::Code;
using base::fail;
using base::Result;

namespace {

constexpr std::uint64_t ledger_limit = 4ULL << 30;

struct Entry {
  std::int64_t time;
  double value;
  friend auto operator<=>(const Entry&, const Entry&) = default;
};

using Ledger = std::map<std::string, std::vector<Entry>>;

Result<void> read_ledger(os::World& world, const std::string& path, Ledger& ledger) {
  const std::string whole = TRY(os::read_text(world, path, ledger_limit));
  std::string_view text = whole;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) break;   // the writer was killed in this line
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    const std::size_t value_at = line.rfind(','), time_at = line.rfind(',', value_at - 1);
    if (value_at == std::string_view::npos || time_at == std::string_view::npos)
      return fail(Code::invalid_input, path + ":" + std::to_string(number) + ": expected three columns");
    const auto time = base::parse_int(line.substr(time_at + 1, value_at - time_at - 1));
    const auto value = base::parse_double(line.substr(value_at + 1));
    if (!time || !value)
      return fail(Code::invalid_input, path + ":" + std::to_string(number) + ": not a reading");
    ledger[std::string(line.substr(0, time_at))].push_back({*time, *value});
  }
  return {};
}

// The stored readings of a series, page by page.
Result<std::vector<Entry>> stored(ApiClient& api, const std::string& series, const std::string& node) {
  std::vector<Entry> all;
  const std::string csv = TRY(api.request(
      "GET", "/api/v1/query?format=csv&limit=10000000&series=" + encode_query(series) +
                 (node.empty() ? "" : "&node=" + encode_query(node))));
  std::string_view text = csv;
  for (bool header = true; !text.empty(); header = false) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (header || line.empty()) continue;
    // series,time,value; the series may hold commas.
    const std::size_t value_at = line.rfind(',');
    const std::size_t time_at = line.rfind(',', value_at - 1);
    const auto value = base::parse_double(line.substr(value_at + 1));
    if (!value || value_at == std::string_view::npos || time_at == std::string_view::npos) return fail(Code::corrupt, series + ": '" + std::string(line) + "' is not a reading");
    const auto time = TRY(base::parse_time(line.substr(time_at + 1, value_at - time_at - 1)));
    all.push_back({time.ns, *value});
  }
  return all;
}

Result<int> verify(const Arguments& arguments, Session& session) {
  Ledger ledger;
  for (const std::string& file : arguments.positional)
    TRY(read_ledger(session.world, file, ledger));
  auto api = TRY(ApiClient::either(arguments, session));
  std::uint64_t acknowledged = 0, found = 0, lost = 0, duplicated = 0, unacknowledged = 0;
  std::vector<std::string> bad;
  for (auto& [series, entries] : ledger) {
    // One reading is one (series, time, value), however often it was published.
    std::ranges::sort(entries);
    entries.erase(std::unique(entries.begin(), entries.end()), entries.end());
    acknowledged += entries.size();
    auto there = stored(api, series, arguments.text("of"));
    if (!there && there.error().code == Code::not_found) there = std::vector<Entry>{};
    if (!there) return std::unexpected(std::move(there).error().while_doing(series));
    std::ranges::sort(*there);
    found += there->size();
    std::vector<Entry> distinct = *there;
    distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
    const std::uint64_t doubled = there->size() - distinct.size();
    std::vector<Entry> missing;
    std::ranges::set_difference(entries, distinct, std::back_inserter(missing));
    duplicated += doubled;
    lost += missing.size();
    unacknowledged += distinct.size() + missing.size() - entries.size();
    if (doubled > 0 || !missing.empty())
      bad.push_back(series + ": " + std::to_string(missing.size()) + " lost, " +
                    std::to_string(doubled) + " doubled");
    session.out.progress("verified " + std::to_string(acknowledged) + " readings");
  }
  session.out.progress_done();
  base::JsonWriter json;
  json.begin_object()
      .field("series", static_cast<std::uint64_t>(ledger.size()))
      .field("acknowledged", acknowledged)
      .field("stored", found)
      .field("lost", lost)
      .field("duplicated", duplicated)
      .field("stored_unacknowledged", unacknowledged)
      .end_object();
  if (session.out.json()) session.out.document(json.text());
  else
    session.out.table({"SERIES", "ACKNOWLEDGED", "STORED", "LOST", "DUPLICATED"},
                      {{std::to_string(ledger.size()), std::to_string(acknowledged),
                        std::to_string(found), std::to_string(lost), std::to_string(duplicated)}});
  for (const std::string& line : bad) std::fprintf(stderr, "%s\n", line.c_str());
  return lost + duplicated == 0 ? 0 : base::exit_status(Code::corrupt);
}

}  // namespace

std::vector<Command> verify_commands() {
  return {{"series", "verify", "LEDGER...", 1, 1000,
           "Hold a replay's ledger of acknowledged readings against what is stored.",
           "Exit status 0 only if nothing acknowledged is missing and nothing is stored twice.",
           {"selvedge series verify ledger.csv --cloud https://cloud:8443 --of gateway-7"},
           either_flags({{"of", "NODE", "Whose series; needed when the cloud is asked."}}), verify}};
}

}  // namespace selvedge::cli
