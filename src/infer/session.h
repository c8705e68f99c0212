// OrtSession as a Session: one loaded model of an opened library. run() by any number of threads.

#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "infer/library.h"
#include "infer/runtime.h"

namespace selvedge::infer {

// `library` must outlive the session. What `model` needs to stay is kept by `keep`.
base::Result<std::unique_ptr<Session>> make_session(const Library& library, base::BytesView model,
                                                    OrtSessionOptions* options,
                                                    std::shared_ptr<const base::Bytes> keep);

// As we run models: few threads, none spinning, one operator after the other.
base::Result<OrtHandle<OrtSessionOptions>> session_options(const Library& library, const SessionOptions& options);

}  // namespace selvedge::infer
