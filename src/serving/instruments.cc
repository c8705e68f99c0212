#include "serving/instruments.h"

namespace selvedge::serving {
namespace {

double seconds(std::int64_t ns) { return static_cast<double>(ns) * 1e-9; }

// From 20 us to 10 s: preparing a frame takes a fraction of a millisecond, a large model seconds.
std::vector<double> bounds() {
  return {20e-6, 50e-6, 100e-6, 200e-6, 500e-6, 1e-3, 2e-3, 3e-3, 5e-3, 7.5e-3, 10e-3,
          15e-3, 20e-3, 30e-3,  50e-3,  0.1,    0.2,  0.5,  1,    2,    5,      10};
}

}  // namespace

void ModelInstruments::observe(base::Duration waited, const infer::Timings& t) {
  queue->observe(seconds(waited.count()));
  infer->observe(seconds(t.infer));
  // What gives numbers has no picture to decode.
  if (t.decode == 0 && t.prepare == 0 && t.finish == 0) return;
  decode->observe(seconds(t.decode));
  prepare->observe(seconds(t.prepare));
  finish->observe(seconds(t.finish));
}

Instruments::Instruments(base::Registry& registry) : registry_(registry) {
  loads_ = &registry.counter("selvedge_model_loads_total", "Versions of models loaded, by outcome.",
                             {{"outcome", "served"}});
  failed_loads_ = &registry.counter("selvedge_model_loads_total", "Versions of models loaded, by outcome.",
                                    {{"outcome", "failed"}});
  load_seconds_ = &registry.histogram("selvedge_model_load_seconds",
                                      "From the wish to load a version until it served.", bounds());
}

ModelInstruments& Instruments::of(const std::string& model) {
  if (const auto at = models_.find(model); at != models_.end()) return at->second;
  const bool own = models_.size() < most_names;
  const std::string name = own ? model : "other";
  if (!own)
    if (const auto at = models_.find(name); at != models_.end()) return at->second;
  const base::Labels labels{{"model", name}};
  const auto histogram = [&](const char* what, const char* help) {
    return &registry_.histogram("selvedge_inference_" + std::string(what) + "_seconds", help, bounds(), labels);
  };
  ModelInstruments made;
  made.requests = &registry_.counter("selvedge_inference_requests_total", "Requests that were taken.", labels);
  made.failures = &registry_.counter("selvedge_inference_failures_total", "Requests answered with an error.", labels);
  made.refused = &registry_.counter("selvedge_inference_refused_total",
                                    "Requests refused: the queue was full, or no version served.", labels);
  made.dropped = &registry_.counter("selvedge_inference_dropped_total", "Pictures dropped for newer ones.", labels);
  made.queue = histogram("queue", "Waiting for a worker.");
  made.decode = histogram("decode", "From the picture's file to pixels.");
  made.prepare = histogram("prepare", "From pixels to the numbers that the model takes.");
  made.infer = histogram("infer", "In the model.");
  made.finish = histogram("finish", "From what the model gives to the answer.");
  return models_.emplace(name, made).first->second;
}

void Instruments::loaded(bool well, base::Duration took) {
  (well ? loads_ : failed_loads_)->add();
  if (well) load_seconds_->observe(seconds(took.count()));
}

}  // namespace selvedge::serving
