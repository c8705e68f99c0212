#include "codec/numbers/tap_fit.h"

#include <cmath>
#include <vector>

#include "codec/numbers/processor.h"

namespace selvedge::codec {
namespace {

// Normal equations of a weighted fit, solved by Cholesky's method. False if they are as good as singular.
struct Fit {
  std::array<Row, most_unknowns> products;
  Row target;
  Row solution;

  bool solve(unsigned n) {
    for (unsigned i = 0; i < n; ++i) products[i][i] += 1e-9 * products[i][i] + 1e-9;
    for (unsigned i = 0; i < n; ++i) {
      for (unsigned j = 0; j <= i; ++j) {
        double s = products[i][j];
        for (unsigned k = 0; k < j; ++k) s -= products[i][k] * products[j][k];
        if (i != j) {
          products[i][j] = s / products[j][j];
        } else if (s > 0) {
          products[i][i] = std::sqrt(s);
        } else {
          return false;
        }
      }
    }
    solution = target;
    for (unsigned i = 0; i < n; ++i) {
      for (unsigned k = 0; k < i; ++k) solution[i] -= products[i][k] * solution[k];
      solution[i] /= products[i][i];
    }
    for (unsigned i = n; i-- > 0;) {
      for (unsigned k = i + 1; k < n; ++k) solution[i] -= products[k][i] * solution[k];
      solution[i] /= products[i][i];
    }
    return true;
  }
};

// The loop that takes the time. Eight sums side by side, because the order of additions is the
// compiler's to keep.
[[gnu::always_inline]] inline double product_of(const double* weights, const double* a, const double* b, std::size_t n) {
  double sums[8] = {};
  std::size_t i = 0;
  for (; i + 8 <= n; i += 8)
    for (std::size_t j = 0; j < 8; ++j) sums[j] += weights[i + j] * a[i + j] * b[i + j];
  for (; i < n; ++i) sums[0] += weights[i] * a[i] * b[i];
  return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}
using Product = double (*)(const double* weights, const double* a, const double* b, std::size_t n);
double product_plain(const double* weights, const double* a, const double* b, std::size_t n) {
  return product_of(weights, a, b, n);
}
#ifdef __x86_64__
[[gnu::target("avx2")]] double product_avx2(const double* weights, const double* a, const double* b, std::size_t n) {
  return product_of(weights, a, b, n);
}
#endif
Product product_function() {
#ifdef __x86_64__
  if (processor() >= Processor::avx2) return product_avx2;
#endif
  return product_plain;
}

double errors_of(const double* y, const Lags& lags, const Row& x, Stretch stretch, double* errors) {
  for (std::size_t i = stretch.from; i < stretch.to; ++i) errors[i] = y[i];
  for (unsigned t = 0; t < lags.size(); ++t) {
    const double tap = x[t];
    const double* back = y - lags.at(t);
    for (std::size_t i = stretch.from; i < stretch.to; ++i) errors[i] -= tap * back[i];
  }
  double sum = 0;
  for (std::size_t i = stretch.from; i < stretch.to; ++i) sum += errors[i] = std::abs(errors[i]);
  return sum;
}

}  // namespace

bool fit_taps(std::span<const double> y, const Lags& lags, const Sample& sample, Row& taps) {
  static thread_local std::vector<double> weights, errors;
  weights.assign(y.size(), 1.0);
  errors.resize(y.size());
  static const Product weighted_product = product_function();
  for (const bool last : {false, true}) {
    Fit fit{};
    for (const Stretch& stretch : sample) {
      const double* w = weights.data() + stretch.from;
      const double* at = y.data() + stretch.from;
      const std::size_t n = stretch.to - stretch.from;
      for (unsigned i = 0; i < lags.size(); ++i) {
        fit.target[i] += weighted_product(w, at - lags.at(i), at, n);
        for (unsigned j = 0; j <= i; ++j)
          fit.products[i][j] += weighted_product(w, at - lags.at(i), at - lags.at(j), n);
      }
    }
    if (!fit.solve(lags.size())) return false;
    taps = fit.solution;
    if (last) break;
    double sum = 0;
    std::size_t n = 0;
    for (const Stretch& stretch : sample) {
      sum += errors_of(y.data(), lags, taps, stretch, errors.data());
      n += stretch.to - stretch.from;
    }
    const double floor = 0.3 * sum / static_cast<double>(n) + 0.3;
    for (const Stretch& stretch : sample)
      for (std::size_t i = stretch.from; i < stretch.to; ++i) weights[i] = 1 / (errors[i] + floor);
  }
  return true;
}

}  // namespace selvedge::codec
