#include "engine/camera/crop.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace selvedge::engine {

base::Result<Region> parse_region(std::string_view text) {
  std::array<float, 4> sides{};
  std::size_t count = 0;
  std::string_view rest = text;
  while (count < 4) {
    const std::size_t comma = rest.find(',');
    std::string_view word = rest.substr(0, comma);
    while (word.starts_with(' ')) word.remove_prefix(1);
    while (word.ends_with(' ')) word.remove_suffix(1);
    const auto number = base::parse_double(word);
    if (!number || !(*number >= 0 && *number <= 1)) break;
    sides[count++] = static_cast<float>(*number);
    if (comma == rest.npos) break;
    rest.remove_prefix(comma + 1);
    if (count == 4) count = 5;                     // more than four
  }
  if (count != 4 || sides[0] >= sides[2] || sides[1] >= sides[3])
    return base::fail(base::Code::invalid_input,
                      "'" + base::printable(text, 64) + "': expected \"top,left,bottom,right\" as shares, for example \"0.5,0,1,1\"");
  return Region{sides[0], sides[1], sides[2], sides[3]};
}

std::optional<Region> common(const Region& a, const Region& b) {
  const Region both{std::max(a.top, b.top), std::max(a.left, b.left), std::min(a.bottom, b.bottom),
                    std::min(a.right, b.right)};
  if (both.top >= both.bottom || both.left >= both.right) return std::nullopt;
  return both;
}

Region around(std::span<const Region> moved, const Region& whole) {
  constexpr float room = 0.5F, hardly_less = 0.6F;   // of the side; of the area
  std::optional<Region> all;
  for (const Region& one : moved) {
    const auto part = common(one, whole);
    if (!part) continue;
    if (!all) all = part;
    else *all = {std::min(all->top, part->top), std::min(all->left, part->left), std::max(all->bottom, part->bottom),
                 std::max(all->right, part->right)};
  }
  if (!all) return whole;
  // At least as high as it is wide, as shares: the model sees about what the camera's picture is like.
  const float side = std::max(all->bottom - all->top, all->right - all->left) * (1 + room);
  const auto widen = [side](float& low, float& high, float least, float most) {
    const float middle = (low + high) / 2, length = std::min(side, most - least);
    low = std::clamp(middle - length / 2, least, most - length);
    high = low + length;
  };
  Region part = *all;
  widen(part.top, part.bottom, whole.top, whole.bottom);
  widen(part.left, part.right, whole.left, whole.right);
  const auto area = [](const Region& r) { return (r.bottom - r.top) * (r.right - r.left); };
  return area(part) > hardly_less * area(whole) ? whole : part;
}

}  // namespace selvedge::engine
