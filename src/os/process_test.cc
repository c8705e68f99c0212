#include "os/process.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <string>

#include "os/fd.h"

namespace selvedge::os {
namespace {

TEST(Process, KnowsItsMemory) {
  const ProcessMemory memory = process_memory().value();
  EXPECT_GT(memory.resident_bytes, 1u << 20);
  EXPECT_GT(memory.proportional_bytes, 0u);
  EXPECT_LE(memory.proportional_bytes, memory.resident_bytes);
}

TEST(Process, KnowsItsMachine) {
  const Machine known = machine();
  EXPECT_EQ(known.os, "linux");
  EXPECT_GE(known.cpu, 1000);
  EXPECT_EQ(known.cpu % 1000, 0);
  EXPECT_GT(known.memory, 1 << 20);
}

TEST(Process, HasADirectoryForItselfAlone) {
  const std::string path = testing::TempDir() + "/claimed." + std::to_string(getpid());
  ASSERT_TRUE(claim_directory(path));
  const auto again = claim_directory(path);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, base::Code::conflict);
  EXPECT_NE(again.error().message.find("in use by process " + std::to_string(getpid())), std::string::npos);
  EXPECT_FALSE(claim_directory("/proc/no/such"));
}

TEST(Process, TunesItsHeapWithoutHarm) {
  keep_heap_compact();
  release_free_memory();
  EXPECT_TRUE(process_memory());
}

TEST(Process, RaisesTheLimitOfOpenFiles) {
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  rlimit low = before;
  low.rlim_cur = 64;
  ::setrlimit(RLIMIT_NOFILE, &low);
  EXPECT_EQ(raise_open_files_limit().value(), before.rlim_max);
  ::setrlimit(RLIMIT_NOFILE, &before);
}

TEST(Process, TellsASupervisorThatListens) {
  ::unsetenv("NOTIFY_SOCKET");
  EXPECT_TRUE(notify_supervisor("READY=1"));

  const std::string file = testing::TempDir() + "selvedge-notify-" + std::to_string(::getpid());
  const std::string abstract = "@selvedge-notify-" + std::to_string(::getpid());
  for (const std::string& name : {file, abstract}) {
    SCOPED_TRACE(name);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, name.data(), name.size());
    if (name.front() == '@') address.sun_path[0] = '\0';
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    const Fd supervisor(::socket(AF_UNIX, SOCK_DGRAM, 0));
    ASSERT_EQ(::bind(supervisor.value(), reinterpret_cast<const sockaddr*>(&address), size), 0);
    ::setenv("NOTIFY_SOCKET", name.c_str(), 1);
    ASSERT_TRUE(notify_supervisor("READY=1"));
    std::array<char, 32> heard{};
    const ssize_t count = ::recv(supervisor.value(), heard.data(), heard.size(), MSG_DONTWAIT);
    EXPECT_EQ(std::string(heard.data(), count < 0 ? 0 : static_cast<std::size_t>(count)),
              "READY=1");
  }
  ::unlink(file.c_str());
  ::setenv("NOTIFY_SOCKET", std::string(200, 'x').c_str(), 1);
  EXPECT_FALSE(notify_supervisor("READY=1"));
  ::setenv("NOTIFY_SOCKET", "/nonexistent/socket", 1);
  EXPECT_FALSE(notify_supervisor("READY=1"));
  ::unsetenv("NOTIFY_SOCKET");
}

}  // namespace
}  // namespace selvedge::os
