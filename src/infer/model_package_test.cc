#include "infer/model_package.h"

#include <gtest/gtest.h>

#include "codec/package/archive.h"
#include "infer/models_fixture.h"

namespace selvedge::infer {
namespace {

using base::Code;
using base::to_bytes;

const std::string ssd = R"(name = "ssd"
task = "detection"
model = "model.onnx"
labels = "labels.txt"

[input]
width = 300
height = 300
mean = 127.5
deviation = [127.5, 127.5, 128]

[detection]
background = true
threshold = 0.4

[detection.anchors]
strides = [16, 32]
min_scale = 0.2
max_scale = 0.95
aspect_ratios = [1, 2, 0.5]
reduce_lowest = true

[[golden]]
file = "golden/a.png"

[[golden.expected]]
label = "Dog"
score = 0.75
box = [0.1, 0.2, 0.3, 0.4]
)";

std::string refusal(const std::string& toml) {
  const auto read = read_description(toml);
  return read ? "accepted" : read.error().message;
}

std::string with(std::string toml, const std::string& from, const std::string& to) {
  const auto at = toml.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return toml.replace(at, from.size(), to);
}

TEST(Description, SaysWhatIsWritten) {
  const auto read = read_description(ssd);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->task, Task::detection);
  EXPECT_EQ(read->labels_file, "labels.txt");
  EXPECT_EQ(read->input.width, 300);
  EXPECT_EQ(read->input.mean, (std::array{127.5F, 127.5F, 127.5F}));
  EXPECT_EQ(read->input.deviation[2], 128);
  EXPECT_EQ(read->detection.threshold, 0.4F);
  EXPECT_EQ(read->detection.overlap, 0.5F);
  EXPECT_EQ(read->detection.anchors.strides, (std::vector{16, 32}));
  ASSERT_EQ(read->golden.size(), 1U);
  EXPECT_EQ(read->golden[0].expected[0].box[3], 0.4F);
}

TEST(Description, ReadsBackWhatItWrites) {
  const auto read = read_description(ssd);
  const std::string text = write_description(*read);
  const auto again = read_description(text);
  ASSERT_TRUE(again) << text << again.error().message;
  EXPECT_EQ(write_description(*again), text);
  EXPECT_EQ(again->detection.anchors.aspect_ratios, read->detection.anchors.aspect_ratios);
  EXPECT_EQ(again->input.deviation, read->input.deviation);
  EXPECT_EQ(again->golden[0].expected[0].score, 0.75F);
}

TEST(Description, WritesEveryTask) {
  for (const Task task : {Task::detection, Task::classification, Task::segmentation, Task::series, Task::tensors}) {
    Description description;
    description.name = "a";
    description.file = "m.onnx";
    description.task = task;
    description.labels = {"one \"quoted\"", "two\n"};
    description.series.length = 8;
    description.rank.most = 3;
    description.detection.decoder = DetectionRule::Decoder::boxes;
    const auto again = read_description(write_description(description));
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(again->task, task);
    EXPECT_EQ(again->labels, description.labels);
  }
}

TEST(Description, NamesLineAndKeyOfWhatIsWrong) {
  EXPECT_EQ(refusal(with(ssd, "width = 300", "width = \"300\"")), "model.toml:7: input.width: expected a whole number");
  EXPECT_EQ(refusal(with(ssd, "width = 300", "width = 9000")), "model.toml:7: input.width: 9000 is not within 0 to 8192");
  EXPECT_EQ(refusal(with(ssd, "width = 300", "wdith = 300")),
            "model.toml:7: unknown key 'input.wdith'; did you mean 'input.width'?");
  EXPECT_EQ(refusal(with(ssd, "detection\"\n", "detecting\"\n")),
            "model.toml:2: task: expected one of \"detection\", \"classification\", \"segmentation\", \"series\", \"tensors\"");
  EXPECT_EQ(refusal(with(ssd, "0.75", "1.5")), "model.toml:28: golden.expected.score: 1.5 is not within 0 to 1");
  EXPECT_EQ(refusal(with(ssd, "0.75", "nan")), "model.toml:28: golden.expected.score: nan is not within 0 to 1");
  EXPECT_EQ(refusal(with(ssd, ", 0.4]", "]")), "model.toml:29: golden.expected.box: expected top, left, bottom, right");
  EXPECT_EQ(refusal(with(ssd, "name = \"ssd\"", "name = ")).substr(0, 13), "model.toml:1:");
}

TEST(Description, RefusesASectionOfAnotherTask) {
  EXPECT_EQ(refusal(ssd + "\n[series]\nlength = 3\n"), "model.toml:31: series: means nothing for this task");
}

TEST(Description, RefusesWhatNoKeyAloneGetsWrong) {
  EXPECT_NE(refusal(with(ssd, "name = \"ssd\"", "name = \"a/b\"")).find("is no name"), std::string::npos);
  EXPECT_NE(refusal(with(ssd, "model.onnx", "model.bin")).find(".onnx or .tflite"), std::string::npos);
  EXPECT_NE(refusal(with(ssd, "127.5, 127.5, 128", "127.5, 0, 128")).find("must not be 0"), std::string::npos);
  EXPECT_NE(refusal(with(ssd, "strides = [16, 32]", "")).find("strides: is needed"), std::string::npos);
  EXPECT_NE(refusal(with(ssd, "min_scale = 0.2", "min_scale = 0.99")).find("above max_scale"), std::string::npos);
}

