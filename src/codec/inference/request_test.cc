#include "codec/inference/request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

namespace selvedge::codec::inference {
namespace {

using base::Code;
using testing::ElementsAre;
using testing::HasSubstr;

// A request and the body that its views see.
struct Read {
  explicit Read(std::string text, std::optional<std::size_t> header = std::nullopt)
      : body(std::move(text)), result(decode_request(body, header)) {}
  explicit Read(const std::string& json, const std::string& tail) : Read(json + tail, json.size()) {}

  const Request& operator*() const { return *result; }
  const Request* operator->() const { return &*result; }
  explicit operator bool() const { return result.has_value(); }
  std::string why() const { return result ? "read" : result.error().message; }

  std::string body;
  base::Result<Request> result;
};

template <typename T>
std::vector<T> numbers(const InputTensor& input) {
  std::vector<T> all(input.data.size() / sizeof(T));
  std::memcpy(all.data(), input.data.data(), input.data.size());
  return all;
}

std::string input(const std::string& type, const std::string& shape, const std::string& data) {
  return R"({"inputs":[{"name":"x","datatype":")" + type + R"(","shape":)" + shape + R"(,"data":)" + data + "}]}";
}

TEST(InferenceRequest, ReadsTheExampleOfTheSpecification) {
  const Read request(R"({"id":"42","inputs":[
    {"name":"input0","shape":[2,2],"datatype":"UINT32","data":[1,2,3,4]},
    {"name":"input1","shape":[1],"datatype":"BOOL","data":[true]}],
    "outputs":[{"name":"output0"}]})");
  ASSERT_TRUE(request) << request.why();
  EXPECT_EQ(request->id, "42");
  ASSERT_EQ(request->inputs.size(), 2u);
  EXPECT_EQ(request->inputs[0].name, "input0");
  EXPECT_THAT(request->inputs[0].shape, ElementsAre(2, 2));
  EXPECT_THAT(numbers<std::uint32_t>(request->inputs[0]), ElementsAre(1u, 2u, 3u, 4u));
  EXPECT_THAT(numbers<std::uint8_t>(request->inputs[1]), ElementsAre(1));
  ASSERT_EQ(request->outputs.size(), 1u);
  EXPECT_EQ(request->outputs[0].name, "output0");
  EXPECT_FALSE(request->outputs[0].binary);
}

TEST(InferenceRequest, ReadsEachDatatypeFromJson) {
  EXPECT_THAT(numbers<std::uint8_t>(Read(input("BOOL", "[3]", "[true,false,1]"))->inputs[0]), ElementsAre(1, 0, 1));
  EXPECT_THAT(numbers<std::uint8_t>(Read(input("UINT8", "[2]", "[0,255]"))->inputs[0]), ElementsAre(0, 255));
  EXPECT_THAT(numbers<std::uint16_t>(Read(input("UINT16", "[2]", "[0,65535]"))->inputs[0]), ElementsAre(0, 65535));
  EXPECT_THAT(numbers<std::uint32_t>(Read(input("UINT32", "[1]", "[4294967295]"))->inputs[0]), ElementsAre(4294967295u));
  EXPECT_THAT(numbers<std::uint64_t>(Read(input("UINT64", "[1]", "[18446744073709551615]"))->inputs[0]),
              ElementsAre(UINT64_MAX));
  EXPECT_THAT(numbers<std::int8_t>(Read(input("INT8", "[2]", "[-128,127]"))->inputs[0]), ElementsAre(-128, 127));
  EXPECT_THAT(numbers<std::int16_t>(Read(input("INT16", "[1]", "[-32768]"))->inputs[0]), ElementsAre(-32768));
  EXPECT_THAT(numbers<std::int32_t>(Read(input("INT32", "[1]", "[-2147483648]"))->inputs[0]), ElementsAre(INT32_MIN));
  EXPECT_THAT(numbers<std::int64_t>(Read(input("INT64", "[1]", "[-9223372036854775808]"))->inputs[0]),
              ElementsAre(INT64_MIN));
  EXPECT_THAT(numbers<std::uint16_t>(Read(input("FP16", "[3]", "[1,-2,0.5]"))->inputs[0]),
              ElementsAre(0x3C00, 0xC000, 0x3800));
  EXPECT_THAT(numbers<float>(Read(input("FP32", "[2]", "[1.5,-3e2]"))->inputs[0]), ElementsAre(1.5F, -300.0F));
  EXPECT_THAT(numbers<double>(Read(input("FP64", "[2]", "[0.1,7]"))->inputs[0]), ElementsAre(0.1, 7.0));
  const Read texts(input("BYTES", "[3]", R"(["cat","","d\u00f6g"])"));
  ASSERT_TRUE(texts) << texts.why();
  ASSERT_EQ(texts->inputs[0].texts.size(), 3u);
  EXPECT_EQ(base::as_text(texts->inputs[0].texts[0]), "cat");
  EXPECT_EQ(base::as_text(texts->inputs[0].texts[2]), "d\u00f6g");
}

