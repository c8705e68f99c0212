// The HTTP paths by which admins say who else is an operator. docs/reference/http.md lists them.

#pragma once

#include "cloud/api.h"
#include "cloud/operators.h"

namespace selvedge::cloud {

void add_operators_routes(net::http::Server& server, ApiContext& context, Operators& operators);

}  // namespace selvedge::cloud
