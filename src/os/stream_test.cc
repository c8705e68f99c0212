#include <gtest/gtest.h>

#include "os/test_streams.h"

namespace selvedge::os {
namespace {

using namespace std::chrono_literals;
using base::as_bytes;

// A server end that sends back what it hears.
void echo(End& end) {
  end.then_on_bytes = [](Stream& stream, base::BytesView bytes) { stream.write(bytes); };
}

TEST(Stream, CarriesBytesBothWays) {
  TestWorld world;
  Server server(world);
  server.prepare = echo;
  End client;
  connect(world, client, {"127.0.0.1", server.port()});
  client.stream->write(as_bytes("hello"));

  ASSERT_TRUE(world.run_until([&] { return client.received == "hello"; }));

  EXPECT_TRUE(client.open);
  EXPECT_TRUE(client.stream->peer().loopback);
  EXPECT_EQ(client.stream->peer().address, "127.0.0.1:" + std::to_string(server.port()));
  EXPECT_FALSE(client.stream->peer().encrypted);
}

}  // namespace
}  // namespace selvedge::os
