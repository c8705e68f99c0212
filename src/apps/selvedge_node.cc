// selvedge-node: the edge node's daemon. It assembles and nothing else.

#include "apps/daemon.h"
#include "node/node.h"

namespace {

selvedge::base::Result<int> run(std::span<char* const> words) {
  return selvedge::apps::run_daemon<selvedge::node::Node, selvedge::node::NodeConfig>(
      {"selvedge-node", "an edge node.", "/etc/selvedge/node.toml"}, words);
}

}  // namespace

int main(int argc, char** argv) {
  return selvedge::apps::run_program("selvedge-node", argc, argv, run);
}