TEST(InferenceRequest, NestedArraysStandInTheSameOrder) {
  const Read request(input("INT32", "[2,2,1]", "[[[1],[2]],[[3],[4]]]"));
  ASSERT_TRUE(request) << request.why();
  EXPECT_THAT(numbers<std::int32_t>(request->inputs[0]), ElementsAre(1, 2, 3, 4));
}

TEST(InferenceRequest, MembersComeInAnyOrder) {
  const Read request(R"({"inputs":[{"data":[1,2],"extra":{"a":[1,{"b":2}]},"shape":[2],"datatype":"INT8","name":"x",
    "parameters":{"a":1,"b":true,"c":"d","e":1.5}}],"outputs":[],"id":"7","unknown":[[]]})");
  ASSERT_TRUE(request) << request.why();
  EXPECT_THAT(numbers<std::int8_t>(request->inputs[0]), ElementsAre(1, 2));
  EXPECT_EQ(number_of(request->inputs[0].parameters, "a"), 1);
  EXPECT_EQ(truth_of(request->inputs[0].parameters, "b"), true);
  EXPECT_EQ(text_of(request->inputs[0].parameters, "c"), "d");
  EXPECT_EQ(number_of(request->inputs[0].parameters, "e"), 1.5);
  EXPECT_EQ(request->id, "7");
}

TEST(InferenceRequest, BinaryTensorsAreSeenWhereTheyAre) {
  const float sent[] = {1.5F, -2.25F};
  const std::string tail(reinterpret_cast<const char*>(sent), sizeof sent);
  const Read request(R"({"inputs":[{"name":"x","datatype":"FP32","shape":[1,2],"parameters":{"binary_data_size":8}},
    {"name":"y","datatype":"INT8","shape":[2],"data":[1,2]},
    {"name":"z","datatype":"UINT8","shape":[2],"parameters":{"binary_data_size":2}}]})",
                     tail + "AB");
  ASSERT_TRUE(request) << request.why();
  EXPECT_THAT(numbers<float>(request->inputs[0]), ElementsAre(1.5F, -2.25F));
  EXPECT_THAT(numbers<std::uint8_t>(request->inputs[2]), ElementsAre('A', 'B'));
  const auto* begin = reinterpret_cast<const std::uint8_t*>(request.body.data());
  EXPECT_GE(request->inputs[0].data.data(), begin);
  EXPECT_LT(request->inputs[0].data.data(), begin + request.body.size()) << "not copied";
}

TEST(InferenceRequest, BinaryTextsStandBehindTheirLengths) {
  using namespace std::string_literals;
  const std::string two = R"({"inputs":[{"name":"x","datatype":"BYTES","shape":[2],"parameters":{"binary_data_size":13}}]})";
  const Read request(two, "\x03\0\0\0cat\x02\0\0\0ok"s);
  ASSERT_TRUE(request) << request.why();
  EXPECT_EQ(base::as_text(request->inputs[0].texts[0]), "cat");
  EXPECT_EQ(base::as_text(request->inputs[0].texts[1]), "ok");
  const std::string one = R"({"inputs":[{"name":"x","datatype":"BYTES","shape":[1],"parameters":{"binary_data_size":6}}]})";
  const Read bare(one, "\xFF\xD8\xFF\xE0\x01\x02"s);
  ASSERT_TRUE(bare) << bare.why();
  EXPECT_EQ(bare->inputs[0].texts.at(0).size(), 6u) << "one alone may stand as it is";
  EXPECT_THAT(Read(two, "\x03\0\0\0cat\x09\0\0\0ok"s).why(), HasSubstr("each behind its length"));
}

