// What operators ask of the authority and tell it: certificates issued and revoked, rotation.
//
//   GET  /api/v1/authority/status          generations, phases, who has not moved
//   POST /api/v1/authority/rotate          announces a new authority
//   POST /api/v1/authority/advance         the next phase now, ready or not
//   POST /api/v1/authority/hosts           other names of the cloud
//   POST /api/v1/tokens                    a one-time token for a node or a device
//   POST /api/v1/certificates              one for a device or another operator, for the key of a CSR
//   GET  /api/v1/certificates              what was issued and has not ended
//   POST /api/v1/certificates/SERIAL/revoke

#pragma once

#include "cloud/api.h"

namespace selvedge::cloud {

void add_authority_routes(net::http::Server& server, ApiContext& context);

}  // namespace selvedge::cloud
