// ModelRoutes: the models of this machine for people and small programs: a list, and a picture in the
// body of a request that comes back as what was found in it, or with boxes drawn on it.
// docs/reference/http.md. Belongs to the loop thread.

#pragma once

#include "net/api/access.h"
#include "net/http/http.h"
#include "serving/models.h"

namespace selvedge::serving {

// GET /api/v1/models; POST /api/v1/models/NAME/detect. `models` must outlive the server's requests.
void add_model_routes(net::http::Server& server, Models& models, const net::api::Identify& identify);

std::string models_json(const Models& models);

}  // namespace selvedge::serving
