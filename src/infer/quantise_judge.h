// Judge: what a float model says of samples, to hold candidates against; and how long both take.

#pragma once

#include <vector>

#include "infer/quantise.h"
#include "infer/quantise_samples.h"

namespace selvedge::infer {

class Judge {
 public:
  // Runs `reference` over the samples (at most `most` of them, spread evenly). All given must stay.
  static base::Result<Judge> make(const Session& reference, const Description& description, const PicturePlan* plan,
                                  const Samples& samples, std::size_t most, const QuantiseOptions& options);

  base::Result<Agreement> compare(const Session& other, const std::string& step) const;
  std::size_t samples() const { return chosen_.size(); }

 private:
  Judge(const Session& reference, const Description& description, const PicturePlan* plan, const Samples& samples,
        const QuantiseOptions& options)
      : reference_(&reference), description_(&description), plan_(plan), samples_(&samples), options_(&options) {}
  base::Result<std::vector<Said>> ask(const Session& session, const std::string& step) const;

  const Session* reference_;
  const Description* description_;
  const PicturePlan* plan_;
  const Samples* samples_;
  const QuantiseOptions* options_;
  std::vector<std::size_t> chosen_;
  std::vector<Said> said_;
};

struct Speed {
  double milliseconds_float = 0, milliseconds = 0; // CPU time of one run
};

// The two run in turn on the same sample; of each the best run counts: it was disturbed least.
base::Result<Speed> compare_speed(const Session& reference, const Session& other, const Sample& sample, int rounds);

}  // namespace selvedge::infer
