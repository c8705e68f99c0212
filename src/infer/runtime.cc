#include "infer/runtime.h"

#include <cstdlib>
#include <map>
#include <mutex>

#include "infer/session.h"

namespace selvedge::infer {

using base::Code;
using base::fail;
using base::Result;

namespace {

class OpenedRuntime final : public Runtime {
 public:
  explicit OpenedRuntime(Library library) : library_(std::move(library)) {}

  std::string version() const override { return library_.version; }
  std::string path() const override { return library_.path; }

  Result<std::unique_ptr<Session>> load(base::BytesView model, const SessionOptions& options) override {
    if (model.empty()) return fail(Code::invalid_input, "load the model: it is empty");
    if (options.threads < 1 || options.threads > 64)
      return fail(Code::invalid_input, "load the model: threads must be 1 to 64");
    const auto settings = TRY(session_options(library_, options));
    return make_session(library_, model, settings.get(), nullptr);
  }

 private:
  Library library_;
};

// Never destroyed: a session may be let go of after main() ends.
struct Opened {
  std::mutex mutex;
  std::map<std::string, std::shared_ptr<Runtime>> by_path;
};

Opened& opened() {
  static auto* all = new Opened;
  return *all;
}

Result<std::shared_ptr<Runtime>> open_once(const std::string& path) {
  Opened& all = opened();
  const std::lock_guard lock(all.mutex);
  if (const auto at = all.by_path.find(path); at != all.by_path.end()) return at->second;
  Library library = TRY(open_library(path));
  auto& known = all.by_path[library.path];
  if (!known) known = std::make_shared<OpenedRuntime>(std::move(library));
  all.by_path[path] = known;
  return known;
}

}  // namespace

Result<std::shared_ptr<Runtime>> Runtime::open(const std::string& path) {
  if (!path.empty()) return open_once(path);
  // One who names a library wants that one or none.
  if (const char* named = std::getenv("SELVEDGE_ONNXRUNTIME"); named != nullptr && *named != '\0')
    return base::while_doing("SELVEDGE_ONNXRUNTIME", open_once(named));
  std::string looked;
  for (const std::string& candidate : library_candidates()) {
    auto runtime = open_once(candidate);
    if (runtime) return runtime;
    looked += (looked.empty() ? "" : "; ") + runtime.error().message;
  }
  return fail(Code::unavailable, "no model runtime (ONNX Runtime) found; scripts/fetch runtime gets one, and "
                                 "SELVEDGE_ONNXRUNTIME names one. Looked: " + looked);
}

}  // namespace selvedge::infer
