#include "model/reading.h"

namespace selvedge::model {

std::string_view name(Kind kind) {
  switch (kind) {
    case Kind::float64: return "float64";
    case Kind::int64: return "int64";
    case Kind::boolean: return "boolean";
    case Kind::text: return "text";
  }
  return "float64";
}

}  // namespace selvedge::model
