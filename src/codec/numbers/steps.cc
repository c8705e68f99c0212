// A converter with a step of 6.07595 gives gaps of 6.07595, 12.15190, 18.22785, ... each off by the
// rounding of both ends. Gaps of about the same size are averaged; the common divisor of the
// averages is a first step; pairs that lie further and further apart then tell it more and more
// exactly, as their distance is so many steps, and the rounding is the same. Numbers that do not lie
// on the lattice take no part, and may be many.

#include "codec/numbers/steps.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace selvedge::codec {

namespace {

struct Cluster {
  double mean = 0, count = 0;
};

void cluster_gaps(std::span<const double> ascending, double blur, std::vector<double>& gaps, std::vector<Cluster>& clusters) {
  gaps.clear();
  for (std::size_t i = 1; i < ascending.size(); ++i) gaps.push_back(ascending[i] - ascending[i - 1]);
  std::sort(gaps.begin(), gaps.end());
  clusters.clear();
  for (std::size_t i = 0; i < gaps.size();) {
    const double start = gaps[i];
    Cluster cluster;
    double sum = 0;
    for (; i < gaps.size() && gaps[i] <= start + 2.1 * blur; ++i) sum += gaps[i], ++cluster.count;
    cluster.mean = sum / cluster.count;
    clusters.push_back(cluster);
  }
}

// The common divisor of two lengths that are known within `blur`.
double common_divisor(double a, double b, double blur) {
  for (int i = 0; i < 16; ++i) {
    const double rest = std::abs(b - std::round(b / a) * a);
    if (rest <= blur * (1 + std::round(b / a) * 0.2)) return a;
    b = a;
    a = rest;
  }
  return 0;
}

double first_step(std::span<const Cluster> clusters, std::size_t from, double blur) {
  double step = clusters[from].mean;
  std::size_t joined = 0;
  for (std::size_t i = from + 1; i < clusters.size() && joined < 4 && step > 0; ++i) {
    if (clusters[i].count * 8 < clusters[from].count) continue;  // a stray's
    step = common_divisor(step, clusters[i].mean, 2.2 * blur);
    ++joined;
  }
  return step;
}

Step refine(std::span<const double> x, double step, double blur, std::vector<double>& rests) {
  Step found{0, step, 2 * blur, 0};
  const double floor_error = 4e-16 * std::abs(x.back());
  for (std::size_t apart = 1; apart < x.size(); apart *= 2) {
    double products = 0, squares = 0, used = 0;
    for (std::size_t i = 0; i + apart < x.size(); ++i) {
      const double distance = x[i + apart] - x[i];
      const double steps = std::round(distance / found.step);
      if (steps == 0 || steps * found.error > 0.3 * found.step) continue;
      if (std::abs(distance - steps * found.step) > 2.1 * blur + steps * found.error) continue;
      products += distance * steps;
      squares += steps * steps;
      ++used;
    }
    if (used < 3) continue;
    found.step = products / squares;
    found.error = std::min(found.error, 3 * (blur + floor_error) / std::sqrt(squares));
  }
  const double middle = x[x.size() / 2];
  rests.clear();
  for (const double number : x) {
    const double steps = std::round((number - middle) / found.step);
    rests.push_back(number - middle - steps * found.step);
  }
  // Rests near the edge of a step belong together around the most frequent one.
  std::vector<double>& sorted = rests;
  std::sort(sorted.begin(), sorted.end());
  std::size_t best = 0, best_from = 0, best_to = 0;
  for (std::size_t from = 0, to = 0; from < sorted.size(); ++from) {
    while (to < sorted.size() && sorted[to] <= sorted[from] + 2.05 * blur + floor_error) ++to;
    if (to - from > best) best = to - from, best_from = from, best_to = to - 1;
  }
  found.origin = middle + (sorted[best_from] + sorted[best_to]) / 2;
  found.inliers = static_cast<double>(best) / static_cast<double>(sorted.size());
  return found;
}

}  // namespace

Step find_step(std::span<const double> ascending, double blur) {
  static thread_local std::vector<double> gaps, rests;
  static thread_local std::vector<Cluster> clusters;
  if (ascending.size() < 8) return {};
  cluster_gaps(ascending, blur, gaps, clusters);
  Step best;
  double best_score = 0;
  double before = -1;
  // Strays make the smallest gaps, so a step is also looked for above them.
  for (const double share : {0.0, 0.04, 0.15, 0.3}) {
    std::size_t from = 0;
    double passed = 0;
    while (from + 1 < clusters.size() && passed + clusters[from].count <= share * static_cast<double>(gaps.size()))
      passed += clusters[from++].count;
    const double step = first_step(clusters, from, blur);
    if (step <= 4 * blur || std::abs(step - before) < 0.01 * step) continue;
    before = step;
    const Step found = refine(ascending, step, blur, rests);
    const double chance = std::min(1.0, 2.1 * blur / found.step);
    // A number that is not on the lattice costs about as much as a value.
    const double score = std::log2(found.step / (2 * blur)) - 25 * (1 - found.inliers);
    if (found.inliers > std::max(0.6, 0.5 + chance) && score > best_score) best = found, best_score = score;
  }
  return best;
}

}  // namespace selvedge::codec
