// tls_bench: the processes that bench/tls.py puts together.
//
//   tls_bench keys DIR
//   tls_bench serve DIR handshakes|bulk|echo [chacha]
//   tls_bench hands DIR PORT full|resumed COUNT
//   tls_bench receive DIR PORT aes|chacha MIB
//   tls_bench storm DIR PORT COUNT
//   tls_bench model MICROSECONDS NODES

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "parts.h"

int main(int argc, char** argv) {
  using namespace selvedge::bench;
  const std::vector<std::string> words(argv + 1, argv + argc);
  const auto word = [&](std::size_t i) { return i < words.size() ? words[i] : std::string(); };
  const auto number = [&](std::size_t i) { return std::atoi(word(i).c_str()); };
  const auto port = [&] { return static_cast<std::uint16_t>(number(2)); };
  const std::string what = word(0);
  int status = 2;
  if (what == "keys") status = write_keys(word(1)) ? 0 : 1;
  else if (what == "serve") status = serve(word(1), word(2), word(3) == "chacha");
  else if (what == "hands") status = shake_hands(word(1), port(), word(3) == "resumed", number(4));
  else if (what == "receive")
    status = receive(word(1), port(), word(3) == "chacha", static_cast<std::uint64_t>(number(4)));
  else if (what == "storm") status = storm(word(1), port(), number(3));
  else if (what == "model")
    status = model(std::atof(word(1).c_str()), static_cast<std::uint32_t>(number(2)));
  if (status != 0) std::fprintf(stderr, "tls_bench %s: failed\n", what.c_str());
  return status;
}
