#include "verify.h"

#include <algorithm>
#include <map>
#include <set>

#include "codec/series/frame.h"

namespace selvedge::sim {
namespace {

struct Stored {
  std::int64_t time = 0;
  double value = 0;
  model::BlockSeq block{};
};

std::string describe(const Account& account, std::int64_t time, double value) {
  return account.node + " " + account.series + ": reading " + std::to_string(value) + " of " +
         (time == 0 ? "its arrival" : base::to_iso8601({time}));
}

// All readings of a series in the order in which the node sealed them.
std::vector<Stored> readings_of(const MemoryBlocks::Series& series, std::vector<std::string>& breaches) {
  std::vector<const MemoryBlocks::Block*> blocks;
  for (const MemoryBlocks::Block& block : series.blocks) blocks.push_back(&block);
  std::ranges::sort(blocks, {}, [](const auto* block) { return block->info.seq; });
  std::vector<Stored> readings;
  codec::Columns columns;
  for (const MemoryBlocks::Block* block : blocks) {
    if (const auto decoded = codec::decode_frame(block->frame, columns); !decoded) {
      breaches.push_back(series.node + " " + series.name + ": " + decoded.error().message);
      continue;
    }
    for (std::size_t i = 0; i < columns.size(); ++i)
      readings.push_back({columns.times[i], columns.float64[i], block->info.seq});
  }
  return readings;
}

// Values are unique in a series, so that a value names its entry.
void check_series(const Account& account, const std::vector<Stored>& readings, Findings& findings) {
  std::vector<std::string>& breaches = findings.breaches;
  std::map<double, const Entry*> published;
  for (const Entry& entry : account.entries) published.emplace(entry.value, &entry);
  std::map<double, model::BlockSeq> seen;
  std::int64_t last_time = INT64_MIN, last_published = INT64_MIN;
  for (const Stored& reading : readings) {
    const std::string what = describe(account, reading.time, reading.value);
    const std::string where = " (block " + std::to_string(model::number(reading.block)) + ")";
    const auto found = published.find(reading.value);
    if (found == published.end() || (found->second->time != 0 && found->second->time != reading.time))
      breaches.push_back(what + where + " was never published");
    if (const auto [first, fresh] = seen.emplace(reading.value, reading.block); !fresh) {
      if (account.full_disk && account.clock != Clock::arrival) {
        ++findings.repeated;
        continue;
      }
      breaches.push_back(what + where + " is stored twice, first in block " +
                         std::to_string(model::number(first->second)));
    }
    if (account.clock != Clock::steady || found == published.end()) continue;
    const Entry& entry = *found->second;
    if (account.full_disk ? entry.acknowledged_at < last_published : entry.time <= last_time)
      breaches.push_back(what + where + " comes after one of " + base::to_iso8601({last_time}));
    last_time = std::max(last_time, entry.time);
    last_published = std::max(last_published, entry.published_at);
  }
  for (const Entry& entry : account.entries)
    if (entry.acknowledged() && !seen.contains(entry.value))
      breaches.push_back(describe(account, entry.time, entry.value) +
                         " was acknowledged and is not stored");
}

}  // namespace

Findings verify(const MemoryBlocks& stored, const std::deque<Account>& accounts) {
  Findings findings;
  std::set<std::pair<std::string, std::string>> known;
  for (const Account& account : accounts) {
    known.emplace(account.node, account.series);
    std::vector<Stored> readings;
    const auto kinds = stored.find(account.node, account.series);
    if (kinds.size() > 1 || (kinds.size() == 1 && kinds[0]->kind != model::Kind::float64))
      findings.breaches.push_back(account.node + " " + account.series + ": is not of one kind");
    else if (kinds.size() == 1)
      readings = readings_of(*kinds[0], findings.breaches);
    check_series(account, readings, findings);
  }
  for (const MemoryBlocks::Series& series : stored.series())
    if (!known.contains({series.node, series.name}))
      findings.breaches.push_back(series.node + " " + series.name + ": no device publishes this series");
  return findings;
}

}  // namespace selvedge::sim
