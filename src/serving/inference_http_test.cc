// The Open Inference Protocol over HTTP, path by path, as existing clients speak it.

#include "serving/inference_http.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "codec/json/value.h"
#include "os/fake/simulation.h"
#include "serving/model_routes.h"
#include "serving/models_fixture.h"

namespace selvedge::serving {
namespace {

using base::Code;
using base::Result;
using codec::json::Value;
using net::api::Caller;
using testing::HasSubstr;

class InferenceHttpTest : public testing::Test {
 protected:
  InferenceHttpTest() {
    caller.kind = Caller::Kind::operator_;
    caller.name = "alice";
    caller.right = net::api::Right::view;
    api.identify = [this](const net::http::Request&, auto answer) {
      if (known) return answer(caller);
      answer(base::fail(Code::denied, "who are you?"));
    };
    api.audit = [this](const Caller&, const net::api::Change& change) { audited.push_back(change.action + " " + change.target); };
    api.load = [this](const std::string& name, const InferenceApi::Done& done) {
      if (name != "spare") return done(base::fail(Code::not_found, "no model " + name + " is held here"));
      models.load(test::fake_model("spare", 1, ""), done);
    };
    api.unload = [this](const std::string& name, const InferenceApi::Done& done) {
      models.unload({name, 1}, [done] { done({}); });
    };
    add_inference_routes(server, api);
    add_model_routes(server, models, api.identify);
    EXPECT_TRUE(server.listen({"", 80}, nullptr));
  }

  void load(const std::string& name, std::uint64_t version, const std::string& spec) {
    bool ended = false;
    models.load(test::fake_model(name, version, spec), [&](const Result<void>&) { ended = true; });
    ASSERT_TRUE(sim.run_until([&] { return ended; }, std::chrono::minutes(1)));
  }

  net::http::Fetched fetch(const std::string& method, const std::string& path, std::string body = "",
                           std::vector<std::pair<std::string, std::string>> headers = {}) {
    std::optional<Result<net::http::Fetched>> answer;
    client.fetch({.method = method, .url = "http://node" + path, .headers = std::move(headers), .body = std::move(body)},
                 [&](auto fetched) { answer = std::move(fetched); });
    EXPECT_TRUE(sim.run_until([&] { return answer.has_value(); }, std::chrono::minutes(1)));
    if (!answer || !*answer) return {};
    return **answer;
  }
  Value json(const net::http::Fetched& fetched) {
    const auto value = codec::json::parse(fetched.body);
    EXPECT_TRUE(value) << fetched.body;
    return value ? *value : Value();
  }
  // The status, and that the error is in the protocol's form.
  void expect_error(const net::http::Fetched& fetched, int status, const std::string& says) {
    EXPECT_EQ(fetched.status, status) << fetched.body;
    const Value value = json(fetched);
    EXPECT_EQ(value.object().size(), 1u) << fetched.body;
    EXPECT_THAT(value["error"].text(), HasSubstr(says));
  }
  static std::string numbers(const std::string& data = "[1.5,2]", const std::string& more = "") {
    return R"({"id":"42","inputs":[{"name":"x","datatype":"FP32","shape":[1,2],"data":)" + data + "}]" + more + "}";
  }

