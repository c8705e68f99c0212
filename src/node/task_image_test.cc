// Images become roots.

#include "node/task_image.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "base/text.h"
#include "codec/package/archive.h"
#include "codec/package/tar.h"
#include "crypto/crypto.h"

namespace selvedge::node {
namespace {

using base::Bytes;
using base::Code;
using testing::HasSubstr;

struct Entry {
  char type = '0';
  std::string name, text;                          // or the target
  unsigned mode = 0644;
};

Bytes tar_of(const std::vector<Entry>& entries) {
  Bytes whole;
  for (const Entry& one : entries) {
    const bool link = one.type == '1' || one.type == '2';
    Bytes header(512);
    const auto put = [&](std::size_t at, std::string_view text) { std::ranges::copy(text, header.begin() + static_cast<std::ptrdiff_t>(at)); };
    char number[16];
    put(0, one.name);
    std::snprintf(number, sizeof number, "%07o", one.mode);
    put(100, number);
    std::snprintf(number, sizeof number, "%011zo", link ? std::size_t{0} : one.text.size());
    put(124, number);
    header[156] = static_cast<std::uint8_t>(one.type);
    if (link) put(157, one.text);
    put(257, std::string_view("ustar\00000", 8));
    put(148, "        ");
    unsigned sum = 0;
    for (const std::uint8_t byte : header) sum += byte;
    std::snprintf(number, sizeof number, "%06o", sum);
    put(148, std::string_view(number, 7));
    base::append(whole, header);
    if (link) continue;
    base::append(whole, base::as_bytes(one.text));
    whole.resize((whole.size() + 511) / 512 * 512);
  }
  whole.resize(whole.size() + 1024);
  return whole;
}

std::string digest_of(std::string_view text) { return base::to_hex(crypto::sha256(base::as_bytes(text))); }

std::string pointer(std::string_view text, std::string_view more = "") {
  return R"({"digest":"sha256:)" + digest_of(text) + R"(","size":)" + std::to_string(text.size()) + std::string(more) + "}";
}

// A whole layout in a tar.
Bytes image_of(const std::vector<Bytes>& layers, const std::string& config) {
  std::vector<Entry> all{{'0', "oci-layout", R"({"imageLayoutVersion":"1.0.0"})"}};
  std::string list;
  for (const Bytes& layer : layers) {
    const std::string text(base::as_text(layer));
    all.push_back({'0', "blobs/sha256/" + digest_of(text), text});
    list += (list.empty() ? "" : ",") + pointer(text);
  }
  const std::string manifest = R"({"config":)" + pointer(config) + R"(,"layers":[)" + list + "]}";
  const std::string index = R"({"manifests":[)" + pointer(manifest, R"(,"platform":{"os":"linux","architecture":"amd64"})") + "]}";
  all.push_back({'0', "blobs/sha256/" + digest_of(config), config});
  all.push_back({'0', "blobs/sha256/" + digest_of(manifest), manifest});
  all.push_back({'0', "index.json", index});
  return tar_of(all);
}

constexpr const char* config = R"({"architecture":"amd64","config":{"Entrypoint":["/bin/sh"],"Cmd":["-c","true"],"Env":["A=b"],"WorkingDir":"/srv"}})";

class TaskImageTest : public testing::Test {
 protected:
  TaskImageTest() {
    std::string name = testing::TempDir() + "imageXXXXXX";
    folder = std::filesystem::canonical(::mkdtemp(name.data())).string();
    root = folder + "/root";
  }
  ~TaskImageTest() override { std::filesystem::remove_all(folder); }

  base::Result<codec::OciConfig> unpack(const Bytes& image, std::uint64_t most = 1 << 20) {
    std::filesystem::remove_all(root);
    tree = std::move(*os::RootTree::open(root));
    ImageSource source;
    source.size = image.size();
    // In odd pieces, as chunks would come.
    source.read = [&](std::uint64_t at, std::size_t count) -> base::Result<base::BytesView> {
      if (at == broken_at) return base::fail(Code::corrupt, "chunk 3 is damaged on this disk");
      if (at >= image.size()) return base::BytesView();
      const std::size_t to_edge = 700 - static_cast<std::size_t>(at % 700);
      return base::BytesView(image).subspan(static_cast<std::size_t>(at)).first(std::min({count, to_edge, image.size() - static_cast<std::size_t>(at)}));
    };
    used = 0;
    return unpack_image(*tree, source, "amd64", most, used);
  }
  std::string content(const std::string& path) const {
    std::ifstream in(root + path);
    return in ? std::string(std::istreambuf_iterator<char>(in), {}) : "(none)";
  }

