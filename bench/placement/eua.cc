#include "placement/eua.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <numeric>
#include <sstream>

namespace selvedge::bench {
namespace {

constexpr std::array<std::array<std::int64_t, 3>, 3> sizes = {{{1, 2, 1}, {2, 3, 3}, {5, 7, 6}}};

std::vector<Spot> read_spots(const std::string& file, std::size_t latitude) {
  std::ifstream in(file);
  std::string line;
  std::getline(in, line);
  std::vector<Spot> spots;
  while (std::getline(in, line)) {
    std::istringstream row(line);
    std::string cell;
    std::vector<double> degrees;
    for (std::size_t i = 0; i < latitude + 2 && std::getline(row, cell, ','); ++i) {
      if (i >= latitude) degrees.push_back(std::strtod(cell.c_str(), nullptr));
    }
    if (degrees.size() != 2) continue;
    constexpr double metres = 111'195;           // a degree of latitude
    spots.push_back({degrees[0] * metres, degrees[1] * metres * std::cos(degrees[0] * 3.14159265 / 180)});
  }
  return spots;
}

double between(const Spot& a, const Spot& b) { return std::hypot(a.north - b.north, a.east - b.east); }

struct User {
  engine::Ask ask;
  std::size_t size = 0;
  std::vector<std::pair<double, std::size_t>> sites;      // that cover it, nearest first
};

struct Scene {
  std::vector<Node> sites;
  std::vector<User> users;
};

Scene draw(const Eua& eua, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<Spot> sites = eua.sites, users = eua.users;
  std::shuffle(sites.begin(), sites.end(), random);
  std::shuffle(users.begin(), users.end(), random);
  sites.resize(std::min<std::size_t>(sites.size(), 62));
  users.resize(std::min(users.size(), std::uniform_int_distribution<std::size_t>(256, 816)(random)));
  std::uniform_int_distribution<std::int64_t> has(20, 50);
  std::uniform_real_distribution<double> covers(450, 750);
  Scene scene;
  std::vector<double> radius;
  for (std::size_t i = 0; i < sites.size(); ++i) {
    const model::Resources all{has(random), has(random), has(random)};
    scene.sites.push_back({all, all, {}, 0});
    radius.push_back(covers(random));
  }
  for (const Spot& spot : users) {
    User user;
    user.size = std::uniform_int_distribution<std::size_t>(0, 2)(random);
    user.ask.amounts = {sizes[user.size][0], sizes[user.size][1], sizes[user.size][2]};
    for (std::size_t s = 0; s < sites.size(); ++s) {
      if (const double far = between(spot, sites[s]); far <= radius[s]) user.sites.emplace_back(far, s);
    }
    std::sort(user.sites.begin(), user.sites.end());
    scene.users.push_back(std::move(user));
  }
  return scene;
}

using Prices = std::vector<std::array<double, 3>>;

std::array<double, 3> amounts(const model::Resources& r) {
  return {static_cast<double>(r.cpu), static_cast<double>(r.memory), static_cast<double>(r.disk)};
}

double price(const User& user, const std::array<double, 3>& prices) {
  const auto asked = amounts(user.ask.amounts);
  return asked[0] * prices[0] + asked[1] * prices[1] + asked[2] * prices[2];
}

std::pair<double, std::size_t> cheapest(const User& user, const Prices& prices) {
  std::pair<double, std::size_t> best{1e9, prices.size()};
  for (const auto& [far, site] : user.sites) best = std::min(best, {price(user, prices[site]), site});
  return best;
}

// The dual's value at its best prices: no way of serving users serves more.
double bound(const Scene& scene, Prices& best_prices) {
  Prices prices(scene.sites.size(), {0.05, 0.05, 0.05});
  double best = static_cast<double>(scene.users.size());
  best_prices = prices;
  for (int step = 0; step < 4000; ++step) {
    std::vector<std::array<double, 3>> used(scene.sites.size(), {0, 0, 0});
    double value = 0;
    for (const User& user : scene.users) {
      const auto [cost, site] = cheapest(user, prices);
      if (cost >= 1) continue;
      value += 1 - cost;
      const auto asked = amounts(user.ask.amounts);
      for (std::size_t r = 0; r < 3; ++r) used[site][r] += asked[r];
    }
    for (std::size_t s = 0; s < prices.size(); ++s) {
      const auto has = amounts(scene.sites[s].capacity);
      for (std::size_t r = 0; r < 3; ++r) value += prices[s][r] * has[r];
    }
    if (value < best) {
      best = value;
      best_prices = prices;
    }
    const double pace = 0.03 / (1 + 0.01 * step);
    for (std::size_t s = 0; s < prices.size(); ++s) {
      const auto has = amounts(scene.sites[s].capacity);
      for (std::size_t r = 0; r < 3; ++r) prices[s][r] = std::max(0.0, prices[s][r] - pace * (1 - used[s][r] / has[r]));
    }
  }
  return best;
}

}  // namespace

Eua read_eua(const std::string& data) {
  return {read_spots(data + "/eua/site-optus-melbCBD.csv", 1), read_spots(data + "/eua/users-melbcbd-generated.csv", 0)};
}

EuaResult run_eua(const Eua& eua, Way way, const Contender& contender, std::uint64_t seed) {
  const Scene scene = draw(eua, seed);
  Prices prices;
  const double most = bound(scene, prices);
  std::vector<std::size_t> order(scene.users.size());
  std::iota(order.begin(), order.end(), 0);
  if (way == Way::small_first) {
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return scene.users[a].size < scene.users[b].size; });
  }
  if (way == Way::by_price) {
    std::vector<double> costs;
    for (const User& user : scene.users) costs.push_back(cheapest(user, prices).first);
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return costs[a] < costs[b]; });
  }
  Fleet fleet(scene.sites, contender, seed);
  double served = 0, metres = 0;
  std::array<double, 3> came{}, taken{};
  for (const std::size_t i : order) {
    const User& user = scene.users[i];
    came[user.size] += 1;
    std::vector<std::pair<double, std::size_t>> choice;     // what a site costs, which of the user's it is
    for (std::size_t k = 0; k < user.sites.size(); ++k) {
      const auto& [far, site] = user.sites[k];
      // A hundredth of a served user for each kilometre.
      choice.emplace_back(way == Way::by_price ? price(user, prices[site]) + far * 1e-3 : far, k);
    }
    std::sort(choice.begin(), choice.end());
    Place place;
    bool placed = false;
    if (way == Way::by_rule) {
      std::vector<std::size_t> allowed;
      for (const auto& [far, site] : user.sites) allowed.push_back(site);
      std::sort(allowed.begin(), allowed.end());
      fleet.allow(allowed);
      placed = !allowed.empty() && fleet.place(user.ask, place);
    } else {
      for (const auto& [cost, k] : choice) {
        fleet.allow({user.sites[k].second});
        if ((placed = fleet.place(user.ask, place))) break;
      }
    }
    if (!placed) continue;
    served += 1;
    taken[user.size] += 1;
    for (const auto& [far, site] : user.sites) metres += site == place.node ? far : 0;
  }
  const double all = served / static_cast<double>(scene.users.size());
  return {served / most, metres / std::max(1.0, served), taken[2] / std::max(1.0, came[2]) / all};
}

}  // namespace selvedge::bench
