// The loops of resample.h with AVX2. For this folder only.

#pragma once

#include "engine/vision/resample.h"

namespace selvedge::engine {

// nullptr on processors without AVX2, of another kind included.
const Kernels* x86_kernels();

}  // namespace selvedge::engine
