// Patches as bytes: places as gaps in small codes (small_codes.h), with what is done there beside each.

#pragma once

#include <cstddef>

#include "base/wire.h"
#include "codec/numbers/number_model.h"

namespace selvedge::codec {

// Only lists that are not empty; the caller says which these are.
void put_patches(base::Writer& out, const Patches& patches);

enum class PatchKinds : std::uint8_t { none = 0, fractions = 1, last_places = 2, exact = 4 };
PatchKinds kinds(const Patches& patches);

// False if damaged. Places are below `count`.
bool take_patches(base::Reader& in, PatchKinds which, std::size_t count, Patches& into);

}  // namespace selvedge::codec
