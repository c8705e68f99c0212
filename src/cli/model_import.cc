// `selvedge model import`: a TensorFlow Lite or ONNX file becomes a model package.

#include <filesystem>

#include "base/json.h"
#include "base/text.h"
#include "cli/model_commands.h"
#include "cli/model_file.h"
#include "cli/model_guess.h"
#include "infer/pipeline.h"

namespace selvedge::cli {

using base::Code;
using base::fail;
using base::Result;

namespace {

// Whether the model loads, fits its description and runs; "" if there is no runtime to ask.
Result<std::string> try_out(const Arguments& arguments, const infer::ModelPackage& package) {
  auto runtime = infer::Runtime::open(arguments.text("runtime"));
  if (!runtime) {
    if (arguments.has("runtime")) return std::unexpected(std::move(runtime).error());
    return std::string{};
  }
  if (package.description.task == infer::Task::tensors || package.description.task == infer::Task::series) {
    TRY(base::while_doing("try the model", (*runtime)->load(package.model)));
  } else {
    TRY(base::while_doing("try the model", infer::Pipeline::make(**runtime, package)));
  }
  return "ONNX Runtime " + (*runtime)->version();
}

}  // namespace

Result<int> import_model(const Arguments& arguments, Session& session) {
  ModelFile file = TRY(open_model(session, arguments.positional[0],
                                  {.description = arguments.text("description"), .labels = arguments.text("labels")}));
  infer::ModelPackage& package = file.package;
  if (arguments.has("name")) {
    package.description.name = arguments.text("name");
    if (artifact_name(package.description.name) != package.description.name)
      return fail(Code::invalid_input, "--name: letters, digits, '.', '_' and '-', at most 64");
  }
  if (arguments.has("describe")) {
    session.out.document(infer::write_description(package.description));
    return 0;
  }
  const std::filesystem::path in(file.path);
  const std::string output = arguments.text("output", (in.parent_path() / (in.stem().string() + ".model")).string());
  std::error_code none;
  if (std::filesystem::equivalent(output, in, none) && file.form != ModelForm::package)
    return fail(Code::invalid_input, output + ": that is the file to import");
  const std::string tried = TRY(try_out(arguments, package));
  session.out.progress("packing " + output);
  const bool bare = output.ends_with(".onnx");
  const base::Bytes packed = bare ? package.model : TRY(infer::write_package(package));
  session.out.progress_done();
  TRY(write_bytes(session, output, packed));
  if (session.out.json()) {
    base::JsonWriter json;
    json.begin_object().field("file", output).field("form", bare ? "onnx" : "package").field("bytes", std::uint64_t{packed.size()})
        .field("from", file.path).field("from_form", name(file.form)).field("from_bytes", file.bytes)
        .field("onnx_bytes", std::uint64_t{package.model.size()}).field("name", package.description.name)
        .field("labels", std::uint64_t{package.description.labels.size()}).field("tried_with", tried).key("guessed").begin_array();
    for (const std::string& note : file.notes) json.value(note);
    json.end_array().end_object();
    session.out.document(json.take());
    return 0;
  }
  for (const std::string& note : file.notes) session.out.line("guessed: " + note);
  session.out.line(output + ": " + package.description.name + ", " + base::size_text(packed.size()) + " (" +
                   std::string(name(file.form)) + " " + base::size_text(file.bytes) + ", ONNX " +
                   base::size_text(package.model.size()) + "); " +
                   (tried.empty() ? "not tried out: there is no model runtime here" : "tried out with " + tried));
  return 0;
}

}  // namespace selvedge::cli
