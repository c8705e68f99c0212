// Parallel: the same work for many samples on a few threads. The calling thread is one of them, and the
// one that reports progress; the first failure ends all.

#pragma once

#include <atomic>
#include <functional>
#include <thread>
#include <vector>

#include "base/result.h"
#include "infer/quantise.h"

namespace selvedge::infer {

// work(worker, index) for each index below `count`; each worker is one thread at a time.
template <typename Work>
base::Result<void> for_each_sample(std::size_t count, const QuantiseOptions& options, const std::string& step, const Work& work) {
  const std::size_t workers = std::size_t(std::max(1, options.threads));
  std::atomic<std::size_t> next = 0, done = 0;
  std::vector<base::Result<void>> outcomes(workers);
  const auto run = [&](std::size_t worker) {
    for (std::size_t index = next++; index < count; index = next++) {
      outcomes[worker] = work(worker, index);
      if (!outcomes[worker]) next = count;
      ++done;
      if (worker == 0 && options.progress) options.progress({step, done, count});
    }
  };
  {
    std::vector<std::jthread> threads;
    for (std::size_t worker = 1; worker < workers; ++worker) threads.emplace_back(run, worker);
    run(0);
  }
  if (options.progress) options.progress({step, done, count});
  for (auto& outcome : outcomes)
    if (!outcome) return std::move(outcome);
  return {};
}

}  // namespace selvedge::infer
