// Renewal: how those who have a certificate get the next one, and hear of what else changed.
//
//   POST /api/v1/renew             a new certificate for a new key: by the present certificate, or, for
//                                  a node whose certificate ran out while it was away, by a proof that
//                                  it holds the old key (within identity.node-grace)
//   GET  /api/v1/authority/state   what to trust and which serials are revoked; a node says with
//                                  ?trust= what it trusts already, and is told of changes over MQTT
//
// docs/spec/identity.md has the documents.

#pragma once

#include <string>

#include "cloud/api.h"

namespace selvedge::cloud {

// The document of /api/v1/authority/state, made anew when something in it has changed.
class AuthorityNews {
 public:
  explicit AuthorityNews(ApiContext& context) : context_(context) {}

  const std::string& version();
  const std::string& document();

 private:
  void refresh();

  ApiContext& context_;
  std::string version_, document_, trust_;
  std::uint64_t revocations_ = 0;
  base::Time made_{};
};

void add_renewal_routes(net::http::Server& server, ApiContext& context,
                        std::shared_ptr<AuthorityNews> news);

}  // namespace selvedge::cloud
