// `selvedge model test`: does a model give what its golden examples say? Or record new ones.

#include <algorithm>
#include <filesystem>
#include <set>

#include "base/json.h"
#include "base/text.h"
#include "cli/model_commands.h"
#include "cli/model_file.h"
#include "engine/vision/mask.h"
#include "infer/pipeline.h"

namespace selvedge::cli {

using base::Code;
using base::fail;
using base::Result;

namespace {

// What the model says of a picture, as what is to be expected of it from now on. Of a mask it is the share
// of the picture that each label has.
Result<infer::Golden> golden_of(const infer::Description& description, const infer::Answer& answer, std::string file) {
  infer::Golden golden;
  golden.file = std::move(file);
  for (const auto& found : answer.detections) golden.expected.push_back({found.name, found.score, found.box});
  if (description.task == infer::Task::classification && !answer.ranked.empty())
    golden.expected.push_back({answer.ranked[0].name, answer.ranked[0].score, {}});
  if (answer.mask) {
    const std::vector<float> shares = engine::shares_of(*answer.mask);
    for (std::size_t label = 0; label < shares.size() && label < description.labels.size(); ++label)
      if (shares[label] > 0) golden.expected.push_back({description.labels[label], shares[label], {}});
  }
  if (golden.expected.empty())
    return fail(Code::invalid_input, golden.file + ": nothing is found in it, so it cannot tell a good model from a bad one");
  if (std::ranges::any_of(golden.expected, [](const auto& one) { return one.label.empty(); }))
    return fail(Code::invalid_input, "golden examples go by the names of classes, and this model has none: selvedge model import --labels gives it some");
  return golden;
}

Result<int> record(const Arguments& arguments, Session& session, ModelFile& file, infer::Runtime& runtime) {
  const auto pipeline = TRY(infer::Pipeline::make(runtime, file.package));
  infer::Description& description = file.package.description;
  std::set<std::string> fresh;
  for (std::size_t i = 1; i < arguments.positional.size(); ++i) {
    const std::string& path = arguments.positional[i];
    const std::string member = "golden/" + std::filesystem::path(path).filename().string();
    if (!fresh.insert(member).second) return fail(Code::invalid_input, path + ": another picture has the same file name");
    base::Bytes picture = TRY(read_picture(session, path));
    const auto answer = TRY(base::while_doing(path, pipeline->run(picture)));
    infer::Golden golden = TRY(golden_of(description, answer, member));
    std::erase_if(description.golden, [&](const infer::Golden& old) { return old.file == member; });
    description.golden.push_back(std::move(golden));
    file.package.members[member] = std::move(picture);
    session.out.progress("recording " + std::to_string(i) + " of " + std::to_string(arguments.positional.size() - 1));
  }
  session.out.progress_done();
  TRY(base::while_doing("what was recorded", infer::check_golden(*pipeline, file.package)));
  const std::string output = arguments.text("output", file.path);
  if (output == file.path && file.form != ModelForm::package)
    return fail(Code::invalid_input, file.path + " is no package: say where the package goes with --output");
  const base::Bytes packed = TRY(infer::write_package(file.package));
  TRY(write_bytes(session, output, packed));
  if (session.out.json()) {
    base::JsonWriter json;
    json.begin_object().field("file", output).field("bytes", std::uint64_t{packed.size()})
        .field("recorded", std::uint64_t{fresh.size()}).field("golden", std::uint64_t{description.golden.size()}).end_object();
    session.out.document(json.take());
  } else {
    session.out.line(output + ": " + std::to_string(description.golden.size()) + " golden examples, " +
                     std::to_string(fresh.size()) + " of them recorded now, " + base::size_text(packed.size()));
  }
  return 0;
}

}  // namespace

Result<int> test_model(const Arguments& arguments, Session& session) {
  const bool recording = arguments.has("golden");
  if (recording != (arguments.positional.size() > 1))
    return fail(Code::invalid_input, recording ? "--golden: of which pictures? name them behind the package"
                                               : "pictures are for recording: say --golden, or selvedge detect to look at them");
  ModelFile file = TRY(open_model(session, arguments.positional[0]));
  const auto runtime = TRY(open_runtime(arguments));
  if (recording) return record(arguments, session, file, *runtime);
  if (file.package.description.golden.empty())
    return fail(Code::not_found, file.path + " has no golden examples; --golden IMAGE... records them");
  const auto pipeline = TRY(infer::Pipeline::make(*runtime, file.package));
  std::vector<std::vector<std::string>> rows;
  base::JsonWriter json;
  json.begin_array();
  int failed = 0;
  // One at a time, so that each says for itself.
  const std::vector<infer::Golden> all = file.package.description.golden;
  for (const infer::Golden& golden : all) {
    file.package.description.golden = {golden};
    const auto checked = infer::check_golden(*pipeline, file.package);
    if (!checked && checked.error().code != Code::conflict) return std::unexpected(checked.error());
    failed += checked ? 0 : 1;
    const std::string why = checked ? "" : checked.error().message;
    json.begin_object().field("file", golden.file).field("expected", std::uint64_t{golden.expected.size()})
        .field("passed", checked.has_value()).field("reason", why).end_object();
    rows.push_back({golden.file, std::to_string(golden.expected.size()), checked ? "passed" : "failed", why});
  }
  json.end_array();
  if (session.out.json()) session.out.document(json.text());
  else session.out.table({"EXAMPLE", "EXPECTED", "RESULT", "REASON"}, rows);
  return failed == 0 ? 0 : base::exit_status(Code::conflict);
}

}  // namespace selvedge::cli
