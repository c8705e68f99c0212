// How well the detectors find anomalies that were put into real series, beside a plain z-score, and what a
// reading costs. Recall: of the events, how many were found. Precision: of the alarms, how many were at an
// event; the series have anomalies of their own, which count as wrong.
//
//   anomaly_bench [CSV]    one line for each series and kind of anomaly; CSV: separated by commas

#include <ctime>
#include <cstdio>
#include <string_view>

#include "engine/anomaly/labelled.h"

namespace {

using namespace selvedge::engine;
namespace model = selvedge::model;

double cpu_ns() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) * 1e9 + static_cast<double>(t.tv_nsec);
}

AnomalyRule rule_of(DetectorKind kind, double threshold) {
  AnomalyRule rule;
  rule.detector = kind;
  rule.threshold = threshold;
  return rule;
}

void cost(const char* name, AnomalyRule rule) {
  rule.filter = "#";
  const Labelled series = daily_series(300, 1, 9);
  const model::SeriesDef def{model::SeriesId{1}, model::Kind::float64, "s", ""};
  double best = 1e18;
  std::size_t bytes = 0;
  for (int round = 0; round < 5; ++round) {
    AnomalyWatch watch;
    watch.set_rules(AnomalyRules::create({rule}).value(), [&](model::SeriesId) { return &def; });
    const double begin = cpu_ns();
    for (std::size_t i = 0; i < series.values.size(); ++i) {
      watch.take(def, {series.times[i]}, model::ValueView::of(series.values[i]), {series.times[i]});
      watch.pending().clear();
    }
    best = std::min(best, (cpu_ns() - begin) / static_cast<double>(series.values.size()));
    bytes = watch.stats().bytes;
  }
  std::printf("%-9s %6.0f ns a reading, %5zu bytes a series\n", name, best, bytes);
}

}  // namespace

int main(int argc, char** argv) {
  const bool csv = argc > 1 && std::string_view(argv[1]) == "CSV";
  const std::pair<const char*, std::size_t> files[] = {
      {"nab_ambient_temperature.csv", 1}, {"nab_machine_temperature.csv", 1}, {"nab_cpu_utilization.csv", 1},
      {"noaa_seattle_temps.csv", 1},      {"uci_tetouan.csv", 4},             {"uci_occupancy.csv", 1}};
  std::vector<Labelled> all = {level_series(20'000, 4), daily_series(200, 1, 5)};
  for (const auto& [file, column] : files) {
    Labelled series = read_series(file, column, 20'000);
    if (series.values.empty()) std::printf("%s is not there: skipped\n", file);
    else all.push_back(std::move(series));
  }
  const std::tuple<const char*, Injected, double> kinds[] = {
      {"spikes", Injected::spikes, 3}, {"dips", Injected::dips, 2}, {"drifts", Injected::drifts, 3}};
  std::printf(csv ? "series,anomaly,detector,precision,recall,f1\n"
                  : "%-28s %-7s | %-18s| %-18s| %-18s| %-18s\n%-28s %-7s | P    R    F1\n",
              "series", "anomaly", "z-score 64, 4", "robust 64, 5", "ewma 64, 4", "seasonal, found, 5", "", "");
  double sums[3][4] = {};              // of F1, by anomaly and detector
  for (const Labelled& series : all)
    for (const auto& [name, what, size] : kinds) {
      const Labelled with = inject(series, what, 250, size, 11);
      const Quality found[] = {judge_plain(with, 64, 4), judge(with, rule_of(DetectorKind::robust, 5)),
                               judge(with, rule_of(DetectorKind::ewma, 4)),
                               judge(with, rule_of(DetectorKind::seasonal, 5))};
      const char* const names[] = {"z-score", "robust", "ewma", "seasonal"};
      if (!csv) std::printf("%-28s %-7s ", series.name.c_str(), name);
      for (std::size_t i = 0; i < 4; ++i) {
        if (csv)
          std::printf("%s,%s,%s,%.3f,%.3f,%.3f\n", series.name.c_str(), name, names[i], found[i].precision(),
                      found[i].recall(), found[i].f1());
        else std::printf("| %.2f %.2f %.2f    ", found[i].precision(), found[i].recall(), found[i].f1());
        sums[static_cast<std::size_t>(what)][i] += found[i].f1() / static_cast<double>(all.size());
      }
      if (!csv) std::printf("\n");
    }
  if (csv) return 0;
  for (const auto& [name, what, size] : kinds) {
    std::printf("%-28s %-7s ", "mean F1", name);
    for (const double sum : sums[static_cast<std::size_t>(what)]) std::printf("| %14.2f    ", sum);
    std::printf("\n");
  }
  cost("robust", rule_of(DetectorKind::robust, 5));
  cost("ewma", rule_of(DetectorKind::ewma, 5));
  cost("seasonal", rule_of(DetectorKind::seasonal, 5));
}
