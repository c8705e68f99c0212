// How well tasks are placed: the default rule beside the article's, random of both kinds, and others' rules.
//
//   placement_quality [--data DIR] [--seeds N] [--match TEXT] [--rule TEXT] [--quick] [--json]
//
// DIR has openb/, vbp/ and eua/; what is not there is left out, and said. Numbers are means over seeds 1..N.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "placement/admit.h"
#include "placement/eua.h"
#include "placement/mixes.h"
#include "placement/openb.h"
#include "placement/planted.h"
#include "placement/report.h"

namespace {

using namespace selvedge::bench;

struct Options {
  std::string data = "../shared/data/scheduling";
  std::string match;
  std::uint64_t seeds = 20;
  bool quick = false;
  bool json = false;
};

template <typename Run>
double mean(std::uint64_t seeds, Run run) {
  double sum = 0;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) sum += run(seed);
  return sum / static_cast<double>(seeds);
}

std::string seeds_of(std::uint64_t seeds) { return "Mean of " + std::to_string(seeds) + " seeds."; }

std::vector<std::string> names(const std::vector<Mix>& all) {
  std::vector<std::string> result;
  for (const Mix& mix : all) result.push_back(mix.name);
  return result;
}

std::vector<std::pair<std::string, Together>> ways_together() {
  return {{"ours, batches of 16", {16, 0}}, {"ours, batches of 16, moves", {16, 0.05}}, {"ours, whole list, moves", {4096, 0.05}}};
}

Table lists(const Options& options, const std::vector<Mix>& all, double load) {
  char percent[8];
  std::snprintf(percent, sizeof percent, "%.0f", load * 100);
  Table table{"list_" + std::string(percent), "List of " + std::string(percent) + " % of capacity: share of the bound placed, %",
              {"Ten nodes; tasks until the sum of either resource reaches the load; bound: linear program, tasks may be split.",
               "Batches: so many tasks, in the order of the list, are there together and placed the largest first; moves: of up to 5 %",
               "of the list's tasks, where a task was refused. Learning starts with nothing known of the mix. " + seeds_of(options.seeds * 5)},
              names(all), {}, 1};
  Row bounds{"bound, mean use %", {}};
  std::vector<std::vector<std::vector<selvedge::engine::Ask>>> tasks(all.size());
  std::vector<std::vector<double>> most(all.size());
  for (std::size_t m = 0; m < all.size(); ++m) {
    for (std::uint64_t seed = 1; seed <= options.seeds * 5; ++seed) {
      tasks[m].push_back(list_of(all[m], load, seed));
      most[m].push_back(bound(all[m], tasks[m].back()));
    }
    bounds.values.push_back(100 * mean(options.seeds * 5, [&](std::uint64_t seed) { return most[m][seed - 1]; }));
  }
  table.rows.push_back(bounds);
  for (const Contender& contender : contenders()) {
    Row row{contender.name, {}};
    for (std::size_t m = 0; m < all.size(); ++m) {
      row.values.push_back(100 * mean(options.seeds * 5, [&](std::uint64_t seed) {
        return place_list(all[m], tasks[m][seed - 1], contender, seed) / most[m][seed - 1];
      }));
    }
    table.rows.push_back(row);
  }
  for (const auto& [name, together] : ways_together()) {
    Row row{name, {}};
    for (std::size_t m = 0; m < all.size(); ++m) {
      row.values.push_back(100 * mean(options.seeds * 5, [&, &how = together](std::uint64_t seed) {
        return place_list(all[m], tasks[m][seed - 1], how) / most[m][seed - 1];
      }));
    }
    table.rows.push_back(row);
  }
  return table;
}

Table admit(const Options& options) {
  Table table{"admit", "Small lists solved by an integer program: share of the best known that is placed, %",
              {"Ten nodes, 20..59 tasks that add up to what the nodes have; three lists of each mix, each in " + std::to_string(options.seeds * 5) +
                   " orders.",
               "The best known is CBC's after 30 s, within 0..5.5 % of its bound. Batches and moves as in the lists above."},
              {"uniform", "bimodal", "half-plus", "edge-hetero"}, {}, 1};
  std::vector<std::vector<Admit>> instances;
  for (const std::string& mix : table.columns) {
    auto& all = instances.emplace_back();
    for (int number = 0; number < 3; ++number) all.push_back(read_admit(options.data, mix, number));
    if (std::any_of(all.begin(), all.end(), [](const Admit& one) { return one.tasks.empty(); })) return table;
  }
  const auto add = [&](const std::string& name, const auto& how) {
    Row row{name, {}};
    for (const auto& all : instances) {
      double sum = 0;
      for (const Admit& one : all) sum += mean(options.seeds * 5, [&](std::uint64_t seed) { return run_admit(one, how, seed); });
      row.values.push_back(100 * sum / static_cast<double>(all.size()));
    }
    table.rows.push_back(row);
  };
  for (const Contender& contender : contenders()) add(contender.name, contender);
  for (const auto& [name, together] : ways_together()) add(name, together);
  return table;
}