TEST(Description, RefusesEveryTruncationOrReadsIt) {
  for (std::size_t size = 0; size < ssd.size(); ++size) {
    const auto read = read_description(std::string_view(ssd).substr(0, size));
    if (!read) {
      EXPECT_EQ(read.error().code, Code::invalid_input);
    }
  }
  EXPECT_FALSE(read_description(std::string(2'000'000, '#')));
}

TEST(Description, TakesLettersBeyondAsciiInDoubleQuotesAndComments) {
  const auto read = read_description("name = \"a\" # über\nmodel = 'a.onnx'\nlabels = [\"\\\"ѓ\\\\\", \"\"\"\nя𝄞\"\"\"]\n");
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->labels, (std::vector<std::string>{"\"ѓ\\", "я𝄞"}));
  const std::string refused = ": letters beyond ASCII stand in double quotes only";
  EXPECT_EQ(refusal("name = \"a\"\nѓ = 1\n"), "model.toml:2" + refused);
  EXPECT_EQ(refusal("name = 'я'\n"), "model.toml:1" + refused);
  EXPECT_EQ(refusal("name = \"\\я\"\n"), "model.toml:1" + refused);
  EXPECT_EQ(refusal("\xff"), "model.toml: not UTF-8");
  EXPECT_EQ(refusal("name = \"a\nmodel = 1").substr(0, 13), "model.toml:1:");
  EXPECT_EQ(refusal("[)x]\n").substr(0, 13), "model.toml:1:");
}

ModelPackage package() {
  ModelPackage made;
  made.description = *read_description(ssd);
  made.description.labels = {"???", "Dog"};
  made.model = to_bytes("model bytes");
  made.members["golden/a.png"] = to_bytes("picture");
  made.members["LICENSE"] = to_bytes("Apache-2.0");
  return made;
}

TEST(ModelPackage, ReadsBackWhatItWrote) {
  const auto file = write_package(package());
  ASSERT_TRUE(file) << file.error().message;
  const auto read = read_package(*file);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->model, package().model);
  EXPECT_EQ(read->members, package().members);
  EXPECT_EQ(read->description.labels, package().description.labels);
  EXPECT_EQ(*write_package(*read), *file);
}

TEST(ModelPackage, NamesTheMemberThatIsMissing) {
  const auto refused = [](const std::vector<codec::ArchiveMember>& members) {
    const auto read = read_package(*codec::write_archive(members));
    return read ? "accepted" : read.error().message;
  };
  const codec::ArchiveMember toml{"model.toml", to_bytes(ssd)}, labels{"labels.txt", to_bytes("a\n")},
      model{"model.onnx", to_bytes("x")}, picture{"golden/a.png", to_bytes("x")};
  EXPECT_EQ(refused({labels, model, picture}), "read model package: it has no model.toml");
  EXPECT_EQ(refused({toml, labels, picture}), "read model package: model.toml: model: there is no member 'model.onnx'");
  EXPECT_EQ(refused({toml, model, picture}), "read model package: model.toml: labels: there is no member 'labels.txt'");
  EXPECT_EQ(refused({toml, labels, model}), "read model package: model.toml: golden.file: there is no member 'golden/a.png'");
  EXPECT_EQ(refused({toml, labels, model, picture}), "accepted");
  EXPECT_EQ(refused({toml, model, picture, {"labels.txt", {0xff, 0xfe}}}), "read model package: labels.txt: not UTF-8");
}

TEST(ModelPackage, RefusesWhatIsNoPackage) {
  EXPECT_FALSE(read_package(to_bytes("nothing of the kind")));
  const auto file = *write_package(package());
  for (std::size_t size = 0; size < file.size(); size += 7) EXPECT_FALSE(read_package(base::BytesView(file).first(size)));
  EXPECT_EQ(read_package(file, {.unpacked = 1'000, .members = 10}).error().code, Code::exhausted);
}

TEST(ModelPackage, ImportsATensorFlowLiteFile) {
  const auto model = test_model("face_detection_short_range.tflite");
  if (!model) GTEST_SKIP() << model.error().message;
  const auto description = to_bytes("name = \"face\"\nmodel = \"face.tflite\"\n");
  const auto read = read_package(*codec::write_archive({{"model.toml", description}, {"face.tflite", *model}}));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_TRUE(codec::onnx::read(read->model));
  // What is written again is ONNX, and says so.
  const auto again = read_package(*write_package(*read));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->description.file, "face.onnx");
  EXPECT_EQ(again->model, read->model);
  const auto broken = read_package(*codec::write_archive({{"model.toml", description}, {"face.tflite", to_bytes("none")}}));
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().message.find("read model package: face.tflite: "), 0U) << broken.error().message;
}

TEST(ModelPackage, WritesAnyLetterOfALabel) {
  const auto read = read_description("name = \"a\"\nmodel = \"m.onnx\"\nlabels = [\"a\\u007Fb\\u0001\\u0085\\\"\", \"\\u007F\\u007F\"]\n");
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->labels[0], "a\x7f" "b\x01\xc2\x85\"");
  const auto again = read_description(write_description(*read));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->labels, read->labels);
}

TEST(ModelPackage, LabelsMayEndInAnyKindOfLine) {
  ModelPackage given = package();
  given.description.labels_file = "";
  given.description.labels = {"a", "b"};
  EXPECT_EQ(read_package(*write_package(given))->description.labels, given.description.labels);
  const auto read = read_package(*codec::write_archive({{"model.toml", to_bytes("name = \"a\"\nmodel = \"m.onnx\"\nlabels = \"l\"\n")},
                                                        {"l", to_bytes("a\r\n\r\nb\n\n")}, {"m.onnx", to_bytes("x")}}));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->description.labels, (std::vector<std::string>{"a", "", "b"}));
}

}  // namespace
}  // namespace selvedge::infer
