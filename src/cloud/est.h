// Enrolment over Secure Transport (RFC 7030, with the clarifications of RFC 8951), for device tooling
// that speaks it: under /.well-known/est on the cloud's HTTPS listener.
//
//   GET  cacerts         every authority that is trusted, certificates-only PKCS#7
//   GET  csrattrs        what a request should have
//   POST simpleenroll    by a token (HTTP Basic: its id and secret), or by an operator's certificate;
//                        the token says whether the certificate is a device's or a node's
//   POST simplereenroll  by the present certificate, for the same subject
//
// Bodies are base64; a Content-Transfer-Encoding is sent for old clients and ignored when received.
// Keys are made by the client: serverkeygen and fullcmc are not offered. docs/spec/identity.md.

#pragma once

#include "cloud/api.h"

namespace selvedge::cloud {

void add_est_routes(net::http::Server& server, ApiContext& context);

}  // namespace selvedge::cloud
