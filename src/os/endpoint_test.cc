#include <gtest/gtest.h>

#include "os/stream.h"

namespace selvedge::os {
namespace {

TEST(Endpoint, ReadsWhatItWrites) {
  struct Case {
    const char* text;
    const char* host;
    std::uint16_t port;
  };
  for (const Case& each : {Case{"gate.example:8883", "gate.example", 8883}, Case{":80", "", 80},
                           Case{"10.0.0.1:0", "10.0.0.1", 0}, Case{"[::1]:65535", "::1", 65535}}) {
    const auto endpoint = parse_endpoint(each.text);
    ASSERT_TRUE(endpoint) << each.text;
    EXPECT_EQ(endpoint->host, each.host);
    EXPECT_EQ(endpoint->port, each.port);
    EXPECT_EQ(endpoint->text(), each.text);
  }
}

TEST(Endpoint, RefusesWhatIsNone) {
  for (const char* text : {"", "host", "host:", "host:port", "host:65536", "host:-1", "::1:80",
                           "[::1]", "80"})
    EXPECT_FALSE(parse_endpoint(text)) << text;
}

}  // namespace
}  // namespace selvedge::os
