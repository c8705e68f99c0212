// Statistics: what was seen of an activation over the calibration data: its range, the mean and mean
// square of each channel, and a histogram.
//
// Two passes over the data: see() all of it, then count() all of it again, when the range for the
// histogram is known. Several threads each have their own and are merged. Memory is bounded: some
// numbers a channel and 2048 counters a value. One thread at a time.

#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "base/result.h"
#include "codec/onnx/graph.h"

namespace selvedge::engine::quantise {

struct Channel {
  double sum = 0, squares = 0;
  float least = std::numeric_limits<float>::infinity(), greatest = -std::numeric_limits<float>::infinity();
};

class Statistics {
 public:
  static constexpr std::size_t bins = 2048;
  static constexpr std::size_t most_channels = 1 << 16;

  // Channels lie along `axis` (-1: the last). False when there is a number that is not finite.
  bool see(std::span<const float> values, std::span<const std::int64_t> shape, int axis);
  void count(std::span<const float> values);
  // `other` saw other data of the same value.
  void merge_seen(const Statistics& other);
  void merge_counted(const Statistics& other);

  bool empty() const { return seen_ == 0; }
  float least() const { return least_; }
  float greatest() const { return greatest_; }
  // Empty when the value had different numbers of channels.
  std::span<const Channel> channels() const { return channels_; }
  double mean(std::size_t channel) const;
  double mean_square(std::size_t channel) const;
  std::span<const std::uint64_t> histogram() const { return histogram_; }
  float middle(std::size_t bin) const;             // of what the bin counts

 private:
  std::uint64_t seen_ = 0;
  float least_ = std::numeric_limits<float>::infinity(), greatest_ = -std::numeric_limits<float>::infinity();
  bool mixed_ = false;                             // numbers of channels differed
  std::vector<Channel> channels_;
  std::vector<std::uint64_t> histogram_;
};

}  // namespace selvedge::engine::quantise
