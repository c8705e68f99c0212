// http_stream: the requests that are answered for as long as the client listens. Private to http_routes.

#pragma once

#include "things/http_handlers.h"
#include "things/http_path.h"

namespace selvedge::things {

void stream_one(const TwinRequest& r, const TwinPath& path);
void stream_many(const TwinRequest& r);

}  // namespace selvedge::things
