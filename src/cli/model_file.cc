#include "cli/model_file.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "base/text.h"
#include "cli/model_guess.h"
#include "codec/onnx/graph.h"
#include "codec/tflite/import.h"
#include "os/file_at.h"

namespace selvedge::cli {

using base::Bytes;
using base::BytesView;
using base::Code;
using base::fail;
using base::Result;

namespace {

constexpr std::uint64_t model_limit = std::uint64_t{512} << 20;
constexpr std::uint64_t picture_limit = std::uint64_t{64} << 20;
constexpr std::uint64_t text_limit = 4 << 20;
constexpr std::size_t most_labels = 100'000;
constexpr std::string_view public_model = "ssd_mobilenetv2_oidv4_fp16.tflite";
constexpr std::string_view public_labels = "oidv4_labels.txt";

Result<ModelForm> form_of(BytesView file) {
  constexpr std::array<std::uint8_t, 4> zstd_magic{0x28, 0xB5, 0x2F, 0xFD};
  if (codec::tflite::is_tflite(file)) return ModelForm::tflite;
  if (file.size() >= 4 && std::ranges::equal(file.first(4), zstd_magic)) return ModelForm::package;
  // An ONNX file is a protobuf message whose first field is nearly always the version of its format.
  if (file.size() >= 4 && (file[0] == 0x08 || file[0] == 0x12 || file[0] == 0x3A)) return ModelForm::onnx;
  return fail(Code::invalid_input, "neither a model package nor a .tflite or .onnx file");
}

std::string stem(const std::string& path) { return std::filesystem::path(path).stem().string(); }

// Those that were named; else those inside; else a text file beside the model with its name.
Result<std::vector<std::string>> labels_for(Session& session, const std::string& path, const ModelFileOptions& options,
                                            std::vector<std::string> inside) {
  if (!options.labels.empty()) {
    const std::string text = TRY(os::read_text(session.world, options.labels, text_limit));
    return base::while_doing(options.labels, parse_labels(text));
  }
  if (!inside.empty()) return inside;
  const std::filesystem::path at(path);
  std::vector<std::filesystem::path> candidates{at.parent_path() / (stem(path) + ".labels.txt"),
                                                at.parent_path() / (stem(path) + "_labels.txt")};
  if (at.filename() == public_model) candidates.push_back(at.parent_path() / public_labels);
  for (const auto& candidate : candidates) {
    std::error_code none;
    if (!std::filesystem::is_regular_file(candidate, none)) continue;
    const std::string text = TRY(os::read_text(session.world, candidate.string(), text_limit));
    return base::while_doing(candidate.string(), parse_labels(text));
  }
  return std::vector<std::string>{};
}

Result<void> describe(Session& session, const ModelFileOptions& options, std::vector<std::string> inside, ModelFile& file) {
  const auto graph = TRY(codec::onnx::read(file.package.model));
  auto labels = TRY(labels_for(session, file.path, options, std::move(inside)));
  if (options.description.empty()) {
    Guess guess = guess_description(graph, stem(file.path), std::move(labels));
    file.package.description = std::move(guess.description);
    file.notes = std::move(guess.notes);
    return {};
  }
  const std::string toml = TRY(os::read_text(session.world, options.description, text_limit));
  file.package.description = TRY(base::while_doing(options.description, infer::read_description(toml)));
  infer::Description& description = file.package.description;
  description.file = "model.onnx";
  if (!labels.empty()) {
    description.labels = std::move(labels);
    description.labels_file = "labels.txt";
  } else if (!description.labels_file.empty()) {
    const auto beside = std::filesystem::path(options.description).parent_path() / description.labels_file;
    const std::string text = TRY(os::read_text(session.world, beside.string(), text_limit));
    description.labels = TRY(base::while_doing(beside.string(), parse_labels(text)));
  }
  // Golden pictures stand beside the description.
  for (const auto& golden : description.golden) {
    const auto at = std::filesystem::path(options.description).parent_path() / golden.file;
    file.package.members[golden.file] = TRY(read_picture(session, at.string()));
  }
  return {};
}

// A package whose labels alone are others.
Result<void> relabel(Session& session, const ModelFileOptions& options, infer::Description& description) {
  const std::string text = TRY(os::read_text(session.world, options.labels, text_limit));
  description.labels = TRY(base::while_doing(options.labels, parse_labels(text)));
  if (description.labels_file.empty()) description.labels_file = "labels.txt";
  return {};
}

// "7  cat": the number and the word.
std::optional<std::pair<std::size_t, std::string_view>> numbered(std::string_view line) {
  const std::size_t digits = std::min(line.find_first_not_of("0123456789"), line.size());
  if (digits == 0 || digits > 6 || digits == line.size()) return std::nullopt;
  const std::size_t word = line.find_first_not_of(" \t:,", digits);
  if (word == digits || word == line.npos) return std::nullopt;
  return std::pair{static_cast<std::size_t>(*base::parse_int(line.substr(0, digits))), line.substr(word)};
}

}  // namespace

std::string_view name(ModelForm form) {
  return form == ModelForm::package ? "package" : form == ModelForm::tflite ? "tflite" : "onnx";
}

Result<ModelFile> open_model(Session& session, const std::string& path, const ModelFileOptions& options) {
  ModelFile file;
  file.path = path;
  const Bytes bytes = TRY(read_bytes(session, path, model_limit));
  file.bytes = bytes.size();
  file.form = TRY(base::while_doing(path, form_of(bytes)));
  if (file.form == ModelForm::package) {
    file.package = TRY(base::while_doing(path, infer::read_package(bytes)));
    if (!options.description.empty())
      TRY(base::while_doing(path, describe(session, options, file.package.description.labels, file)));
    else if (!options.labels.empty())
      TRY(base::while_doing(path, relabel(session, options, file.package.description)));
    return file;
  }
  std::vector<std::string> inside;
  if (file.form == ModelForm::tflite) {
    auto imported = TRY(base::while_doing(path, codec::tflite::import(bytes)));
    file.package.model = codec::onnx::write(imported.graph);
    inside = std::move(imported.labels);
  } else {
    file.package.model = bytes;
  }
  TRY(base::while_doing(path, describe(session, options, std::move(inside), file)));
  return file;
}

Result<std::string> default_model() {
  const char* cache = std::getenv("XDG_CACHE_HOME");
  const char* home = std::getenv("HOME");
  const std::filesystem::path root = cache != nullptr && *cache != '\0'
                                         ? std::filesystem::path(cache)
                                         : std::filesystem::path(home == nullptr ? "." : home) / ".cache";
  const auto path = root / "selvedge" / "models" / public_model;
  std::error_code none;
  if (std::filesystem::is_regular_file(path, none)) return path.string();
  return fail(Code::not_found, "no model: " + path.string() +
                                   " is not there. `scripts/fetch models` brings it; or name another with --model "
                                   "(a package, .tflite or .onnx)");
}

Result<std::vector<std::string>> parse_labels(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!base::is_utf8(line)) return fail(Code::invalid_input, "line " + std::to_string(lines.size() + 1) + ": not UTF-8");
    if (line.size() > 200) return fail(Code::invalid_input, "line " + std::to_string(lines.size() + 1) + ": too long for a label");
    lines.push_back(line);
    if (lines.size() > most_labels) return fail(Code::exhausted, "more than " + std::to_string(most_labels) + " labels");
  }
  while (!lines.empty() && lines.back().empty()) lines.pop_back();
  const bool all_numbered = !lines.empty() && std::ranges::all_of(lines, [](auto line) {
    const auto found = numbered(line);
    return found && found->first < most_labels;
  });
  std::vector<std::string> labels;
  for (const std::string_view line : lines) {
    if (!all_numbered) {
      labels.emplace_back(line);
      continue;
    }
    const auto [index, word] = *numbered(line);
    if (index >= labels.size()) labels.resize(index + 1);
    labels[index] = word;
  }
  return labels;
}

Result<std::shared_ptr<infer::Runtime>> open_runtime(const Arguments& arguments) {
  auto opened = infer::Runtime::open(arguments.text("runtime"));
  if (opened) return opened;
  base::Error error = std::move(opened).error();
  if (!arguments.has("runtime") && !error.message.contains("scripts/fetch"))
    error.message += "; `scripts/fetch runtime` brings it, or say where it is with --runtime";
  return std::unexpected(std::move(error));
}

std::vector<Flag> runtime_flags(std::vector<Flag> more) {
  more.push_back({"runtime", "PATH", "The model runtime, libonnxruntime.so.", "looked for", "SELVEDGE_ONNXRUNTIME"});
  return more;
}

Result<Bytes> read_bytes(Session& session, const std::string& path, std::uint64_t limit) {
  const std::string text = TRY(os::read_text(session.world, path, limit));
  return base::to_bytes(text);
}

Result<Bytes> read_picture(Session& session, const std::string& path) { return read_bytes(session, path, picture_limit); }

Result<void> write_bytes(Session& session, const std::string& path, BytesView bytes) {
  return os::write_text(session.world, path, base::as_text(bytes));
}

}  // namespace selvedge::cli
