// Make: the public SSD as packages, in float and in 8 bits, as a user would come to them.

#pragma once

#include <string>

#include "base/result.h"

namespace bench {

struct MakePlan {
  std::string tflite, labels;          // as scripts/fetch brings them
  std::string calibrate, judge;        // folders of pictures
  std::string folder;                  // ssd-fp32.model and ssd-int8.model go there
};

// The quantiser's report, as JSON.
selvedge::base::Result<std::string> make_packages(const MakePlan& plan);

}  // namespace bench
