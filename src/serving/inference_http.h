// InferenceHttp: the Open Inference Protocol, version 2, over HTTP, as KServe and Triton speak it:
// metadata, health, inference, and Triton's repository, statistics and classification extensions.
// docs/reference/http.md lists the paths.
//
// Errors are {"error": why} with the status of our codes. Viewers, callers on this machine and devices
// with a certificate may ask models; operators may load and unload. Belongs to the loop thread.

#pragma once

#include <functional>
#include <memory>
#include <string>

#include "net/api/access.h"
#include "net/http/http.h"
#include "serving/models.h"

namespace selvedge::serving {

struct InferenceApi {
  Models& models;
  net::api::Identify identify;
  net::api::Audit audit;
  std::string server = "selvedge-node", version = {};
  std::function<base::Result<void>()> ready = {};  // whether the program is
  using Done = std::function<void(base::Result<void>)>;
  // Brings what is held on this machine up, or takes it down: by hand, beside the wishes.
  std::function<void(const std::string& name, Done)> load = {}, unload = {};
};

// `api` must outlive the server's requests.
void add_inference_routes(net::http::Server& server, InferenceApi& api);

// For callers that may ask a model something.
base::Result<void> may_ask(const net::api::Caller& caller);
// What a model did not answer: one whose queue is full may be asked again soon.
net::http::Response refusal(const base::Error& why);

}  // namespace selvedge::serving
