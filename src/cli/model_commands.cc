#include "cli/model_commands.h"

#include "cli/api_client.h"
#include "cli/commands.h"
#include "cli/model_file.h"

namespace selvedge::cli {
namespace {

std::vector<Flag> push_flags() {
  return cloud_flags({{"nodes", "LIST", "Nodes that shall serve it: names apart by commas, * for any text."},
                      {"wait", "", "Wait until each node serves it, or says why not."},
                      {"patience", "DURATION", "How long to wait.", "2m"},
                      {"priority", "N", "Of the wish; see docs/spec/reconcile.md."},
                      {"keys", "DIR", "Directory of the signer's keys.", "keys"},
                      {"name", "NAME", "Of the model in the fleet.", "the package's"},
                      {"version", "N", "Grows; nodes never go back.", "one above the newest in the cloud"},
                      {"called", "TEXT", "The version as people call it, as in 2.1.0."},
                      {"target", "ARCH/OS/TYPE,...", "Where it may run: as `uname -m` says, linux, a device type.", "anywhere"},
                      {"depends", "NAME>=N,...", "Artifacts that must be there too."},
                      {"attributes", "KEY=VALUE,...", "For your own use."},
                      {"expires", "WHEN", "A duration or a time after which no node takes it.", "never"},
                      {"chunk", "SIZE", "What a lost connection costs at most.", "1MiB"},
                      {"seal-for", "NODE=KEY,...", "Only these nodes can read it; KEY is base64 or a file."},
                      {"sealed-output", "FILE", "Where the sealed file goes.", "FILE.sealed"},
                      {"output", "FILE", "Where the signed manifest goes.", "FILE.manifest"}});
}

std::vector<Flag> quantize_flags() {
  return runtime_flags({{"calibrate", "DIR", "Pictures (or .npy tensors) like those it will see; needed."},
                        {"judge", "DIR", "Other pictures, to judge the result by.", "half of those in --calibrate"},
                        {"target", "NAME", "x86, x86-old or arm.", "x86"},
                        {"range", "RULE", "extremes, percentile or least-error.", "the one that agrees best"},
                        {"float-heads", "", "Leave the last layers in float."},
                        {"keep-float", "LIST", "Nodes or operators to leave in float."},
                        {"per-tensor", "", "One scale for each layer's weights instead of one for each channel."},
                        {"symmetric", "", "For arm: zero stays zero."},
                        {"weight-bits", "N", "Steps of weights, 4 to 8 bits.", "8"},
                        {"weight-noise", "SHARE", "Round weights more coarsely, to pack smaller.", "0.25"},
                        {"no-bias-correction", "", "Do not make up for the mean error of layers."},
                        {"no-prune", "", "Keep channels that never change."},
                        {"samples", "N", "Most files of a folder.", "500"},
                        {"views", "N", "Of each picture: whole, mirrored, two parts.", "4"},
                        {"threads", "N", "To work with.", "2"},
                        {"least-matched", "SHARE", "Of detections above 0.5 that must be found again.", "0.947"},
                        {"least-overlap", "SHARE", "Median overlap of those.", "0.8"},
                        {"most-score-change", "SCORE", "Median change of scores.", "0.02"},
                        {"least-same-class", "SHARE", "Of pictures with the same best class.", "0.9"},
                        {"least-same-mask", "SHARE", "Of a mask that is the same.", "0.95"},
                        {"most-error", "SHARE", "Mean error of other outputs.", "0.1"},
                        {"most-time", "SHARE", "Of the float model's time.", "not asked"},
                        {"anyway", "", "Write a result that falls short too."},
                        {"description", "FILE", "A model.toml.", "the package's, or guessed"},
                        {"labels", "FILE", "Names of the classes, a line each.", "those in or beside the model"},
                        {"output", "FILE", "Where the package goes.", "the model's name with -int8.model"}});
}

}  // namespace

std::vector<Command> model_commands() {
  return {
      {"model", "import", "FILE", 1, 1, "Make a model package of a .tflite or .onnx file.",
       "A package holds the model, what goes in and comes out (model.toml), labels, and examples. Of known shapes (SSD, BlazeFace, "
       "models that make their own boxes, classifiers, masks) the description is guessed and the guess is printed; --describe "
       "prints it as a model.toml to be edited and given with --description. PyTorch models come as ONNX.",
       {"selvedge model import ssd.tflite --labels labels.txt", "selvedge model import net.onnx --describe > model.toml",
        "selvedge model import net.onnx --description model.toml --output net.model"},
       runtime_flags({{"output", "FILE", "Where the package goes; a name that ends in .onnx: the bare model.", "the model's name with .model"},
                      {"description", "FILE", "A model.toml.", "guessed"},
                      {"labels", "FILE", "Names of the classes, a line each.", "those in or beside the model"},
                      {"name", "NAME", "Of the model.", "the file's"},
                      {"describe", "", "Print model.toml and make no package."}}),
       import_model},
      {"model", "inspect", "FILE", 1, 1, "Show what a model takes, gives, is made of and costs.",
       "Needs no model runtime. Multiply-adds are those of convolutions and matrix products.",
       {"selvedge model inspect detector.model", "selvedge model inspect net.onnx --layers 1000 --json"},
       {{"layers", "N", "How many layers, the largest first; 0: none.", "10"},
        {"description", "FILE", "A model.toml.", "the package's, or guessed"},
        {"labels", "FILE", "Names of the classes, a line each.", "those in or beside the model"}},
       inspect_model},
      {"model", "bench", "[FILE]", 0, 1, "Measure how long a model takes on this machine.",
       "Of a model for pictures all stages are measured: decoding, preparing, the model, boxes. Wall time is what a request waits, CPU "
       "time what it costs. More threads inside one run are rarely worth it; workers run frames side by side.",
       {"selvedge model bench detector.model", "selvedge model bench detector.model --image street.jpg --threads 1,2 --workers 1,2 --json"},
       runtime_flags({{"image", "FILE", "A picture to look at.", "a made-up one of 1280x720"},
                      {"runs", "N", "How many of each row.", "100"},
                      {"warm-up", "N", "Runs before that.", "5"},
                      {"threads", "LIST", "Threads inside one run.", "1"},
                      {"workers", "LIST", "Runs at the same time.", "1"}}),
       bench_model},
      {"model", "quantize", "FILE", 1, 1, "Make a model compute in 8 bits, and check that it still says the same.",
       "Runs the model over the pictures of a folder to see how large its numbers get, rewrites it, and compares both on pictures that "
       "were not used for that: detections found again, overlap, score change, size, time. A result below the limits is not "
       "written, and the exit status is 4. --target is the processor it will run on: x86 (with VNNI), x86-old, arm.",
       {"selvedge model quantize detector.model --calibrate pictures/",
        "selvedge model quantize detector.model --calibrate pictures/ --target arm --float-heads --output small.model",
        "selvedge model quantize detector.model --calibrate pictures/ --judge others/ --least-matched 1 --json"},
       quantize_flags(), quantize_model},
      {"model", "test", "PACKAGE [IMAGE...]", 1, 1'000, "Check a package's golden examples, or record them.",
       "With --golden the model looks at the pictures, and what it finds becomes what is expected from then on. Nodes check the same "
       "examples before a new version serves.",
       {"selvedge model test detector.model", "selvedge model test detector.model cat.jpg street.jpg --golden"},
       runtime_flags({{"golden", "", "Record the pictures as golden examples."},
                      {"output", "FILE", "Where the package with them goes.", "the package itself"}}),
       test_model},
      {"model", "push", "PACKAGE", 1, 1, "Sign a package, bring it to the cloud, and have nodes serve it.",
       "Signs with every key in --keys that may sign models; what is signed and how it travels is that of selvedge artifact. A node "
       "fetches, verifies, loads and tries the model before it serves in place of the version before; if any of that "
       "fails, the version before serves on and the reason is shown.",
       {"selvedge model push detector.model --nodes gateway-7 --wait", "selvedge model push detector.model --nodes 'hall-*,gate' --called 2.1.0",
        "selvedge model push detector.model --seal-for edge-1=edge-1.pub --nodes edge-1"},
       push_flags(), push_model},
      {"model", "list", "[NAME]", 0, 1, "List the models of the cloud, and what each node serves.", {},
       {"selvedge model list", "selvedge model list detector --json"}, cloud_flags(), list_models},
      {"model", "rollback", "NAME", 1, 1, "Have nodes serve what an earlier version was.",
       "Nodes never go back to an older version, so the earlier bytes are signed again as a new one; no bytes travel. "
       "The earlier version must be signed by the keys in --keys.",
       {"selvedge model rollback detector --wait", "selvedge model rollback detector --to 3 --nodes gateway-7"},
       cloud_flags({{"to", "N", "The version to go back to.", "the newest with other bytes than the present one"},
                    {"nodes", "LIST", "Nodes that shall serve it.", "those that wish the model"},
                    {"wait", "", "Wait until each node serves it, or says why not."},
                    {"patience", "DURATION", "How long to wait.", "2m"},
                    {"keys", "DIR", "Directory of the signer's keys.", "keys"}}),
       rollback_model},
  };
}

}  // namespace selvedge::cli
