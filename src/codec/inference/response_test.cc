#include "codec/inference/response.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

namespace selvedge::codec::inference {
namespace {

template <typename T>
OutputTensor output(std::string name, ElementType type, onnx::Shape shape, std::vector<T> elements) {
  OutputTensor made;
  made.name = std::move(name);
  made.type = type;
  made.shape = std::move(shape);
  made.data.resize(elements.size() * sizeof(T));
  std::memcpy(made.data.data(), elements.data(), made.data.size());
  return made;
}

TEST(InferenceResponse, IsJsonByDefault) {
  Response response{"cat", 3, "42", {{"width", std::int64_t{640}}}, {}};
  response.outputs.push_back(output<float>("boxes", ElementType::float32, {1, 2}, {0.5F, std::nanf("")}));
  response.outputs.push_back(output<std::uint8_t>("flags", ElementType::boolean, {2}, {1, 0}));
  OutputTensor& names = response.outputs.emplace_back();
  names.name = "names";
  names.type = ElementType::text;
  names.shape = {1};
  names.texts = {"a\"b"};
  const auto encoded = encode_response(response);
  EXPECT_FALSE(encoded.header_bytes);
  EXPECT_EQ(encoded.body,
            R"({"model_name":"cat","model_version":"3","id":"42","parameters":{"width":640},"outputs":[)"
            R"({"name":"boxes","datatype":"FP32","shape":[1,2],"data":[0.5,null]},)"
            R"({"name":"flags","datatype":"BOOL","shape":[2],"data":[true,false]},)"
            R"({"name":"names","datatype":"BYTES","shape":[1],"data":["a\"b"]}]})");
}

TEST(InferenceResponse, BinaryTensorsFollowTheJson) {
  using namespace std::string_literals;
  Response response{"cat", 1, std::nullopt, {}, {}};
  response.outputs.push_back(output<std::uint16_t>("x", ElementType::uint16, {2}, {1, 258}));
  response.outputs.back().binary = true;
  response.outputs.push_back(output<std::int8_t>("y", ElementType::int8, {1}, {-1}));
  OutputTensor& names = response.outputs.emplace_back();
  names.name = "names";
  names.type = ElementType::text;
  names.shape = {2};
  names.texts = {"ab", ""};
  names.binary = true;
  const auto encoded = encode_response(response);
  ASSERT_TRUE(encoded.header_bytes);
  EXPECT_EQ(encoded.body.substr(*encoded.header_bytes), "\x01\0\x02\x01\x02\0\0\0ab\0\0\0\0"s);
  EXPECT_EQ(encoded.body.substr(0, *encoded.header_bytes),
            R"({"model_name":"cat","model_version":"1","outputs":[)"
            R"({"name":"x","datatype":"UINT16","shape":[2],"parameters":{"binary_data_size":4}},)"
            R"({"name":"y","datatype":"INT8","shape":[1],"data":[-1]},)"
            R"({"name":"names","datatype":"BYTES","shape":[2],"parameters":{"binary_data_size":10}}]})");
}

TEST(InferenceResponse, NumbersReadBackAsTheSame) {
  const std::vector<float> sent{0.1F, 1e-40F, 3.4028235e38F, -0.0F, 16777217.0F, 1.0F / 3};
  Response response{"m", 1, std::nullopt, {}, {}};
  response.outputs.push_back(output<float>("x", ElementType::float32, {6}, sent));
  const std::string body = encode_response(response).body;
  const std::size_t begin = body.find("\"data\":") + 7;
  std::string request = R"({"inputs":[{"name":"x","datatype":"FP32","shape":[6],"data":)" +
                        body.substr(begin, body.find(']', begin) + 1 - begin) + "}]}";
  const auto read = decode_request(request, std::nullopt);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(std::memcmp(read->inputs[0].data.data(), sent.data(), sent.size() * sizeof(float)), 0);
}

TEST(InferenceResponse, RanksTheBestOfEachRow) {
  const auto scores = output<float>("s", ElementType::float32, {2, 3}, {0.25F, 0.5F, std::nanf(""), 1, 0, 1});
  const auto best = classify(scores, 2, {"ant", "bee"});
  ASSERT_TRUE(best);
  EXPECT_THAT(best->texts, testing::ElementsAre("0.5:1:bee", "0.25:0:ant", "1:0:ant", "1:2"));
  EXPECT_THAT(best->shape, testing::ElementsAre(2, 2));
  EXPECT_EQ(classify(scores, 99, {})->texts.size(), 6u);
  OutputTensor texts;
  texts.type = ElementType::text;
  EXPECT_FALSE(classify(texts, 1, {}));
}

TEST(InferenceResponse, AnErrorIsOneMember) { EXPECT_EQ(encode_error("no \"x\""), R"({"error":"no \"x\""})"); }

}  // namespace
}  // namespace selvedge::codec::inference
