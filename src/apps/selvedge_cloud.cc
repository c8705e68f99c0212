// selvedge-cloud: the cloud's daemon. It assembles and nothing else.

#include "apps/daemon.h"
#include "cloud/cloud.h"

namespace {

selvedge::base::Result<int> run(std::span<char* const> words) {
  return selvedge::apps::run_daemon<selvedge::cloud::Cloud, selvedge::cloud::CloudConfig>(
      {"selvedge-cloud", "the cloud of a Selvedge fleet.", "/etc/selvedge/cloud.toml"}, words);
}

}  // namespace

int main(int argc, char** argv) {
  return selvedge::apps::run_program("selvedge-cloud", argc, argv, run);
}
