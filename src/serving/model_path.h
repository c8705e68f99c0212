// ModelPath: /v2/models/NAME[/versions/VERSION][/VERB], taken apart.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace selvedge::serving {

struct ModelPath {
  std::string name;
  std::uint64_t version = 0;                       // 0: none was said
  std::string verb;                                // "infer", "ready", "" ...
};

// `rest` is what follows "/v2/models/". Code::not_found for what has another form, Code::invalid_input
// for a version that is no number from 1 on.
base::Result<ModelPath> parse_model_path(std::string_view rest);

}  // namespace selvedge::serving
