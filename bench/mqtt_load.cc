// mqtt_load: a bounded load generator for MQTT servers and for the node's HTTP ingest; loopback only.
//
// One thread on epoll and an MQTT encoder of its own: nothing of what is measured is in it. The
// number to trust is the server's CPU time a message, which moves least when the machine is shared.

#include <sys/resource.h>

#include <csignal>

#include "load/fan_in.h"
#include "load/hold.h"
#include "load/post.h"

int main(int argc, char** argv) {
  using namespace selvedge::bench;
  const Options options = parse_options(argc, argv);
  std::signal(SIGPIPE, SIG_IGN);
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }
  if (options.mode == "hold") return run_hold(options);
  if (options.mode == "post") return run_post(options);
  return run_fan_in(options);
}
