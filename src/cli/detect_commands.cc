// `selvedge detect`: what a model finds in pictures, with no node and no cloud.

#include <cstdio>
#include <filesystem>
#include <set>

#include "base/json.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/model_file.h"
#include "cli/picture_sheet.h"
#include "engine/vision/mask.h"
#include "infer/pipeline.h"
#include "serving/answer_json.h"

namespace selvedge::cli {

using base::Code;
using base::fail;
using base::Result;

namespace {

constexpr std::size_t most_pictures = 10'000;

std::string decimals(float value, const char* form = "%.3f") {
  char text[32];
  std::snprintf(text, sizeof text, form, static_cast<double>(value));
  return text;
}

std::string label_text(int label, const std::string& name) { return name.empty() ? "#" + std::to_string(label) : name; }

// Where drawn pictures go: nowhere, one file for all, or a file each in a folder.
class Drawings {
 public:
  static Result<Drawings> make(const std::string& to, std::size_t pictures) {
    std::error_code none;
    const bool folder = to.ends_with('/') || (!to.empty() && std::filesystem::is_directory(to, none));
    // A wrong ending is told before anything is looked at.
    if (!to.empty() && !folder) TRY(encode_for(to, codec::Image{.width = 1, .height = 1, .pixels = {0, 0, 0}}));
    return Drawings(to, folder, to.empty() || folder ? 1 : pictures);
  }

  bool wanted() const { return !to_.empty(); }

  Result<void> add(Session& session, const std::string& path, const codec::Image& image, const infer::Answer& answer) {
    if (!folder_) {
      sheet_.add(std::filesystem::path(path).filename().string(), image, answer);
      return {};
    }
    const auto file = std::filesystem::path(to_) / (std::filesystem::path(path).stem().string() + ".png");
    if (!names_.insert(file.string()).second)
      return fail(Code::conflict, path + ": another picture would be drawn to " + file.string() + " too");
    std::error_code none;
    std::filesystem::create_directories(to_, none);
    if (std::filesystem::equivalent(file, path, none)) return fail(Code::conflict, file.string() + ": that is the picture itself");
    codec::Image drawn = image;
    draw_answer(drawn, answer);
    return write_bytes(session, file.string(), TRY(encode_for(file.string(), drawn)));
  }

  Result<void> finish(Session& session) {
    if (to_.empty() || folder_) return {};
    const codec::Image sheet = sheet_.take();
    if (sheet.pixels.empty()) return {};           // not one picture could be looked at
    return write_bytes(session, to_, TRY(encode_for(to_, sheet)));
  }

 private:
  Drawings(std::string to, bool folder, std::size_t pictures) : to_(std::move(to)), folder_(folder), sheet_(pictures) {}

