// Quantise: a model in 8 bits, and whether it still says the same: what `selvedge model quantize` does.
//
// The float model is run over calibration data (pictures of a folder prepared as the pipeline prepares
// them, or tensors), the network is rewritten (engine/quantise), and both models are run over data that
// was not used for that, to compare what they say and how long they take. Of several rules for the
// ranges of values the one that agrees best on the calibration data is taken.
//
// A result below the limits is not for use: `shortfalls` says what fell short, by name and number.
// Calibration data that is too little or says nothing is refused with Code::invalid_input, a model that
// cannot be quantised too. Memory is bounded: files are read when they are needed, and values are
// looked at in parts. Calls block for seconds to minutes; any thread.

#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "engine/quantise/options.h"
#include "infer/model_package.h"
#include "infer/quantise_agreement.h"
#include "infer/runtime.h"

namespace selvedge::infer {

// What a result must reach; none of them applies to a model of another task. Of a public SSD
// the quantiser keeps 18 of 19 detections or all, and moves scores by 0.005 to 0.013, by the pictures it
// is given; much worse is a sign of data that does not fit. Time is not asked for: on a busy machine, or
// one that is not the target, it says nothing of the result.
struct QuantiseLimits {
  float matched = 0.947F;                          // of detections >= 0.5: share found again; 18 of 19
  float matched_weak = 0.8F;                       // of detections >= 0.3
  float overlap = 0.8F;                            // median intersection over union
  float score_difference = 0.02F;                  // median, of detections or best classes
  float first = 0.9F;                              // share of pictures whose best class is the same
  float mask = 0.95F;                              // share of a mask's fields that are the same
  float error = 0.1F;                              // of tensors: mean difference / mean of numbers
  float time = 0;                                  // most of the float model's CPU time; 0: not asked
};

struct QuantiseProgress {
  std::string step;                                // "look at values"
  std::size_t done = 0, of = 0;
};

struct QuantiseOptions {
  engine::quantise::Options numbers;               // target, kinds of scales, bits, what stays in float
  std::optional<engine::quantise::RangeRule> range;   // nothing: what agrees best
  std::string calibrate;                           // folder
  std::string judge;                               // folder; "": half of what is in `calibrate`
  std::size_t least_samples = 4;                   // different ones, to calibrate with
  std::size_t most_samples = 500;                  // files of a folder
  int views = 4;                                   // of each picture: whole, mirrored, two parts (1 to 4)
  bool prune = true;                               // take out channels that never change
  int threads = 2;
  QuantiseLimits limits;
  // Called on the calling thread.
  std::function<void(const QuantiseProgress&)> progress;
};

struct QuantiseReport {
  std::string target, range;                       // "x86", "least-error"
  struct Candidate { std::string range; float distance = 0; };
  std::vector<Candidate> candidates;               // rules that were tried; distance on calibration data
  std::size_t calibrated = 0, calibrated_views = 0;   // files, and views of them
  std::size_t judged = 0, judged_views = 0;
  std::vector<std::string> notes;                  // files left out and why, and what is worth knowing
  std::size_t layers = 0, others = 0;              // in 8 bits: with weights, without
  std::vector<std::string> in_float;               // nodes left in float
  std::size_t channels = 0, guarded = 0, empty = 0, saturated = 0, pruned = 0;
  struct Head { std::string value; float least = 0, greatest = 0, step = 0; };
  std::vector<Head> heads;                         // results: how wide their steps are
  Agreement agreement;
  std::size_t bytes_float = 0, bytes = 0;          // of the model
  std::size_t packed = 0;                          // of the package with the 8-bit model
  double milliseconds_float = 0, milliseconds = 0; // CPU time of one run, best of several
  std::vector<std::string> shortfalls;             // empty: good for use

  double time_ratio() const { return milliseconds_float > 0 ? milliseconds / milliseconds_float : 0; }
};

struct Quantised {
  ModelPackage package;                            // the same but for the model
  base::Bytes file;                                // the package as it travels, packed as small as can be
  QuantiseReport report;
};

base::Result<Quantised> quantise_model(Runtime& runtime, const ModelPackage& package, const QuantiseOptions& options);

std::string to_json(const QuantiseReport& report);
// For people: a line for each thing worth knowing.
std::vector<std::string> to_lines(const QuantiseReport& report);

}  // namespace selvedge::infer