std::vector<Table> loss(const Options& options, const std::vector<Mix>& all) {
  const double span = options.quick ? 5 : 20;
  Table use{"loss", "Loss system at 120 %: mean use, %",
            {"Ten nodes; Poisson arrivals, exponential lives; what does not fit is gone. Mean over time of the mean of cpu and memory.",
             seeds_of(options.seeds) + " Measured over " + std::to_string(static_cast<int>(span)) + " lives after 5."},
            names(all), {}, 1};
  Table against{"loss_gain", "The same: gain in use over one-try random and over random that fits, %",
                {"A gain over one-try random alone proves nothing. Medians over the mixes last."},
                {}, {}, 1};
  Table taken{"loss_accepted", "The same: share of the smaller and of the larger half of the tasks accepted, %",
              {"A loss system rewards refusing large tasks. No rule here refuses a task that fits somewhere."}, {}, {}, 1};
  for (const Mix& mix : all) taken.columns.insert(taken.columns.end(), {mix.name.substr(0, 6) + " s", mix.name.substr(0, 6) + " l"});
  std::vector<double> one_try, random_fit;
  for (const Contender& contender : contenders()) {
    Row row{contender.name, {}}, sizes{contender.name, {}};
    for (const Mix& mix : all) {
      double small = 0, large = 0;
      row.values.push_back(100 * mean(options.seeds, [&](std::uint64_t seed) {
        const LossResult result = run_loss(mix, 1.2, span, contender, seed);
        small += result.accepted_small / static_cast<double>(options.seeds);
        large += result.accepted_large / static_cast<double>(options.seeds);
        return result.use;
      }));
      sizes.values.insert(sizes.values.end(), {100 * small, 100 * large});
    }
    if (contender.name == "one-try random") one_try = row.values;
    if (contender.name == "random that fits") random_fit = row.values;
    use.rows.push_back(row);
    taken.rows.push_back(sizes);
  }
  against.columns = names(all);
  against.columns.push_back("median");
  for (const auto& [what, base] : {std::pair{" / one try", one_try}, {" / random fit", random_fit}}) {
    for (const Row& row : use.rows) {
      Row gain{row.name + what, {}};
      for (std::size_t m = 0; m < all.size(); ++m) gain.values.push_back(100 * (row.values[m] / base[m] - 1));
      gain.values.push_back(median(gain.values));
      against.rows.push_back(gain);
    }
  }
  return {use, against, taken};
}

Table planted(const Options& options) {
  Table table{"planted", "Planted packings on 100 nodes, optimum 100 %: share placed, %",
              {"Two instances of each kind, tasks in random order; batch: of 256, largest first; moves: up to 5 % of the tasks after.",
               "2-4, 4-10, 10-30 tasks a node; hetero: 3-8 on four sizes of node. Mean of " + std::to_string(options.seeds) + " seeds for each instance."},
              {}, {}, 1};
  const std::vector<std::string> kinds = {"coarse", "mid", "fine", "hetero"};
  const std::vector<std::pair<std::string, Coming>> ways = {{"", Coming::one_by_one}, {" batch", Coming::batches}, {" moves", Coming::with_moves}};
  std::vector<std::vector<Planted>> instances;
  for (const std::string& kind : kinds) {
    instances.push_back({read_planted(options.data, kind, 100, 0), read_planted(options.data, kind, 100, 1)});
    if (instances.back()[0].tasks.empty() || instances.back()[1].tasks.empty()) return table;
  }
  for (const auto& [suffix, way] : ways) {
    for (const std::string& kind : kinds) table.columns.push_back(kind + suffix);
  }
  for (const Contender& contender : contenders()) {
    Row row{contender.name, {}};
    for (const auto& [suffix, way] : ways) {
      for (const std::vector<Planted>& pair : instances) {
        row.values.push_back(50 * mean(options.seeds, [&, way = way](std::uint64_t seed) {
          return run_planted(pair[0], way, contender, seed) + run_planted(pair[1], way, contender, seed);
        }));
      }
    }
    table.rows.push_back(row);
  }
  return table;
}

Table probe(const Options& options) {
  Table table{"probe", "Half-node probe: tasks of half a node placed after small ones, of those that fit pooled space, %",
              {"100 nodes of 16 cores 64 GiB; small tasks of .5..2 cores 2..8 GiB up to the fill of the scarcer resource.",
               "The rule has seen no large task before. " + seeds_of(options.seeds)},
              {"40 %", "60 %", "80 %"}, {}, 1};
  for (const Contender& contender : contenders()) {
    Row row{contender.name, {}};
    for (const double fill : {0.4, 0.6, 0.8}) {
      row.values.push_back(100 * mean(options.seeds, [&](std::uint64_t seed) { return run_probe(fill, contender, seed); }));
    }
    table.rows.push_back(row);
  }
  return table;
}

