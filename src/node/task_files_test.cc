#include "node/task_files.h"

#include "codec/package/tar.h"
#include "crypto/crypto.h"
#include "store/artifact_fixture.h"

namespace selvedge::node {
namespace {

class TaskFiles : public testing::Test {
 protected:
  // An artifact of these bytes, whole on this disk.
  std::unique_ptr<store::ArtifactReader> artifact(const base::Bytes& bytes, const std::string& name = "art") {
    auto manifest = std::make_shared<model::ArtifactManifest>(store::test::manifest_of(bytes, name, 1));
    auto dir = machine.directory("blobs", true).value();
    EXPECT_TRUE(os::write_file(*dir, base::to_hex(manifest->digest) + ".blob", bytes));
    auto opened = store::ArtifactReader::open(*dir, manifest, std::nullopt);
    EXPECT_TRUE(opened) << opened.error().message;
    return std::move(*opened);
  }
  base::Result<void> unpack(const base::Bytes& bytes, std::string_view path = "", std::uint64_t most = 1 << 20) {
    std::uint64_t used = 0;
    const auto reader = artifact(bytes);
    return unpack_artifact(machine, "tasks/t/1", path, *reader, most, used);
  }
  std::string content(const std::string& path) {
    const auto bytes = machine.disk().contents(path);
    return bytes ? std::string(base::as_text(*bytes)) : "(none)";
  }
  static base::Bytes tar() { return codec::write_tar({{"bin/x", base::to_bytes("run")}, {"y", base::to_bytes("data")}}).value(); }

  os::fake::Simulation sim{1};
  os::fake::Machine& machine = sim.machine("a");
};

TEST_F(TaskFiles, ArchivesAreUnpackedPlainAndPacked) {
  ASSERT_TRUE(unpack(tar()));
  EXPECT_EQ(content("tasks/t/1/bin/x"), "run");
  ASSERT_TRUE(unpack(codec::write_archive({{"z", base::to_bytes("packed")}}).value(), "below/it"));
  EXPECT_EQ(content("tasks/t/1/below/it/z"), "packed");
}

TEST_F(TaskFiles, AnythingElseIsAFileOfTheArtifactsName) {
  const base::Bytes bytes = store::test::content(3, 200'000);      // of several chunks
  ASSERT_TRUE(unpack(bytes, "bin"));
  EXPECT_EQ(machine.disk().contents("tasks/t/1/bin/art").value(), bytes);
}

TEST_F(TaskFiles, NothingIsWrittenOutsideAndNothingBeyondTheBound) {
  base::Bytes evil = codec::write_tar({{"aa/escape", base::to_bytes("x")}}).value();
  for (const char* name : {"../escape", "/x/escape"}) {
    std::copy_n(name, 9, evil.begin());
    // With a sum that fits, so that it is the name that is refused.
    std::fill_n(evil.begin() + 148, 8, std::uint8_t{' '});
    unsigned sum = 0;
    for (std::size_t i = 0; i < 512; ++i) sum += evil[i];
    for (std::size_t i = 6; i-- > 0; sum /= 8) evil[148 + i] = static_cast<std::uint8_t>('0' + sum % 8);
    evil[154] = 0;
    const auto outcome = unpack(evil);
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, base::Code::invalid_input) << outcome.error().message;
  }
  EXPECT_FALSE(unpack(tar(), ".."));
  EXPECT_FALSE(unpack(tar(), "a/../../b"));
  for (const std::string& file : machine.disk().files()) EXPECT_EQ(file.find("escape"), file.npos) << file;
  const auto large = unpack(store::test::content(3, 200'000), "", 100'000);
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().code, base::Code::exhausted);
  EXPECT_EQ(unpack(tar(), "", 5).error().code, base::Code::exhausted);
}

TEST_F(TaskFiles, RunFilesAreFoundAgainAndWhatIsNoneGoes) {
  TaskRunFile file{"a.b.0", 3, 7, {}};
  file.task.command = {"/bin/x"};
  file.task.name = "a.b.0";
  ASSERT_TRUE(write_run_file(machine, "tasks", file));
  ASSERT_TRUE(os::write_file(*machine.directory("tasks/a.b.0", true).value(), "run-4.json", base::as_bytes("{torn")));
  machine.directory("tasks/.hidden", true).value();
  const auto files = read_run_files(machine, "tasks");
  ASSERT_TRUE(files) << files.error().message;
  const auto& found = *files;
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].name, "a.b.0");
  EXPECT_EQ(found[0].run, 3u);
  EXPECT_EQ(found[0].preparation, 7u);
  EXPECT_EQ(found[0].task, file.task);
  EXPECT_EQ(content("tasks/a.b.0/run-4.json"), "(none)");
  ASSERT_TRUE(remove_run_file(machine, "tasks", "a.b.0", 3));
  EXPECT_TRUE(read_run_files(machine, "tasks")->empty());
}

}  // namespace
}  // namespace selvedge::node
