#include "infer/runtime.h"

#include <cstdlib>
#include <map>
#include <mutex>

#include "infer/optimised_cache.h"
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
    if (!options.cache.empty() && options.optimise) return load_cached(model, options);
    const auto settings = TRY(session_options(library_, options));
    return make_session(library_, model, settings.get(), nullptr);
  }

 private:
  using Loaded = Result<std::unique_ptr<Session>>;

  Loaded load_cached(base::BytesView model, const SessionOptions& options);
  Loaded load_optimised(std::shared_ptr<const base::Bytes> optimised, const SessionOptions& options);
  Loaded load_and_write(base::BytesView model, const SessionOptions& options, const std::string& path);

  Library library_;
};

OpenedRuntime::Loaded OpenedRuntime::load_cached(base::BytesView model, const SessionOptions& options) {
  const OptimisedCache cache(options.cache);
  const std::string key =
      OptimisedCache::key(model, library_.version + " threads " + std::to_string(options.threads));
  if (auto optimised = cache.find(key)) {
    auto session = load_optimised(std::move(optimised), options);
    if (session) return session;
    cache.remove(key);
  }
  const std::string path = cache.place_to_write();
  if (!path.empty()) {
    auto session = load_and_write(model, options, path);
    if (session) {
      cache.keep(path, key);
      return session;
    }
    OptimisedCache::discard(path);
  }
  SessionOptions plain = options;
  plain.cache.clear();
  return load(model, plain);
}

OpenedRuntime::Loaded OpenedRuntime::load_optimised(std::shared_ptr<const base::Bytes> optimised,
                                                    const SessionOptions& options) {
  const auto settings = TRY(session_options(library_, options));
  const std::string step = "set up a session";
  // Its weights are used where they are, so the bytes stay with the session.
  for (const char* key : {"session.use_ort_model_bytes_directly", "session.use_ort_model_bytes_for_initializers"})
    TRY(library_.api.check(library_.api.config_entry(settings.get(), key, "1"), step, Code::internal));
  TRY(library_.api.check(library_.api.config_entry(settings.get(), "session.load_model_format", "ORT"), step,
                         Code::internal));
  const base::BytesView bytes = *optimised;
  return make_session(library_, bytes, settings.get(), std::move(optimised));
}

OpenedRuntime::Loaded OpenedRuntime::load_and_write(base::BytesView model, const SessionOptions& options,
                                                    const std::string& path) {
  const auto settings = TRY(session_options(library_, options));
  const std::string step = "set up a session";
  TRY(library_.api.check(library_.api.optimised_path(settings.get(), path.c_str()), step, Code::internal));
  TRY(library_.api.check(library_.api.config_entry(settings.get(), "session.save_model_format", "ORT"), step,
                         Code::internal));
  return make_session(library_, model, settings.get(), nullptr);
}

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