TEST(InferenceRequest, ARawBodyIsTheOneInput) {
  const Read request("\xFF\xD8 picture", std::optional<std::size_t>(0));
  ASSERT_TRUE(request) << request.why();
  EXPECT_TRUE(request->raw);
  EXPECT_EQ(request->inputs.at(0).texts.at(0).size(), 10u);
}

TEST(InferenceRequest, OutputsSayWhetherTheyAreBinary) {
  const std::string x = R"("inputs":[{"name":"x","datatype":"INT8","shape":[1],"data":[1]}])";
  const Read each("{" + x + R"(,"parameters":{"binary_data_output":true},"outputs":[{"name":"a"},
    {"name":"b","parameters":{"binary_data":false,"classification":3}}]})");
  ASSERT_TRUE(each) << each.why();
  EXPECT_TRUE(each->binary_outputs);
  EXPECT_TRUE(each->outputs[0].binary);
  EXPECT_FALSE(each->outputs[1].binary);
  EXPECT_EQ(each->outputs[1].classes, 3u);
  const Read later(R"({"outputs":[{"name":"a"}],"parameters":{"binary_data_output":true},)" + x + "}");
  ASSERT_TRUE(later) << later.why();
  EXPECT_TRUE(later->outputs[0].binary) << "wherever it stands";
}

TEST(InferenceRequest, EmptyTensorsAreTensors) {
  const Read request(input("FP32", "[0,4]", "[]"));
  ASSERT_TRUE(request) << request.why();
  EXPECT_TRUE(request->inputs[0].data.empty());
  const Read scalar(input("FP32", "[]", "[7]"));
  ASSERT_TRUE(scalar) << scalar.why();
}

TEST(InferenceRequest, EachErrorNamesWhatIsWrong) {
  const auto why = [](const std::string& body) { return Read(body).why(); };
  EXPECT_THAT(why(""), HasSubstr("request"));
  EXPECT_THAT(why("[]"), HasSubstr("request"));
  EXPECT_THAT(why("{}"), HasSubstr("inputs: there are none"));
  EXPECT_THAT(why(R"({"inputs":{}})"), HasSubstr("inputs"));
  EXPECT_THAT(why(R"({"inputs":[1]})"), HasSubstr("inputs"));
  EXPECT_THAT(why(R"({"inputs":[{}]})"), HasSubstr("input 0: name is missing"));
  EXPECT_THAT(why(R"({"inputs":[{"name":"x"}]})"), HasSubstr("input x: datatype is missing"));
  EXPECT_THAT(why(R"({"inputs":[{"name":"x","datatype":"FP32"}]})"), HasSubstr("input x: shape is missing"));
  EXPECT_THAT(why(R"({"inputs":[{"name":"x","datatype":"FP32","shape":[1]}]})"), HasSubstr("data is missing"));
  EXPECT_THAT(why(input("FP31", "[1]", "[1]")), HasSubstr("datatype 'FP31'"));
  EXPECT_THAT(why(input("FP32", "[-1]", "[1]")), HasSubstr("shape"));
  EXPECT_THAT(why(input("FP32", "[1.5]", "[1]")), HasSubstr("shape"));
  EXPECT_THAT(why(input("FP32", "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]", "[1]")), HasSubstr("dimensions"));
  EXPECT_THAT(why(input("FP32", "[9000000000]", "[1]")), HasSubstr("input x"));
  EXPECT_THAT(why(input("FP32", "[1000000000]", "[1]")), HasSubstr("fewer elements than its shape"));
  EXPECT_THAT(why(input("FP32", "[2]", "[1]")), HasSubstr("1 elements, and its shape has 2"));
  EXPECT_THAT(why(input("FP32", "[1]", "[1,2]")), HasSubstr("more elements"));
  EXPECT_THAT(why(input("FP32", "[1]", "[[1]]")), HasSubstr("no more dimensions"));
  EXPECT_THAT(why(input("FP32", "[1]", "[\"a\"]")), HasSubstr("element 0: expected a number"));
  EXPECT_THAT(why(input("FP32", "[1]", "[1e60]")), HasSubstr("can hold"));
  EXPECT_THAT(why(input("FP16", "[1]", "[70000]")), HasSubstr("can hold"));
  EXPECT_THAT(why(input("UINT8", "[2]", "[1,256]")), HasSubstr("element 1: expected a number that its type"));
  EXPECT_THAT(why(input("INT32", "[1]", "[1.5]")), HasSubstr("whole number"));
  EXPECT_THAT(why(input("UINT64", "[1]", "[-1]")), HasSubstr("whole number from 0"));
  EXPECT_THAT(why(input("BYTES", "[1]", "[1]")), HasSubstr("expected a text"));
  EXPECT_THAT(why(input("BOOL", "[1]", "[2]")), HasSubstr("true or false"));
  EXPECT_THAT(why(input("FP32", "[1]", "[1]") + "{}"), HasSubstr("something follows"));
  EXPECT_THAT(why(R"({"inputs":[{"name":"x","datatype":"INT8","shape":[1],"data":[1]},
                     {"name":"x","datatype":"INT8","shape":[1],"data":[1]}]})"), HasSubstr("another of that name"));
  EXPECT_THAT(why(R"({"outputs":[{"name":"y"},{"name":"y"}]})"), HasSubstr("output y: there is another of that name"));
  EXPECT_THAT(why(R"({"inputs":[{"name":"x","datatype":"INT8","shape":[1],"parameters":{"binary_data_size":1}}]})"),
              HasSubstr("Inference-Header-Content-Length"));
  EXPECT_THAT(why(R"({"id":7,"inputs":[]})"), HasSubstr("id: expected a text"));
  EXPECT_THAT(why(R"({"parameters":{"a":[]},"inputs":[]})"), HasSubstr("parameters: a"));
}