  os::fake::Simulation sim{5};
  os::fake::Machine& machine = sim.machine("node");
  base::Registry metrics;
  Models models{machine.loop(), {}, metrics, test::fake_loader()};
  Caller caller;
  bool known = true;
  std::vector<std::string> audited;
  InferenceApi api{.models = models, .identify = {}, .audit = {}};
  net::http::Server server{machine, {}};
  net::http::Client client{sim.machine("client"), {}, nullptr};
};

TEST_F(InferenceHttpTest, TheServerSaysWhatItIsAndThatItLives) {
  const Value said = json(fetch("GET", "/v2"));
  EXPECT_EQ(said["name"].text(), "selvedge-node");
  EXPECT_NE(said["version"].text(), "");
  EXPECT_EQ(said["extensions"].array().size(), 5u);
  known = false;                                   // probes need no name
  EXPECT_EQ(fetch("GET", "/v2/health/live").status, 200);
  EXPECT_EQ(fetch("GET", "/v2/health/ready").status, 200);
  api.ready = [] { return Result<void>(base::fail(Code::unavailable, "still starting")); };
  expect_error(fetch("GET", "/v2/health/ready"), 503, "still starting");
}

TEST_F(InferenceHttpTest, AModelSaysWhatItTakes) {
  load("net", 1, "");
  load("net", 3, "");
  load("net", 4, "make=corrupt");
  const Value model = json(fetch("GET", "/v2/models/net"));
  EXPECT_EQ(model["name"].text(), "net");
  EXPECT_EQ(model.at_pointer("/versions/0").text(), "1");
  EXPECT_EQ(model.at_pointer("/versions/1").text(), "3");
  EXPECT_EQ(model["versions"].array().size(), 2u) << "those that serve";
  EXPECT_EQ(model["platform"].text(), "onnxruntime_onnx");
  EXPECT_EQ(model.at_pointer("/inputs/0/name").text(), "x");
  EXPECT_EQ(model.at_pointer("/inputs/0/datatype").text(), "FP32");
  EXPECT_EQ(model.at_pointer("/inputs/0/shape/0").integer(), -1);
  EXPECT_EQ(model.at_pointer("/outputs/0/name").text(), "y");
  EXPECT_EQ(model.at_pointer("/picture/outputs/0/name").text(), "boxes");
  EXPECT_EQ(fetch("GET", "/v2/models/net/versions/1").status, 200);
  expect_error(fetch("GET", "/v2/models/net/versions/2"), 404, "no version 2");
  expect_error(fetch("GET", "/v2/models/net/versions/4"), 503, "it is no model");
  expect_error(fetch("GET", "/v2/models/net/versions/x"), 400, "version 'x'");
  expect_error(fetch("GET", "/v2/models/none"), 404, "no model none");
  expect_error(fetch("GET", "/v2/models/net/what"), 404, "nothing at");
  expect_error(fetch("GET", "/v2/models/net/versions/1/ready/more"), 404, "nothing at");
}

TEST_F(InferenceHttpTest, AModelSaysWhetherItIsReady) {
  load("net", 1, "");
  load("net", 2, "read=corrupt");
  const auto ready = fetch("GET", "/v2/models/net/ready");
  EXPECT_EQ(ready.status, 200);
  EXPECT_TRUE(json(ready)["ready"].boolean());
  EXPECT_EQ(fetch("GET", "/v2/models/net/versions/1/ready").status, 200);
  const auto failed = fetch("GET", "/v2/models/net/versions/2/ready");
  EXPECT_EQ(failed.status, 503);
  EXPECT_FALSE(json(failed)["ready"].boolean(true));
  EXPECT_THAT(json(failed)["error"].text(), HasSubstr("torn"));
  expect_error(fetch("GET", "/v2/models/none/ready"), 404, "no model");
}

TEST_F(InferenceHttpTest, NumbersInNumbersOut) {
  load("net", 1, "scale=2 task=tensors");
  load("net", 2, "scale=4 task=tensors");
  const auto answered = fetch("POST", "/v2/models/net/infer", numbers());
  ASSERT_EQ(answered.status, 200) << answered.body;
  const Value value = json(answered);
  EXPECT_EQ(value["model_name"].text(), "net");
  EXPECT_EQ(value["model_version"].text(), "2");
  EXPECT_EQ(value["id"].text(), "42");
  EXPECT_EQ(value.at_pointer("/outputs/0/name").text(), "y");
  EXPECT_EQ(value.at_pointer("/outputs/0/datatype").text(), "FP32");
  EXPECT_EQ(value.at_pointer("/outputs/0/data/0").number(), 6);
  const Value old = json(fetch("POST", "/v2/models/net/versions/1/infer", numbers()));
  EXPECT_EQ(old["model_version"].text(), "1");
  EXPECT_EQ(old.at_pointer("/outputs/0/data/1").number(), 4);
}

TEST_F(InferenceHttpTest, BinaryTensorsBothWaysAtAnyAddress) {
  load("net", 1, "scale=2 task=tensors");
  for (std::size_t padding = 0; padding < 4; ++padding) {
    const std::string header = R"({"inputs":[{"name":"x","datatype":"FP32","shape":[1,2],"parameters":{"binary_data_size":8}}],)" +
                               std::string(padding, ' ') + R"("outputs":[{"name":"y","parameters":{"binary_data":true}}]})";
    const float sent[2] = {1.5F, -2};
    const auto answered = fetch("POST", "/v2/models/net/infer",
                                header + std::string(reinterpret_cast<const char*>(sent), sizeof sent),
                                {{"Inference-Header-Content-Length", std::to_string(header.size())}});
    ASSERT_EQ(answered.status, 200) << answered.body;
    EXPECT_EQ(answered.header("content-type"), "application/octet-stream");
    const std::size_t json_bytes = std::stoul(std::string(answered.header("inference-header-content-length")));
    ASSERT_EQ(answered.body.size(), json_bytes + 8);
    float got[2];
    std::memcpy(got, answered.body.data() + json_bytes, sizeof got);
    EXPECT_EQ(got[0], 3);
    EXPECT_EQ(got[1], -4);
    EXPECT_EQ(codec::json::parse(answered.body.substr(0, json_bytes))->at_pointer("/outputs/0/parameters/binary_data_size").integer(), 8);
  }
}

TEST_F(InferenceHttpTest, APictureGoesThroughTheWholePipeline) {
  load("net", 1, "");
  const std::string picture = test::fake_picture("of a cat");
  const std::string header = R"({"id":"p","parameters":{"camera":"door"},"inputs":[{"name":"picture","datatype":"BYTES","shape":[1],"parameters":{"binary_data_size":)" +
                             std::to_string(picture.size() + 4) + "}}]}";
  std::string length(4, '\0');
  length[0] = static_cast<char>(picture.size());
  const auto answered = fetch("POST", "/v2/models/net/infer", header + length + picture,
                              {{"Inference-Header-Content-Length", std::to_string(header.size())}});
  ASSERT_EQ(answered.status, 200) << answered.body;
  const Value value = json(answered);
  EXPECT_EQ(value["id"].text(), "p");
  EXPECT_EQ(value.at_pointer("/parameters/camera").text(), "door");
  EXPECT_EQ(value.at_pointer("/parameters/width").integer(), 640);
  EXPECT_EQ(value.at_pointer("/outputs/0/name").text(), "boxes");
  EXPECT_EQ(value.at_pointer("/outputs/0/shape/0").integer(), 1);
  EXPECT_EQ(value.at_pointer("/outputs/0/shape/1").integer(), 4);
  EXPECT_EQ(value.at_pointer("/outputs/0/data/3").number(), 0.75);
  EXPECT_EQ(value.at_pointer("/outputs/1/name").text(), "scores");
  EXPECT_EQ(value.at_pointer("/outputs/2/datatype").text(), "INT64");
  EXPECT_EQ(value.at_pointer("/outputs/2/data/0").integer(), 1);
  EXPECT_EQ(value.at_pointer("/outputs/3/data/0").text(), "cat");

  const std::string text = base::to_base64(base::as_bytes(picture));
  const auto asked = [&](const std::string& more) {
    return fetch("POST", "/v2/models/net/infer",
                 R"({"inputs":[{"name":"x","datatype":"BYTES","shape":[1],"data":[")" + text + "\"]}]" + more + "}");
  };
  EXPECT_EQ(json(asked("")).at_pointer("/outputs/3/data/0").text(), "cat") << "base64 in JSON";
  EXPECT_EQ(json(asked(R"(,"parameters":{"threshold":0.9})")).at_pointer("/outputs/1/shape/0").integer(-1), 0);
  EXPECT_EQ(json(asked(R"(,"outputs":[{"name":"names"}])"))["outputs"].array().size(), 1u);
  expect_error(asked(R"(,"parameters":{"threshold":2})"), 400, "threshold");
  const auto raw = fetch("POST", "/v2/models/net/infer", picture, {{"Inference-Header-Content-Length", "0"}});
  EXPECT_EQ(json(raw).at_pointer("/outputs/3/data/0").text(), "cat") << "the body is the picture";
}

TEST_F(InferenceHttpTest, OtherTasksAnswerWithTheirOwnTensors) {
  load("class", 1, "task=classification sees=dog");
  load("mask", 1, "task=segmentation");
  const std::vector<std::pair<std::string, std::string>> raw{{"Inference-Header-Content-Length", "0"}};
  const Value ranked = json(fetch("POST", "/v2/models/class/infer", test::fake_picture(), raw));
  EXPECT_EQ(ranked.at_pointer("/outputs/0/name").text(), "scores");
  EXPECT_EQ(ranked.at_pointer("/outputs/2/data/0").text(), "dog");
  const Value mask = json(fetch("POST", "/v2/models/mask/infer", test::fake_picture(), raw));
  EXPECT_EQ(mask.at_pointer("/outputs/0/datatype").text(), "UINT8");
  EXPECT_EQ(mask.at_pointer("/outputs/0/shape/1").integer(), 2);
}

TEST_F(InferenceHttpTest, ARawBodyOfNumbers) {
  load("net", 1, "scale=2 task=tensors");
  const float sent[4] = {1, 2, 3, 4};
  const std::string body(reinterpret_cast<const char*>(sent), sizeof sent);
  const Value value = json(fetch("POST", "/v2/models/net/infer", body, {{"Inference-Header-Content-Length", "0"}}));
  EXPECT_EQ(value.at_pointer("/outputs/0/shape/0").integer(), 2) << "the open dimension is what the size says";
  EXPECT_EQ(value.at_pointer("/outputs/0/data/3").number(), 8);
  expect_error(fetch("POST", "/v2/models/net/infer", body.substr(1), {{"Inference-Header-Content-Length", "0"}}), 400, "input 'x'");
}

TEST_F(InferenceHttpTest, TheBestClassesAsTexts) {
  load("net", 1, "task=tensors");
  const Value value = json(fetch("POST", "/v2/models/net/infer",
                                 numbers("[0.5,2]", R"(,"outputs":[{"name":"y","parameters":{"classification":1}}])")));
  EXPECT_EQ(value.at_pointer("/outputs/0/datatype").text(), "BYTES");
  EXPECT_EQ(value.at_pointer("/outputs/0/data/0").text(), "2:1:cat");
}

TEST_F(InferenceHttpTest, EachErrorHasItsStatus) {
  load("net", 1, "task=tensors");
  load("eye", 1, "");
  load("bad", 1, "fails=1");
  const auto post = [&](const std::string& path, const std::string& body,
                        std::vector<std::pair<std::string, std::string>> headers = {}) {
    return fetch("POST", path, body, std::move(headers));
  };
  expect_error(post("/v2/models/none/infer", numbers()), 404, "no model none");
  expect_error(post("/v2/models/net/versions/9/infer", numbers()), 404, "no version 9");
  expect_error(post("/v2/models/net/what", numbers()), 404, "nothing at");
  expect_error(fetch("GET", "/v2/models/net/infer"), 405, "POST");
  expect_error(post("/v2/models/net/infer", ""), 400, "request");
  expect_error(post("/v2/models/net/infer", "{"), 400, "request");
  expect_error(post("/v2/models/net/infer", numbers("[1]")), 400, "input x");
  expect_error(post("/v2/models/net/infer", R"({"inputs":[{"name":"z","datatype":"FP32","shape":[1],"data":[1]}]})"), 400, "input 'x' is missing");
  expect_error(post("/v2/models/net/infer", R"({"inputs":[{"name":"x","datatype":"FP32","shape":[1,2],"data":[1,2]},{"name":"z","datatype":"FP32","shape":[1],"data":[1]}]})"),
               400, "no input 'z'");
  expect_error(post("/v2/models/net/infer", R"({"inputs":[{"name":"x","datatype":"INT8","shape":[1,2],"data":[1,2]}]})"), 400, "float32");
  expect_error(post("/v2/models/net/infer", numbers("[1,2]", R"(,"outputs":[{"name":"q"}])")), 400, "no output 'q'");
  expect_error(post("/v2/models/net/infer", R"({"inputs":[{"name":"x","datatype":"BYTES","shape":[1],"data":["a"]}]})"), 400, "takes numbers");
  expect_error(post("/v2/models/eye/infer", R"({"inputs":[{"name":"x","datatype":"BYTES","shape":[1],"data":["a"]}]})"), 400, "no JPEG");
  expect_error(post("/v2/models/eye/infer", R"({"inputs":[{"name":"x","datatype":"BYTES","shape":[2],"data":["a","b"]}]})"), 400, "one picture");
  expect_error(post("/v2/models/eye/infer", test::fake_picture("broken"), {{"Inference-Header-Content-Length", "0"}}), 400, "broken");
  expect_error(post("/v2/models/net/infer", numbers(), {{"Inference-Header-Content-Length", "x"}}), 400, "Inference-Header-Content-Length");
  expect_error(post("/v2/models/net/infer", numbers(), {{"Inference-Header-Content-Length", "99999"}}), 400, "99999");
  expect_error(post("/v2/models/net/infer", numbers(), {{"Content-Encoding", "gzip"}}), 415, "gzip");
  expect_error(post("/v2/models/bad/infer", numbers()), 500, "it fails");
  expect_error(post("/v2/what", ""), 404, "nothing at");
  expect_error(fetch("PUT", "/v2/models/net/infer"), 404, "nothing at");
}

TEST_F(InferenceHttpTest, OnlyThoseWhoMayAsk) {
  load("net", 1, "task=tensors");
  known = false;
  for (const char* path : {"/v2", "/v2/models/net", "/v2/models/net/ready", "/v2/models/stats"})
    expect_error(fetch("GET", path), 401, "who are you?");
  expect_error(fetch("POST", "/v2/models/net/infer", numbers()), 401, "who are you?");
  known = true;
  caller.kind = Caller::Kind::node;
  expect_error(fetch("POST", "/v2/models/net/infer", numbers()), 403, "may not ask models");
  caller.kind = Caller::Kind::device;
  EXPECT_EQ(fetch("POST", "/v2/models/net/infer", numbers()).status, 200);
  expect_error(fetch("POST", "/v2/repository/models/spare/load"), 403, "needs the role operator");
  EXPECT_EQ(fetch("GET", "/api/v1/models").status, 403);
}

TEST_F(InferenceHttpTest, TheRepositoryIsListedAndChanged) {
  load("net", 1, "");
  load("net", 2, "make=corrupt");
  Value all = json(fetch("POST", "/v2/repository/index", "{}"));
  ASSERT_EQ(all.array().size(), 2u);
  EXPECT_EQ(all.at_pointer("/0/name").text(), "net");
  EXPECT_EQ(all.at_pointer("/0/version").text(), "1");
  EXPECT_EQ(all.at_pointer("/0/state").text(), "READY");
  EXPECT_EQ(all.at_pointer("/1/state").text(), "UNAVAILABLE");
  EXPECT_THAT(all.at_pointer("/1/reason").text(), HasSubstr("no model"));
  EXPECT_EQ(json(fetch("POST", "/v2/repository/index", R"({"ready":true})")).array().size(), 1u);
  EXPECT_EQ(json(fetch("POST", "/v2/repository/index")).array().size(), 2u);
  expect_error(fetch("POST", "/v2/repository/index", "[]"), 400, "expected an object");
  caller.right = net::api::Right::operate;
  EXPECT_EQ(fetch("POST", "/v2/repository/models/spare/load", "{}").status, 200);
  EXPECT_TRUE(models.resolve("spare"));
  expect_error(fetch("POST", "/v2/repository/models/none/load"), 404, "is held here");
  EXPECT_EQ(fetch("POST", "/v2/repository/models/spare/unload").status, 200);
  EXPECT_FALSE(models.resolve("spare"));
  expect_error(fetch("POST", "/v2/repository/models/spare/what"), 404, "load or /unload");
  EXPECT_THAT(audited, testing::ElementsAre("model.load spare", "model.load none", "model.unload spare"));
  api.load = nullptr;
  expect_error(fetch("POST", "/v2/repository/models/spare/load"), 409, "signed artifacts");
}

TEST_F(InferenceHttpTest, StatisticsAreCounted) {
  load("net", 1, "task=tensors");
  fetch("POST", "/v2/models/net/infer", numbers());
  fetch("POST", "/v2/models/net/infer", "{");
  const Value value = json(fetch("GET", "/v2/models/net/stats"));
  EXPECT_EQ(value.at_pointer("/model_stats/0/inference_count").integer(), 1);
  EXPECT_EQ(value.at_pointer("/model_stats/0/failure_count").integer(), 1);
  EXPECT_EQ(json(fetch("GET", "/v2/models/stats")).at_pointer("/model_stats/0/name").text(), "net");
  expect_error(fetch("GET", "/v2/models/none/stats"), 404, "no model");
}

TEST_F(InferenceHttpTest, APictureForPeople) {
  load("net", 1, "");
  const auto answered = fetch("POST", "/api/v1/models/net/detect", test::fake_picture());
  ASSERT_EQ(answered.status, 200) << answered.body;
  const Value value = json(answered);
  EXPECT_EQ(value["model"].text(), "net");
  EXPECT_EQ(value["version"].integer(), 1);
  EXPECT_EQ(value["width"].integer(), 640);
  EXPECT_EQ(value.at_pointer("/detections/0/name").text(), "cat");
  EXPECT_EQ(value.at_pointer("/detections/0/score").number(), 0.75);
  EXPECT_EQ(value.at_pointer("/detections/0/box/3").number(), 0.75);
  EXPECT_EQ(value.at_pointer("/milliseconds/infer").number(), 0.003);
  EXPECT_EQ(json(fetch("POST", "/api/v1/models/net/detect?threshold=0.8&region=0,0,1,0.5", test::fake_picture()))["detections"].array().size(), 0u);
  for (const char* wrong : {"?threshold=2", "?version=0", "?region=1,2", "?region=0.5,0,0.5,1", "?region=0,0,1,1,1"})
    EXPECT_EQ(fetch("POST", "/api/v1/models/net/detect" + std::string(wrong), test::fake_picture()).status, 400) << wrong;
  EXPECT_EQ(fetch("POST", "/api/v1/models/net/detect").status, 400);
  EXPECT_EQ(fetch("POST", "/api/v1/models/none/detect", test::fake_picture()).status, 404);
  EXPECT_EQ(fetch("POST", "/api/v1/models/net/other", test::fake_picture()).status, 404);
  EXPECT_EQ(fetch("POST", "/api/v1/models/net/detect", test::fake_picture("broken")).status, 400);
}

TEST_F(InferenceHttpTest, ThePictureComesBackDrawnOn) {
  load("net", 1, "");
  codec::Image grey;
  grey.width = 64;
  grey.height = 48;
  grey.pixels.assign(64 * 48 * 3, 128);
  const base::Bytes file = *codec::encode_png(grey);
  for (const char* format : {"png", "jpeg"}) {
    const auto answered = fetch("POST", "/api/v1/models/net/detect?annotated=" + std::string(format), std::string(base::as_text(file)));
    ASSERT_EQ(answered.status, 200) << answered.body;
    EXPECT_EQ(answered.header("content-type"), "image/" + std::string(format));
    const auto back = codec::decode(base::as_bytes(answered.body));
    ASSERT_TRUE(back);
    EXPECT_EQ(back->image.width, 64);
    EXPECT_NE(back->image.pixels, grey.pixels) << "there is a box";
  }
  EXPECT_EQ(fetch("POST", "/api/v1/models/net/detect?annotated=gif", std::string(base::as_text(file))).status, 400);
  const auto torn = fetch("POST", "/api/v1/models/net/detect?annotated=png", test::fake_picture());
  EXPECT_GE(torn.status, 400) << "the fake sees cats in what is no picture; it cannot be drawn on";
}

TEST_F(InferenceHttpTest, TheListSaysWhatThereIs) {
  load("net", 1, "");
  load("net", 2, "make=unavailable");
  const Value value = json(fetch("GET", "/api/v1/models"));
  EXPECT_EQ(value.at_pointer("/models/0/state").text(), "serving");
  EXPECT_GT(value.at_pointer("/models/0/memory").integer(), 0);
  EXPECT_EQ(value.at_pointer("/models/1/state").text(), "failed");
  EXPECT_THAT(value.at_pointer("/models/1/reason").text(), HasSubstr("no model runtime"));
  EXPECT_EQ(value.at_pointer("/memory/limit").integer(), 256 << 20);
  EXPECT_EQ(value.at_pointer("/runtime/state").text(), "not-needed");
}

}  // namespace
}  // namespace selvedge::serving
