// `selvedge model quantize`: a package in 8 bits, and whether it still says the same.

#include <filesystem>

#include "base/json.h"
#include "base/text.h"
#include "cli/model_commands.h"
#include "cli/model_file.h"
#include "infer/quantise.h"

namespace selvedge::cli {

using base::Code;
using base::fail;
using base::Result;
namespace quantise = engine::quantise;

namespace {

// One of the words of a flag.
template <typename T>
Result<std::optional<T>> word(const Arguments& arguments, std::string_view flag, std::initializer_list<T> all) {
  if (!arguments.has(flag)) return std::nullopt;
  std::string known;
  for (const T one : all) {
    if (quantise::name_of(one) == arguments.text(flag)) return one;
    known += (known.empty() ? "" : ", ") + std::string(quantise::name_of(one));
  }
  return fail(Code::invalid_input, "--" + std::string(flag) + ": expected one of " + known);
}

Result<void> set_share(const Arguments& arguments, std::string_view flag, float& into) {
  if (!arguments.has(flag)) return {};
  const auto value = base::parse_double(arguments.text(flag));
  if (!value || !(*value >= 0 && *value <= 1)) return fail(Code::invalid_input, "--" + std::string(flag) + ": expected a number from 0 to 1");
  into = static_cast<float>(*value);
  return {};
}

Result<infer::QuantiseOptions> options_of(const Arguments& arguments) {
  using enum quantise::Target;
  using enum quantise::RangeRule;
  infer::QuantiseOptions options;
  if (!arguments.has("calibrate"))
    return fail(Code::invalid_input, "--calibrate: a folder of pictures (or .npy tensors) like those the model will see");
  options.calibrate = arguments.text("calibrate");
  options.judge = arguments.text("judge");
  options.numbers.target = TRY(word(arguments, "target", {x86, x86_old, arm})).value_or(x86);
  options.range = TRY(word(arguments, "range", {extremes, percentile, least_error}));
  if (arguments.has("float-heads")) options.numbers.heads = quantise::Heads::in_float;
  if (arguments.has("per-tensor")) options.numbers.weights = quantise::Weights::per_tensor;
  if (arguments.has("symmetric")) options.numbers.symmetry = quantise::Symmetry::symmetric;
  if (arguments.has("no-bias-correction")) options.numbers.bias_correction = quantise::BiasCorrection::off;
  if (arguments.has("no-prune")) options.prune = false;
  options.numbers.weight_bits = static_cast<int>(TRY(arguments.integer("weight-bits", 8, 4, 8)));
  TRY(set_share(arguments, "weight-noise", options.numbers.weight_noise));
  options.numbers.keep_float = arguments.list("keep-float");
  options.threads = static_cast<int>(TRY(arguments.integer("threads", 2, 1, 64)));
  options.most_samples = static_cast<std::size_t>(TRY(arguments.integer("samples", 500, 4, 100'000)));
  options.views = static_cast<int>(TRY(arguments.integer("views", options.views, 1, 4)));
  TRY(set_share(arguments, "least-matched", options.limits.matched));
  TRY(set_share(arguments, "least-overlap", options.limits.overlap));
  TRY(set_share(arguments, "most-score-change", options.limits.score_difference));
  TRY(set_share(arguments, "least-same-class", options.limits.first));
  TRY(set_share(arguments, "least-same-mask", options.limits.mask));
  TRY(set_share(arguments, "most-error", options.limits.error));
  TRY(set_share(arguments, "most-time", options.limits.time));
  return options;
}

}  // namespace

Result<int> quantize_model(const Arguments& arguments, Session& session) {
  infer::QuantiseOptions options = TRY(options_of(arguments));
  const ModelFile file = TRY(open_model(session, arguments.positional[0],
                                        {.description = arguments.text("description"), .labels = arguments.text("labels")}));
  const std::filesystem::path in(file.path);
  const std::string output = arguments.text("output", (in.parent_path() / (in.stem().string() + "-int8.model")).string());
  std::error_code none;
  if (std::filesystem::equivalent(output, in, none)) return fail(Code::invalid_input, output + ": that is the model to quantize");
  const auto runtime = TRY(open_runtime(arguments));
  options.progress = [&session](const infer::QuantiseProgress& now) {
    session.out.progress(now.step + (now.of == 0 ? "" : ": " + std::to_string(now.done) + " of " + std::to_string(now.of)));
  };
  auto made = infer::quantise_model(*runtime, file.package, options);
  session.out.progress_done();
  if (!made) return std::unexpected(std::move(made).error().while_doing("quantize " + file.path));
  const infer::QuantiseReport& report = made->report;
  const bool good = report.shortfalls.empty(), kept = good || arguments.has("anyway");
  std::uint64_t bytes = 0;
  if (kept) {
    bytes = made->file.size();
    TRY(write_bytes(session, output, made->file));
  }
  if (session.out.json()) {
    base::JsonWriter json;
    json.begin_object().field("from", file.path).field("written", kept).field("file", kept ? output : std::string{})
        .field("bytes", bytes).field("good", good).key("report").raw(infer::to_json(report)).end_object();
    session.out.document(json.take());
  } else {
    for (const std::string& line : infer::to_lines(report)) session.out.line(line);
    if (kept) session.out.line(output + ": " + base::size_text(bytes));
  }
  if (!good)
    session.out.note("selvedge: " + file.path + " in 8 bits falls short: " + report.shortfalls.front() +
                     (report.shortfalls.size() > 1 ? " (and " + std::to_string(report.shortfalls.size() - 1) + " more)" : "") +
                     (kept ? "; written all the same" : "; nothing was written. --float-heads, --keep-float, more or better pictures may help; --anyway writes it"));
  return good ? 0 : base::exit_status(Code::conflict);
}

}  // namespace selvedge::cli