TEST(InferenceRequest, BinaryBytesMustFit) {
  const std::string json = R"({"inputs":[{"name":"x","datatype":"FP32","shape":[2],"parameters":{"binary_data_size":8}}]})";
  EXPECT_TRUE(Read(json, "12345678"));
  EXPECT_THAT(Read(json, "1234567").why(), HasSubstr("7 bytes are left"));
  EXPECT_THAT(Read(json, "123456789").why(), HasSubstr("1 bytes behind the JSON belong to no input"));
  EXPECT_THAT(Read(json, std::optional<std::size_t>(10'000)).why(), HasSubstr("Inference-Header-Content-Length 10000"));
  const std::string four = R"({"inputs":[{"name":"x","datatype":"FP32","shape":[2],"parameters":{"binary_data_size":4}}]})";
  EXPECT_THAT(Read(four, "1234").why(), HasSubstr("its shape needs 8"));
  const std::string negative = R"({"inputs":[{"name":"x","datatype":"INT8","shape":[1],"parameters":{"binary_data_size":-1}}]})";
  EXPECT_THAT(Read(negative, "1").why(), HasSubstr("binary_data_size -1"));
}

TEST(InferenceRequest, ATornOneIsRefused) {
  const std::string whole = R"({"id":"a","inputs":[{"name":"x","datatype":"FP32","shape":[2],"data":[1.25,2]},
    {"name":"y","datatype":"BYTES","shape":[1],"data":["q"]}],"outputs":[{"name":"z","parameters":{"binary_data":true}}]})";
  ASSERT_TRUE(Read(whole));
  for (std::size_t cut = 0; cut < whole.size(); ++cut) EXPECT_FALSE(Read(whole.substr(0, cut))) << cut;
}

TEST(Half, GoesBothWays) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    const float wide = from_half(half);
    if (std::isnan(wide)) EXPECT_TRUE(std::isnan(from_half(to_half(wide))));
    else ASSERT_EQ(to_half(wide), half) << bits;
  }
  EXPECT_EQ(to_half(65519.0F), 0x7BFF);
  EXPECT_EQ(to_half(65520.0F), 0x7C00);
  EXPECT_EQ(to_half(1.0F + 1.0F / 2048), 0x3C00) << "ties go to even";
  EXPECT_EQ(to_half(1.0F + 3.0F / 2048), 0x3C02);
  EXPECT_EQ(to_half(std::ldexp(1.0F, -25)), 0x0000);
  EXPECT_EQ(to_half(std::ldexp(1.5F, -25)), 0x0001);
}

}  // namespace
}  // namespace selvedge::codec::inference
