// Unseal: readings of blocks that a node sealed, asked for as they are and opened here.

#pragma once

#include "cli/api_client.h"
#include "cli/command.h"
#include "net/api/query_request.h"

namespace selvedge::cli {

// What the arguments of a query say, as the HTTP API names it.
std::vector<std::pair<std::string, std::string>> query_parameters(const Arguments& arguments);

// Asks `api` for the frames of the series and range that the arguments name, opens what is sealed with
// the key in the file --unseal, and answers the query from them as a node would.
base::Result<net::http::Response> query_sealed(const Arguments& arguments, Session& session,
                                               ApiClient& api, std::string_view format);

}  // namespace selvedge::cli
