// EUA: base stations and users of Melbourne's centre (Lai et al., ICSOC 2018): how many users find a place on a site
// that covers them, and how far away it is.
//
// 62 of the 125 sites and 256..816 of the users, drawn; each site covers 450..750 m and has 20..50 of each of three
// resources; users ask for (1, 2, 1), (2, 3, 3) or (5, 7, 6), a third each. The bound is the linear program's, by its dual.

#pragma once

#include "placement/fleet.h"

namespace selvedge::bench {

struct Spot {
  double north = 0, east = 0;        // metres
};
struct Eua {
  std::vector<Spot> sites, users;
  bool there() const { return !sites.empty() && !users.empty(); }
};
Eua read_eua(const std::string& data);

enum class Way : std::uint8_t {
  by_rule,                   // users one by one, each to the covering site the contender chooses
  nearest,                   // one by one, to the nearest site with room
  small_first,               // all known: smallest request first, each to the nearest with room
  by_price,                  // all known: by what each costs at the bound's prices, each to the site that costs it least
};
struct EuaResult {
  double served = 0;         // of the bound
  double metres = 0;         // mean distance of those served
  double large = 0;          // service rate of the largest requests by that of all
};
EuaResult run_eua(const Eua& eua, Way way, const Contender& contender, std::uint64_t seed);

}  // namespace selvedge::bench