  std::string folder, root;
  std::unique_ptr<os::RootTree> tree;
  std::uint64_t used = 0, broken_at = UINT64_MAX;
};

TEST_F(TaskImageTest, LayersLieOnOneAnother) {
  const Bytes lower = tar_of({{'5', "usr/", ""}, {'5', "usr/bin/", ""}, {'0', "usr/bin/sh", "shell", 04755}, {'2', "bin", "usr/bin"},
                              {'0', "etc/one", "1"}, {'0', "etc/two", "2"}, {'0', "var/cache/a", "a"}, {'0', "var/cache/b", "b"}});
  // The whiteouts stand behind what their own layer has.
  const Bytes upper = tar_of({{'0', "bin/more", "through the link", 0755}, {'1', "bin/ash", "bin/sh"}, {'0', "var/cache/c", "c"},
                              {'0', "var/cache/.wh..wh..opq", ""}, {'0', "etc/.wh.one", ""}, {'0', "etc/two", "new"}});
  const auto read = unpack(image_of({lower, upper}, config));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->folder, "/srv");
  EXPECT_EQ(content("/usr/bin/more"), "through the link");
  EXPECT_EQ(content("/usr/bin/ash"), "shell");
  EXPECT_EQ(content("/etc/one"), "(none)");
  EXPECT_EQ(content("/etc/two"), "new");
  EXPECT_EQ(content("/var/cache/a"), "(none)");
  EXPECT_EQ(content("/var/cache/c"), "c");
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root))
    EXPECT_THAT(entry.path().string(), testing::Not(HasSubstr(".wh."))) << "no whiteout stays";
  struct stat found {};
  ASSERT_EQ(::stat((root + "/usr/bin/sh").c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 07777, 0755u) << "its setuid bit is gone";
}

TEST_F(TaskImageTest, NothingOfItLeadsOut) {
  std::ofstream(folder + "/outside") << "safe";
  const Bytes evil = tar_of({{'2', "out", folder}, {'0', "out/outside", "written"}, {'2', "up", "../../../../../.." + folder},
                             {'0', "up/outside", "written"}, {'0', "out/.wh.outside", ""}, {'0', "up/.wh..wh..opq", ""}});
  base::ignore(unpack(image_of({evil, evil}, config)), "it may be refused");
  std::ifstream in(folder + "/outside");
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), "safe");
  EXPECT_THAT(unpack(image_of({tar_of({{'0', "../outside", "written"}})}, config)).error().message, HasSubstr("no clean path"));
  EXPECT_FALSE(unpack(image_of({tar_of({{'1', "hard", "../outside"}})}, config)));
  EXPECT_TRUE(unpack(image_of({tar_of({{'3', "dev/sda", ""}, {'6', "pipe", ""}})}, config))) << "devices and pipes are left out";
  EXPECT_FALSE(std::filesystem::exists(root + "/dev/sda"));
}

TEST_F(TaskImageTest, ItIsBounded) {
  const Bytes layer = tar_of({{'0', "a", std::string(5000, 'x')}, {'0', "b", std::string(5000, 'y')}});
  EXPECT_TRUE(unpack(image_of({layer}, config), 20'000));
  EXPECT_GT(used, 10'000u);
  const auto refused = unpack(image_of({layer}, config), 9'000);
  EXPECT_EQ(refused.error().code, Code::exhausted);
  EXPECT_THAT(refused.error().message, HasSubstr("unpack layer"));
}

TEST_F(TaskImageTest, SaysWhatIsWrongWithIt) {
  EXPECT_THAT(unpack(tar_of({{'0', "a", "1"}})).error().message, HasSubstr("no index.json"));
  EXPECT_THAT(unpack(base::to_bytes("no tar at all")).error().message, HasSubstr("read the image"));
  EXPECT_THAT(unpack(image_of({base::to_bytes(std::string(600, 'x'))}, config)).error().message, HasSubstr("wrong sum"));
  EXPECT_THAT(unpack(image_of({}, R"({"architecture":"arm64"})")).error().message, HasSubstr("is for arm64, this machine is amd64"));
  const Bytes packed = codec::write_archive({{"index.json", base::to_bytes("{}")}}).value();
  EXPECT_THAT(unpack(packed).error().message, HasSubstr("packed as a whole"));
  // That its own disk is damaged is another matter than what the image holds.
  broken_at = 1024;
  EXPECT_EQ(unpack(image_of({}, config)).error().code, Code::corrupt);
}

TEST_F(TaskImageTest, TheCommandOfATaskTakesThePlaceOfTheImagesArguments) {
  ImageRun run{{"/bin/serve"}, {"--all"}, {{"A", "b"}}, "/srv"};
  model::Task task;
  EXPECT_EQ(image_command(run, task).value(), (std::vector<std::string>{"/bin/serve", "--all"}));
  task.command = {"--one", "x"};
  EXPECT_EQ(image_command(run, task).value(), (std::vector<std::string>{"/bin/serve", "--one", "x"}));
  run.entrypoint.clear();
  EXPECT_EQ(image_command(run, task).value(), (std::vector<std::string>{"--one", "x"}));
  EXPECT_THAT(image_command({}, model::Task{}).error().message, HasSubstr("what is to run"));
}

TEST_F(TaskImageTest, PlacesForWhatASandboxPutsThereAreMade) {
  ASSERT_TRUE(unpack(image_of({tar_of({{'2', "var", "usr/var"}, {'2', "etc/resolv.conf", "/run/x"}})}, config)));
  model::Task task;
  task.sandbox.writable = {"/var/lib/data"};
  task.sandbox.network = model::TaskSandbox::Network::host;
  codec::OciConfig its;
  its.folder = "/srv/app";
  ASSERT_TRUE(make_image_places(*tree, task, its, "/var/lib/selvedge/tasks/a/1"));
  for (const char* const path : {"/proc", "/dev", "/tmp", "/run", "/srv/app"}) EXPECT_TRUE(std::filesystem::is_directory(root + path)) << path;
  EXPECT_TRUE(std::filesystem::is_regular_file(std::filesystem::symlink_status(root + "/etc/resolv.conf")));
}

}  // namespace
}  // namespace selvedge::node
