// CameraNodeTest: a node on a fake machine that holds a model which is none: it finds as many cats in a picture as
// the picture is blocks wide, so that a test can draw what it wants to be counted.

#pragma once

#include <gmock/gmock.h>

#include "codec/image/image.h"
#include "codec/json/value.h"
#include "engine/trust/trust_fixture.h"
#include "net/http/http.h"
#include "node/node_fixture.h"
#include "os/file_at.h"
#include "serving/models_fixture.h"
#include "store/artifact_fixture.h"
#include "store/twin_store.h"

namespace selvedge::node {

inline constexpr int block = 16;                   // pixels

// With task=classification it says "cat" of what is two blocks wide, "dog" of all else.
class CountingPipeline final : public infer::Pipeline {
 public:
  explicit CountingPipeline(infer::Description description) : description_(std::move(description)) {}
  const infer::Description& description() const override { return description_; }
  const infer::Session& session() const override { return session_; }
  base::Result<infer::Answer> run(base::BytesView file, const infer::RunOptions& options) const override {
    return run(TRY(codec::decode(file)).image, options);
  }
  base::Result<infer::Answer> run(const codec::Image& image, const infer::RunOptions&) const override {
    infer::Answer answer;
    answer.width = image.width;
    answer.height = image.height;
    const int blocks = image.width / block - 1;
    if (description_.task == infer::Task::classification) {
      answer.ranked = {{blocks == 1 ? 1 : 2, blocks == 1 ? "cat" : "dog", 0.75F}, {0, "background", 0.125F}};
      return answer;
    }
    for (int i = 0; i < blocks; ++i) answer.detections.push_back({1, "cat", 0.75F, {0.25F, 0.25F, 0.5F, 0.75F}});
    return answer;
  }

 private:
  infer::Description description_;
  serving::test::FakeSession session_{{}};
};

class CameraNodeTest : public NodeTest {
 protected:
  CameraNodeTest() {
    config.name = "edge-1";
    config.artifacts_root = "keys.json";
    config.model_loader = serving::test::fake_loader();
    config.model_loader.make = [](const infer::ModelPackage& package, const infer::SessionOptions&)
        -> base::Result<std::shared_ptr<const infer::Pipeline>> {
      return std::make_shared<CountingPipeline>(package.description);
    };
    EXPECT_TRUE(os::write_text(machine, "keys.json", signers.envelope(signers.first(), {"root"})));
  }

  CameraConfig& camera(std::string name, std::string model = "finder") {
    CameraConfig& one = config.cameras.emplace_back();
    one.name = std::move(name);
    one.model = std::move(model);
    return one;
  }

  // A picture with so many cats.
  static base::Bytes picture(int cats) {
    codec::Image image{(cats + 1) * block, block, {}};
    image.pixels.assign(std::size_t(image.width) * block * 3, std::uint8_t(40 * cats));
    return codec::encode_jpeg(image).value();
  }

  // Onto the disk of a node that does not run, as if it had been fetched.
  void bring(const std::string& name, std::string_view spec, const std::string& kind = "model", std::uint64_t version = 1) {
    auto opened = store::ArtifactStore::open(machine, "state/artifacts", {});
    ASSERT_TRUE(opened) << opened.error().message;
    store::ArtifactStore& store = **opened;
    const base::Bytes bytes = base::to_bytes(spec);
    auto manifest = std::make_shared<model::ArtifactManifest>(store::test::manifest_of(bytes, name, version));
    manifest->kind = kind;
    manifest->created = engine::trust_start;
    std::optional<base::Result<void>> brought;
    store.begin(manifest, signers.envelope(*manifest, {"signer"}), store::Pin::no,
                [&](base::Result<store::ArtifactBegun> begun) {
                  ASSERT_TRUE(begun) << begun.error().message;
                  const auto writer = begun->writer;
                  store.run(writer, [&](store::ArtifactWriter& w) { EXPECT_TRUE(w.write(bytes, machine.loop().now())); },
                            [&, writer] { store.publish(writer, [&](base::Result<void> done) { brought = done; }); });
                });
    run_until([&] { return brought.has_value(); });
    ASSERT_TRUE(*brought) << brought->error().message;
  }

  // Has the node's twin wish for it, and waits until it serves.
  void serve(const std::string& name) {
    ASSERT_TRUE(node->twins().edit(twin, {engine::TwinEdit::Kind::put, "/features/models/desiredProperties/" + name,
                                          R"({"version":1})"}));
    node->twins().commit([] {});
    until_serving(name);
  }
  void until_serving(const std::string& name) {
    const auto said = [&](const std::string& what) {
      const engine::Twin* own = node->twins().find(twin);
      return own == nullptr ? "" : std::string(own->leaf(model::TwinPart::reported, "/models/" + name + what));
    };
    ASSERT_TRUE(sim.run_until([&] { return said("/state") == "\"applied\""; }, std::chrono::minutes(5)))
        << said("/state") << said("/reason");
  }

  void write(const std::string& path, base::BytesView bytes) {
    ASSERT_TRUE(os::write_text(machine, path, base::as_text(bytes), os::Open::create, os::Folder::made));
  }

  net::http::Fetched ask(const std::string& method, const std::string& path, base::BytesView body = {}) {
    net::http::Client client(machine, {}, nullptr);
    std::optional<net::http::Fetched> answer;
    client.fetch({method, "http://127.0.0.1:8080" + path, {{"content-type", "image/jpeg"}}, std::string(base::as_text(body))},
                 [&](base::Result<net::http::Fetched> fetched) {
                   EXPECT_TRUE(fetched);
                   answer = fetched ? std::move(*fetched) : net::http::Fetched{};
                 });
    run_until([&] { return answer.has_value(); });
    return answer.value_or(net::http::Fetched{});
  }

  // The integers of a series.
  std::vector<std::int64_t> counts(std::string_view series) {
    std::vector<std::int64_t> all;
    each_reading(series, [&](std::int64_t, const model::ValueView& value) {
      EXPECT_EQ(value.kind, model::Kind::int64);
      all.push_back(value.int64);
    });
    return all;
  }
  std::vector<std::string> texts(std::string_view series) {
    std::vector<std::string> all;
    each_reading(series, [&](std::int64_t, const model::ValueView& value) { all.emplace_back(value.text); });
    return all;
  }
  void until_counts(std::string_view series, std::vector<std::int64_t> wanted) {
    sim.run_until([&] { return counts(series) == wanted; }, std::chrono::minutes(1));
    EXPECT_EQ(counts(series), wanted) << series;
  }

  engine::Signers signers;
  const std::string twin = "edge-1:_node";
};

}  // namespace selvedge::node