Table steady(const Options& options) {
  const std::size_t steps = options.quick ? 500 : 5000;
  Table table{"steady", "Steady state on 1,000 nodes of four sizes: share of tasks accepted, %",
              {"Nodes and tasks of edge-hetero; filled, then tasks leave and one comes that keeps the fill, " + std::to_string(steps) + " times. One seed."},
              {"70 %", "80 %", "90 %", "95 %", "98 %"}, {}, 2};
  for (const Contender& contender : contenders()) {
    Row row{contender.name, {}};
    for (const double fill : {0.70, 0.80, 0.90, 0.95, 0.98}) row.values.push_back(100 * run_steady(fill, contender, 1, steps));
    table.rows.push_back(row);
  }
  return table;
}

Table openb(const Options& options) {
  const std::uint64_t seeds = options.quick ? 1 : 3;
  const std::vector<std::string> kinds = {"default", "gpushare100", "multigpu50", "cpu250", "gpuspec33"};
  Table table{"openb", "OpenB until 130 % of the GPUs were asked for: GPU share allocated, %",
              {"1,213 nodes, 6,212 GPUs; pods in random order, then drawn again. FGD as published knows the pods beforehand;",
               "here rules learn them as they come. Published means of FGD: 95.39 86.90 97.18 93.41 94.55. " + seeds_of(seeds)},
              kinds, {}, 2};
  const std::vector<Node> nodes = read_nodes(options.data + "/openb/openb_node_list_gpu_node.csv");
  if (nodes.empty()) return table;
  for (const Contender& contender : contenders()) {
    Row row{contender.name, {}};
    for (const std::string& kind : kinds) {
      const auto pods = read_pods(options.data + "/openb/openb_pod_list_" + kind + ".csv");
      row.values.push_back(pods.empty() ? 0 : mean(seeds, [&](std::uint64_t seed) { return run_openb(nodes, pods, contender, seed); }));
    }
    table.rows.push_back(row);
  }
  return table;
}

Table eua(const Options& options) {
  const std::uint64_t draws = options.quick ? 1 : 10;
  Table table{"eua", "EUA Melbourne: users served of the bound, distance, service of the largest requests by that of all",
              {"62 of 125 sites with 20..50 of each of three resources, 256..816 users asking (1,2,1), (2,3,3) or (5,7,6).",
               "Radius 450..750 m; bound: linear program, users may be split. " + seeds_of(draws)},
              {"served %", "metres", "large %"}, {}, 1};
  const Eua data = read_eua(options.data);
  if (!data.there()) return table;
  const auto add = [&](const std::string& name, Way way, const Contender& contender) {
    Row row{name, {0, 0, 0}};
    for (std::uint64_t seed = 1; seed <= draws; ++seed) {
      const EuaResult result = run_eua(data, way, contender, seed);
      row.values[0] += 100 * result.served / static_cast<double>(draws);
      row.values[1] += result.metres / static_cast<double>(draws);
      row.values[2] += 100 * result.large / static_cast<double>(draws);
    }
    table.rows.push_back(row);
  };
  for (const Contender& contender : contenders()) add(contender.name, Way::by_rule, contender);
  add("nearest", Way::nearest, contenders().back());
  add("batch, small first", Way::small_first, contenders().back());
  add("batch, by price", Way::by_price, contenders().back());
  return table;
}

int usage() {
  std::fprintf(stderr, "usage: placement_quality [--data DIR] [--seeds N] [--match TEXT] [--rule TEXT] [--quick] [--json]\n");
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const bool more = i + 1 < argc;
    if (word == "--data" && more) options.data = argv[++i];
    else if (word == "--match" && more) options.match = argv[++i];
    else if (word == "--rule" && more) choose_contenders(argv[++i]);
    else if (word == "--seeds" && more) options.seeds = std::strtoull(argv[++i], nullptr, 10);
    else if (word == "--quick") options.quick = true;
    else if (word == "--json") options.json = true;
    else return usage();
  }
  if (options.seeds == 0) return usage();
  if (options.quick) options.seeds = 1;
  const std::vector<Mix> all = mixes(options.data);
  std::vector<Table> tables;
  const auto wanted = [&](const char* name) { return options.match.empty() || std::strstr(name, options.match.c_str()) != nullptr; };
  const auto add = [&](const Table& table) {
    if (table.rows.empty()) {
      std::fprintf(stderr, "%s: left out, its data is not in %s\n", table.name.c_str(), options.data.c_str());
      return;
    }
    tables.push_back(table);
    if (options.json) return;
    print(table);
    std::fflush(stdout);
  };
  if (!options.json) {
    for (const Mix& mix : all) std::printf("  %-14s %s\n", mix.name.c_str(), mix.words.c_str());
    std::printf("\n");
  }
  if (wanted("list")) {
    for (const double load : {0.7, 0.9, 1.2}) add(lists(options, all, load));
  }
  if (wanted("admit")) add(admit(options));
  if (wanted("loss")) {
    for (const Table& table : loss(options, all)) add(table);
  }
  if (wanted("planted")) add(planted(options));
  if (wanted("probe")) add(probe(options));
  if (wanted("steady")) add(steady(options));
  if (wanted("openb")) add(openb(options));
  if (wanted("eua")) add(eua(options));
  if (options.json) std::printf("%s\n", json(tables).c_str());
  return 0;
}
