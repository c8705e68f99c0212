#include "engine/quantise/statistics.h"

#include <algorithm>
#include <cmath>

namespace selvedge::engine::quantise {
namespace {

// Sums in eight lanes, so that the compiler may do them side by side.
void add_line(std::span<const float> line, Channel& channel) {
  constexpr std::size_t lanes = 8;
  float sums[lanes] = {}, squares[lanes] = {}, low[lanes], high[lanes];
  std::fill_n(low, lanes, channel.least);
  std::fill_n(high, lanes, channel.greatest);
  std::size_t i = 0;
  for (; i + lanes <= line.size(); i += lanes)
    for (std::size_t l = 0; l < lanes; ++l) {
      const float value = line[i + l];
      sums[l] += value;
      squares[l] += value * value;
      low[l] = value < low[l] ? value : low[l];
      high[l] = value > high[l] ? value : high[l];
    }
  for (; i < line.size(); ++i) {
    sums[0] += line[i];
    squares[0] += line[i] * line[i];
    low[0] = std::min(low[0], line[i]);
    high[0] = std::max(high[0], line[i]);
  }
  for (std::size_t l = 0; l < lanes; ++l) {
    channel.sum += sums[l];
    channel.squares += squares[l];
    channel.least = std::min(channel.least, low[l]);
    channel.greatest = std::max(channel.greatest, high[l]);
  }
}

}  // namespace

bool Statistics::see(std::span<const float> values, std::span<const std::int64_t> shape, int axis) {
  if (values.empty()) return true;
  const std::size_t at = axis < 0 || std::size_t(axis) >= shape.size() ? shape.size() - 1 : std::size_t(axis);
  std::size_t channels = shape.empty() ? 1 : std::size_t(shape[at]), inner = 1;
  for (std::size_t i = at + 1; i < shape.size(); ++i) inner *= std::size_t(shape[i]);
  if (channels == 0 || channels > most_channels || values.size() % (channels * inner) != 0) channels = 1, inner = values.size();
  if (seen_ != 0 && channels != channels_.size()) mixed_ = true;
  if (mixed_) channels = 1, inner = values.size(), channels_.clear();

  std::vector<Channel> now(channels);
  for (std::size_t start = 0, c = 0; start < values.size(); start += inner, c = c + 1 == channels ? 0 : c + 1)
    add_line(values.subspan(start, inner), now[c]);
  double total = 0;
  for (const Channel& channel : now) {
    least_ = std::min(least_, channel.least);
    greatest_ = std::max(greatest_, channel.greatest);
    total += channel.squares;
  }
  if (!std::isfinite(total)) return false;
  seen_ += values.size() / channels;
  if (mixed_) return true;
  if (channels_.empty()) channels_ = std::move(now);
  else
    for (std::size_t c = 0; c < channels; ++c) {
      channels_[c].sum += now[c].sum;
      channels_[c].squares += now[c].squares;
      channels_[c].least = std::min(channels_[c].least, now[c].least);
      channels_[c].greatest = std::max(channels_[c].greatest, now[c].greatest);
    }
  return true;
}

void Statistics::count(std::span<const float> values) {
  histogram_.resize(bins);
  const float width = greatest_ - least_;
  const float factor = width > 0 ? static_cast<float>(bins) / width : 0;
  // 32-bit counters in four copies: neighbours often fall into one bin, and would wait for each other.
  std::vector<std::uint32_t> counts(bins * 4);
  for (std::size_t start = 0; start < values.size(); start += std::size_t{1} << 30) {
    const auto part = values.subspan(start, std::min(values.size() - start, std::size_t{1} << 30));
    for (std::size_t i = 0; i < part.size(); ++i) {
      const float place = (part[i] - least_) * factor;
      const auto bin = std::min(static_cast<std::size_t>(place > 0 ? place : 0), bins - 1);
      ++counts[bin * 4 + i % 4];
    }
    for (std::size_t bin = 0; bin < bins; ++bin)
      for (std::size_t copy = 0; copy < 4; ++copy) histogram_[bin] += std::exchange(counts[bin * 4 + copy], 0);
  }
}

void Statistics::merge_seen(const Statistics& other) {
  if (other.empty()) return;
  if (!empty() && (other.mixed_ || other.channels_.size() != channels_.size())) mixed_ = true;
  if (empty()) mixed_ = other.mixed_;
  least_ = std::min(least_, other.least_);
  greatest_ = std::max(greatest_, other.greatest_);
  if (mixed_) channels_.clear();
  else if (empty()) channels_ = other.channels_;
  else
    for (std::size_t c = 0; c < channels_.size(); ++c) {
      channels_[c].sum += other.channels_[c].sum;
      channels_[c].squares += other.channels_[c].squares;
      channels_[c].least = std::min(channels_[c].least, other.channels_[c].least);
      channels_[c].greatest = std::max(channels_[c].greatest, other.channels_[c].greatest);
    }
  seen_ += other.seen_;
}

void Statistics::merge_counted(const Statistics& other) {
  if (other.histogram_.empty()) return;
  histogram_.resize(bins);
  for (std::size_t bin = 0; bin < bins; ++bin) histogram_[bin] += other.histogram_[bin];
}

double Statistics::mean(std::size_t channel) const {
  return channel < channels_.size() ? channels_[channel].sum / double(seen_) : 0;
}

double Statistics::mean_square(std::size_t channel) const {
  return channel < channels_.size() ? channels_[channel].squares / double(seen_) : 0;
}

float Statistics::middle(std::size_t bin) const {
  return least_ + (greatest_ - least_) * (static_cast<float>(bin) + 0.5F) / static_cast<float>(bins);
}

}  // namespace selvedge::engine::quantise
