#include "infer/model_package.h"

#include <algorithm>

#include "base/text.h"
#include "codec/onnx/graph.h"
#include "codec/tflite/import.h"

namespace selvedge::infer {

using base::Bytes;
using base::Code;
using base::fail;
using base::Result;
using codec::ArchiveMember;

namespace {

constexpr const char* description_file = "model.toml";
constexpr std::size_t most_labels = 100'000, most_label = 256;

Result<std::vector<std::string>> labels_of(base::BytesView file) {
  std::vector<std::string> labels;
  std::string_view text = base::as_text(file);
  if (!base::is_utf8(text)) return fail(Code::invalid_input, "not UTF-8");
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.size() > most_label) return fail(Code::invalid_input, "line " + std::to_string(labels.size() + 1) + " is longer than " + std::to_string(most_label) + " bytes");
    if (labels.size() == most_labels) return fail(Code::invalid_input, "more than " + std::to_string(most_labels) + " lines");
    labels.emplace_back(line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  while (!labels.empty() && labels.back().empty()) labels.pop_back();
  return labels;
}

// A TensorFlow Lite file becomes ONNX; names of classes that it carries serve where nothing else does.
Result<void> import_model(ModelPackage& package) {
  auto imported = TRY(codec::tflite::import(package.model));
  package.model = codec::onnx::write(imported.graph);
  if (package.description.labels.empty()) package.description.labels = std::move(imported.labels);
  return {};
}

Result<Bytes> taken(std::map<std::string, Bytes>& members, const std::string& name, const std::string& what) {
  const auto at = members.find(name);
  if (at == members.end())
    return fail(Code::invalid_input, description_file + (": " + what) + ": there is no member '" + base::printable(name) + "'");
  Bytes data = std::move(at->second);
  members.erase(at);
  return data;
}

}  // namespace

Result<ModelPackage> read_package(base::BytesView file, const PackageLimits& limits) {
  ModelPackage package;
  auto members = TRY(base::while_doing("read model package", codec::read_archive(file, {limits.unpacked, limits.members})));
  for (ArchiveMember& member : members) package.members[member.name] = std::move(member.data);
  const auto step = [](const std::string& name) { return "read model package: " + name; };
  if (!package.members.contains(description_file))
    return fail(Code::invalid_input, "read model package: it has no " + std::string(description_file));
  const Bytes text = TRY(taken(package.members, description_file, ""));
  Description& description = package.description;
  description = TRY(base::while_doing("read model package", read_description(base::as_text(text))));
  package.model = TRY(base::while_doing("read model package", taken(package.members, description.file, "model")));
  if (!description.labels_file.empty()) {
    const Bytes labels = TRY(base::while_doing("read model package", taken(package.members, description.labels_file, "labels")));
    description.labels = TRY(base::while_doing(step(description.labels_file), labels_of(labels)));
  }
  if (description.file.ends_with(".tflite")) TRY(base::while_doing(step(description.file), import_model(package)));
  for (const Golden& golden : description.golden)
    if (!package.members.contains(golden.file))
      return fail(Code::invalid_input, "read model package: model.toml: golden.file: there is no member '" + golden.file + "'");
  return package;
}

Result<Bytes> write_package(const ModelPackage& package, codec::Packing packing) {
  Description description = package.description;
  constexpr std::string_view imported = ".tflite"; // what package.model is not any more
  if (description.file.ends_with(imported))
    description.file.replace(description.file.size() - imported.size(), imported.size(), ".onnx");
  const std::string text = write_description(description);
  // What could not be read back is not written.
  TRY(base::while_doing("write model package", read_description(text)));
  std::vector<ArchiveMember> members;
  members.push_back({description_file, base::to_bytes(text)});
  if (!description.labels_file.empty()) {
    Bytes lines;
    for (const std::string& label : description.labels) base::append(lines, base::as_bytes(label + "\n"));
    members.push_back({description.labels_file, std::move(lines)});
  }
  for (const auto& [name, data] : package.members) members.push_back({name, data});
  members.push_back({description.file, package.model});
  return base::while_doing("write model package", codec::write_archive(members, packing));
}

}  // namespace selvedge::infer
