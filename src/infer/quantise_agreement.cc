#include "infer/quantise_agreement.h"

#include <algorithm>
#include <cmath>

#include "engine/vision/match.h"

namespace selvedge::infer {
namespace {

std::vector<Detection> at_least(const std::vector<Detection>& all, float score) {
  std::vector<Detection> some;
  std::ranges::copy_if(all, std::back_inserter(some), [&](const Detection& one) { return one.score >= score; });
  return some;
}

MatchedAt& add(MatchedAt& sum, const std::vector<Detection>& reference, const std::vector<Detection>& other) {
  const auto strong = at_least(reference, sum.threshold);
  sum.reference += strong.size();
  sum.matched += engine::match(strong, at_least(other, sum.threshold - MatchedAt::slack)).matched.size();
  sum.extra += engine::match(at_least(other, sum.threshold), at_least(reference, sum.threshold - MatchedAt::slack)).missing.size();
  return sum;
}

float median(std::vector<float>& values) {
  if (values.empty()) return 0;
  std::ranges::sort(values);
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

template <typename T>
double value_at(const Tensor& tensor, std::size_t index) {
  T value;
  std::copy_n(tensor.data.data() + index * sizeof(T), sizeof(T), reinterpret_cast<std::uint8_t*>(&value));
  return double(value);
}

using ValueAt = double (*)(const Tensor&, std::size_t);

ValueAt reader_of(ElementType type) {
  switch (type) {
    case ElementType::float32: return value_at<float>;
    case ElementType::float64: return value_at<double>;
    case ElementType::uint8: return value_at<std::uint8_t>;
    case ElementType::int8: return value_at<std::int8_t>;
    case ElementType::int32: return value_at<std::int32_t>;
    case ElementType::int64: return value_at<std::int64_t>;
    default: return nullptr;
  }
}

}  // namespace

void AgreementCounter::add(const Said& reference, const Said& other, std::span<const ValueInfo> outputs) {
  ++made_.samples;
  add_outputs(reference, other, outputs);
  if (made_.task == Task::detection) add_detections(reference.answer.detections, other.answer.detections);
  if (made_.task == Task::classification) add_ranked(reference.answer.ranked, other.answer.ranked);
  if (made_.task == Task::segmentation && reference.answer.mask && other.answer.mask)
    add_mask(*reference.answer.mask, *other.answer.mask);
}

void AgreementCounter::add_detections(const std::vector<Detection>& reference, const std::vector<Detection>& other) {
  infer::add(made_.strong, reference, other);
  infer::add(made_.weak, reference, other);
  // What each detection weighs is its score; a missing or extra one costs it whole.
  const engine::Matching all = engine::match(reference, other);
  for (const engine::Match& one : all.matched) {
    const Detection& was = reference[one.reference];
    distance_ += double(was.score) * (1 - double(one.overlap)) + double(std::abs(one.score_difference));
    weight_ += double(was.score);
  }
  for (const std::size_t at : all.missing) {
    // Just above the least score looked at, it may be there and just below.
    distance_ += double(reference[at].score - least_score) * 2;
    weight_ += double(reference[at].score);
  }
  for (const std::size_t at : all.extra) distance_ += double(other[at].score - least_score) * 2;

  const auto strong = at_least(reference, made_.strong.threshold);
  const auto matching = engine::match(strong, at_least(other, made_.strong.threshold - MatchedAt::slack));
  for (const engine::Match& one : matching.matched) {
    overlaps_.push_back(one.overlap);
    differences_.push_back(std::abs(one.score_difference));
    count_class(strong[one.reference].name, true);
  }
  for (const std::size_t at : matching.missing) count_class(strong[at].name, false);
}

void AgreementCounter::add_ranked(const std::vector<Ranked>& reference, const std::vector<Ranked>& other) {
  if (reference.empty()) return;
  const Ranked& best = reference.front();
  const bool same = !other.empty() && other.front().label == best.label;
  if (same) ++first_;
  count_class(best.name, same);
  const auto found = std::ranges::find(other, best.label, &Ranked::label);
  const float difference = found == other.end() ? best.score : std::abs(found->score - best.score);
  differences_.push_back(difference);
  distance_ += double(difference) + (same ? 0 : double(best.score) / 10);
  weight_ += 1;
}

void AgreementCounter::add_mask(const Mask& reference, const Mask& other) {
  if (reference.labels.empty() || reference.labels.size() != other.labels.size()) return;
  std::size_t same = 0;
  for (std::size_t i = 0; i < reference.labels.size(); ++i) same += reference.labels[i] == other.labels[i] ? 1 : 0;
  same_fields_ += same;
  fields_ += reference.labels.size();
  distance_ += 1 - double(same) / double(reference.labels.size());
  weight_ += 1;
}

void AgreementCounter::add_outputs(const Said& reference, const Said& other, std::span<const ValueInfo> outputs) {
  const std::size_t count = std::min({reference.outputs.size(), other.outputs.size(), outputs.size()});
  made_.outputs.resize(std::max(made_.outputs.size(), count));
  elements_.resize(made_.outputs.size());
  for (std::size_t i = 0; i < count; ++i) {
    const Tensor &was = reference.outputs[i], &is = other.outputs[i];
    OutputDifference& sum = made_.outputs[i];
    sum.name = outputs[i].name;
    const ValueAt read = reader_of(was.type);
    if (read == nullptr || was.type != is.type || was.shape != is.shape) continue;
    const std::size_t elements = was.data.size() / codec::onnx::bytes_of(was.type);
    for (std::size_t at = 0; at < elements; ++at) {
      const double number = read(was, at), difference = std::abs(number - read(is, at));
      sum.mean += difference;
      sum.magnitude += std::abs(number);
      // A number that is none is as far as can be.
      sum.greatest = std::isnan(difference) ? HUGE_VAL : std::max(sum.greatest, difference);
    }
    elements_[i] += elements;
  }
}

void AgreementCounter::count_class(const std::string& label, bool matched) {
  auto found = std::ranges::find(made_.classes, label, &ClassAgreement::label);
  if (found == made_.classes.end()) found = made_.classes.insert(found, {label, 0, 0});
  ++found->reference;
  if (matched) ++found->matched;
}

Agreement AgreementCounter::result() {
  for (std::size_t i = 0; i < made_.outputs.size(); ++i) {
    if (elements_[i] == 0) continue;
    made_.outputs[i].mean /= double(elements_[i]);
    made_.outputs[i].magnitude /= double(elements_[i]);
  }
  made_.overlap = {median(overlaps_), overlaps_.empty() ? 0 : overlaps_.front()};
  made_.score_difference = {median(differences_), differences_.empty() ? 0 : differences_.back()};
  made_.same_first = made_.samples == 0 ? 0 : static_cast<float>(first_) / static_cast<float>(made_.samples);
  made_.same_fields = fields_ == 0 ? 0 : static_cast<float>(same_fields_) / static_cast<float>(fields_);
  std::ranges::stable_sort(made_.classes, std::greater{}, &ClassAgreement::reference);
  // Where answers show nothing, what the numbers differ by has to do.
  double share = 0;
  for (const OutputDifference& output : made_.outputs) share += output.share() / double(made_.outputs.size());
  made_.distance = static_cast<float>(weight_ > 0 ? distance_ / weight_ : share);
  return std::move(made_);
}

}  // namespace selvedge::infer