  std::string to_;
  bool folder_;
  PictureSheet sheet_;
  std::set<std::string> names_;
};

void add_rows(const std::string& path, const infer::Answer& answer, const std::vector<std::string>& labels,
              std::vector<std::vector<std::string>>& rows) {
  const std::size_t before = rows.size();
  for (const auto& found : answer.detections)
    rows.push_back({path, label_text(found.label, found.name), decimals(found.score, "%.2f"), decimals(found.box[0]),
                    decimals(found.box[1]), decimals(found.box[2]), decimals(found.box[3])});
  for (const auto& ranked : answer.ranked)
    rows.push_back({path, label_text(ranked.label, ranked.name), decimals(ranked.score, "%.2f")});
  if (answer.mask) {
    const std::vector<float> shares = engine::shares_of(*answer.mask);
    for (std::size_t label = 0; label < shares.size(); ++label)
      if (shares[label] > 0)
        rows.push_back({path, label_text(static_cast<int>(label), label < labels.size() ? labels[label] : ""), decimals(shares[label], "%.2f")});
  }
  if (rows.size() == before) rows.push_back({path, "-"});
}

Result<infer::RunOptions> options_of(const Arguments& arguments) {
  infer::RunOptions options;
  if (!arguments.has("threshold")) return options;
  const auto threshold = base::parse_double(arguments.text("threshold"));
  if (!threshold || !(*threshold >= 0 && *threshold <= 1)) return fail(Code::invalid_input, "--threshold: expected a score from 0 to 1");
  options.threshold = static_cast<float>(*threshold);
  return options;
}

Result<infer::Answer> look(Session& session, const std::string& path, const infer::Pipeline& pipeline,
                           const infer::RunOptions& options, Drawings& drawings) {
  const base::Bytes file = TRY(read_picture(session, path));
  const infer::Answer answer = TRY(base::while_doing(path, pipeline.run(file, options)));
  if (drawings.wanted()) {
    const codec::Decoded decoded = TRY(base::while_doing(path, codec::decode(file)));
    TRY(drawings.add(session, path, decoded.image, answer));
  }
  return answer;
}

Result<int> detect(const Arguments& arguments, Session& session) {
  const infer::RunOptions options = TRY(options_of(arguments));
  Drawings drawings = TRY(Drawings::make(arguments.text("draw"), arguments.positional.size()));
  const std::string model = arguments.has("model") ? arguments.text("model") : TRY(default_model());
  const ModelFile file = TRY(open_model(session, model, {.description = arguments.text("description"), .labels = arguments.text("labels")}));
  const infer::Task task = file.package.description.task;
  if (task == infer::Task::tensors || task == infer::Task::series)
    return fail(Code::invalid_input, model + ": that is no model for pictures, or none that was recognised as one (selvedge model inspect; --description says what it is)");
  const auto runtime = TRY(open_runtime(arguments));
  const auto pipeline = TRY(base::while_doing(model, infer::Pipeline::make(*runtime, file.package)));
  base::JsonWriter json;
  json.begin_array();
  std::vector<std::vector<std::string>> rows;
  std::optional<base::Error> first_error;
  for (std::size_t i = 0; i < arguments.positional.size(); ++i) {
    const std::string& path = arguments.positional[i];
    session.out.progress(path + " (" + std::to_string(i + 1) + " of " + std::to_string(arguments.positional.size()) + ")");
    // A picture that cannot be read does not end the others.
    const auto answer = look(session, path, *pipeline, options, drawings);
    json.begin_object().field("image", path);
    if (answer) {
      serving::write_answer(*answer, json);
      add_rows(path, *answer, file.package.description.labels, rows);
    } else {
      json.field("error", answer.error().message);
      session.out.progress_done();
      session.out.note("selvedge: " + answer.error().message);
      if (!first_error) first_error = answer.error();
    }
    json.end_object();
  }
  json.end_array();
  session.out.progress_done();
  TRY(drawings.finish(session));
  if (session.out.json()) session.out.document(json.text());
  else if (task == infer::Task::segmentation) session.out.table({"IMAGE", "LABEL", "SHARE"}, rows);
  else if (task == infer::Task::classification) session.out.table({"IMAGE", "LABEL", "SCORE"}, rows);
  else session.out.table({"IMAGE", "LABEL", "SCORE", "TOP", "LEFT", "BOTTOM", "RIGHT"}, rows);
  return first_error ? base::exit_status(first_error->code) : 0;
}

}  // namespace

std::vector<Command> detect_commands() {
  return {{"detect", "", "IMAGE...", 1, most_pictures, "Find things in pictures, on this machine alone.",
           "Takes JPEG, PNG and BMP. Boxes are shares of the picture's height and width. Without --model it is the SSD "
           "MobileNet that `scripts/fetch models` brings. A model that comes without a description is looked at, and what "
           "belongs around it is guessed; selvedge model import says what. --draw with one picture draws onto that picture, with "
           "several onto a sheet of all of them, and into a folder (a name that ends in /) a file for each.",
           {"selvedge detect photo.jpg --draw out.png", "selvedge detect *.jpg --model detector.model --threshold 0.3 --json",
            "selvedge detect *.jpg --draw drawn/", "selvedge detect photo.jpg --model classifier.tflite --labels labels.txt"},
           runtime_flags({{"model", "FILE", "A model package, .tflite or .onnx file.", "the public SSD"},
                          {"draw", "FILE", "Draw what was found: .png or .jpg, or a folder."},
                          {"threshold", "SCORE", "Only what scores at least this.", "as the model's description says"},
                          {"labels", "FILE", "Names of the classes, a line each.", "those in or beside the model"},
                          {"description", "FILE", "A model.toml that says what goes in and comes out.", "guessed"}}),
           detect}};
}

}  // namespace selvedge::cli
