// Source: whom an address stands for when it comes to counting what somebody got wrong. Pure.
//
// An IPv4 address is one source; of IPv6 it is the /64, since whoever has one address of it has them
// all. An IPv4 address inside IPv6 (::ffff:a.b.c.d) is the IPv4 address.

#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string_view>

namespace selvedge::engine {

struct Source {
  std::uint64_t prefix = 0;
  bool v6 = false;

  friend auto operator<=>(const Source&, const Source&) = default;
};

// From "1.2.3.4", "1.2.3.4:80", "::1", "[::1]:80". What is no address is all one source.
Source source_of(std::string_view address);

}  // namespace selvedge::engine

template <>
struct std::hash<selvedge::engine::Source> {
  std::size_t operator()(const selvedge::engine::Source& source) const noexcept {
    return std::hash<std::uint64_t>{}(source.prefix * 0x9E3779B97F4A7C15U + (source.v6 ? 1 : 0));
  }
};
