// What tests of artifacts share: bytes from a seed, their manifest, and its document.

#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "base/text.h"
#include "codec/artifact/documents.h"
#include "codec/artifact/envelope.h"
#include "crypto/crypto.h"
#include "os/fake/simulation.h"
#include "store/artifact_store.h"

namespace selvedge::store::test {

inline base::Bytes content(std::uint64_t seed, std::size_t size) {
  os::fake::Random random(seed);
  base::Bytes bytes(size);
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random.next());
  return bytes;
}

inline model::ArtifactManifest manifest_of(base::BytesView bytes, std::string name,
                                           std::uint64_t version,
                                           std::uint32_t chunk_bytes = 64 << 10) {
  model::ArtifactManifest m;
  m.name = std::move(name);
  m.version = version;
  m.version_text = std::to_string(version) + ".0";
  m.kind = "data";
  m.size = bytes.size();
  m.digest = crypto::sha256(bytes);
  m.chunk_bytes = chunk_bytes;
  for (std::size_t at = 0; at < bytes.size(); at += chunk_bytes)
    m.chunks.push_back(crypto::sha256(bytes.subspan(at, std::min<std::size_t>(chunk_bytes, bytes.size() - at))));
  return m;
}

// Signed by nobody: who checks signatures stands before the store.
inline std::string document_of(const model::ArtifactManifest& manifest) {
  codec::artifact::Envelope envelope;
  envelope.type = codec::artifact::manifest_type;
  envelope.payload = base::to_bytes(codec::artifact::encode(manifest));
  envelope.signatures.push_back({std::string(64, 'a'), base::Bytes(64, 1)});
  return codec::artifact::encode(envelope);
}

struct Sample {
  Sample(std::uint64_t seed, std::size_t size, std::string name, std::uint64_t version)
      : bytes(content(seed, size)),
        manifest(std::make_shared<model::ArtifactManifest>(
            manifest_of(bytes, std::move(name), version))),
        document(document_of(*manifest)) {}
  // Other bytes under a name, for instance some of which are those of another sample.
  Sample(base::Bytes b, std::string name, std::uint64_t version)
      : bytes(std::move(b)),
        manifest(std::make_shared<model::ArtifactManifest>(
            manifest_of(bytes, std::move(name), version))),
        document(document_of(*manifest)) {}

  base::Bytes bytes;
  std::shared_ptr<const model::ArtifactManifest> manifest;
  std::string document;
};

// A machine with a store, driven to the end of each call.
class ArtifactMachine {
 public:
  explicit ArtifactMachine(std::uint64_t seed) : sim(seed), machine(sim.machine("node")) {
    machine.on_crash([this] { store.reset(); });
  }

  void open(ArtifactStoreLimits wanted = {}) {
    limits = wanted;
    auto opened = ArtifactStore::open(machine, "artifacts", limits);
    ASSERT_TRUE(opened) << opened.error().message;
    store = std::move(*opened);
  }
  void reopen() {
    store.reset();
    open(limits);
  }

  // What `start`'s callback gets; an error if it is never called, as after a crash.
  template <typename T, typename Start>
  base::Result<T> wait(Start start) {
    auto outcome = std::make_shared<std::optional<base::Result<T>>>();
    start([outcome](base::Result<T> result) { outcome->emplace(std::move(result)); });
    sim.run_until([&] { return outcome->has_value(); }, std::chrono::minutes(1));
    if (!outcome->has_value()) return base::fail(base::Code::internal, "never answered");
    return std::move(**outcome);
  }

  base::Result<ArtifactBegun> begin(const Sample& sample, Pin pin = Pin::no) {
    return wait<ArtifactBegun>(
        [&](auto done) { store->begin(sample.manifest, sample.document, pin, done); });
  }
  base::Result<ArtifactWriter::Wrote> write(const std::shared_ptr<ArtifactWriter>& writer,
                                            base::BytesView bytes) {
    return wait<ArtifactWriter::Wrote>([&](auto done) {
      auto wrote = std::make_shared<base::Result<ArtifactWriter::Wrote>>();
      store->run(
          writer,
          [wrote, bytes, now = machine.loop().now()](ArtifactWriter& w) { *wrote = w.write(bytes, now); },
          [wrote, done] { done(*wrote); });
    });
  }
  base::Result<void> publish(std::shared_ptr<ArtifactWriter> writer) {
    return wait<void>([&](auto done) { store->publish(std::move(writer), done); });
  }
  // All of it, from where it was left.
  base::Result<void> put(const Sample& sample, Pin pin = Pin::no) {
    const ArtifactBegun begun = TRY(begin(sample, pin));
    if (!begun.writer) return {};
    const base::BytesView rest = base::BytesView(sample.bytes).subspan(begun.writer->have());
    for (std::size_t at = 0; at < rest.size(); at += 50'000)
      TRY(write(begun.writer, rest.subspan(at, std::min<std::size_t>(50'000, rest.size() - at))));
    return publish(begun.writer);
  }
  base::Result<base::Bytes> read(const Sample& sample) {
    auto reader = TRY(wait<std::unique_ptr<ArtifactReader>>(
        [&](auto done) { store->open(sample.manifest->digest, done); }));
    base::Bytes all, chunk;
    for (std::uint64_t i = 0; i < reader->chunks(); ++i) {
      TRY(reader->read(i, chunk));
      base::append(all, chunk);
    }
    return all;
  }
  base::Result<void> verify(const Sample& sample) {
    return wait<void>([&](auto done) {
      store->verify(sample.manifest->name, sample.manifest->version, done);
    });
  }
  void release(const Sample& sample) {
    store->release(sample.manifest->name, sample.manifest->version);
  }
  bool whole(const Sample& sample) const {
    const ArtifactEntry* e = store->find(sample.manifest->name, sample.manifest->version);
    return e != nullptr && e->whole;
  }
  std::string file(const Sample& sample, std::string_view what) const {
    return "artifacts/" + base::to_hex(sample.manifest->digest) + "." + std::string(what);
  }
  bool exists(const std::string& path) const { return machine.disk().contents(path).has_value(); }

  os::fake::Simulation sim;
  os::fake::Machine& machine;
  ArtifactStoreLimits limits;
  std::unique_ptr<ArtifactStore> store;
};

}  // namespace selvedge::store::test
