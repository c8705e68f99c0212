#!/usr/bin/env bash
# Installs the block library of a build into a folder that goes away, builds programs against it with
# find_package and with pkg-config, and runs them: tests/package/run.sh BUILD
# A build with sanitizers has no such library; then one is made in BUILD/package.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "$1" && pwd)
if [ ! -e "$build/src/capi/libselvedge_block.so" ]; then
  (cd "$here/../.." && cmake --preset release -B "$build/package" >/dev/null)
  build=$build/package
  cmake --build "$build" --target selvedge_block_shared selvedge_block_static >/dev/null
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cmake --install "$build" --component block --prefix "$work/prefix" >/dev/null
cmake -S "$here" -B "$work/build" -DCMAKE_PREFIX_PATH="$work/prefix" >/dev/null
cmake --build "$work/build" >/dev/null
for program in in_c in_c_static in_cxx; do
  "$work/build/$program"
done
library=$(dirname "$(find "$work/prefix" -name selvedge_block.pc)")
flags=$(PKG_CONFIG_PATH=$library pkg-config --define-prefix --cflags --libs selvedge_block)
cc -std=c99 -Wall -Wextra -Wpedantic -Werror "$here/in_c.c" $flags -o "$work/by_pkg_config"
LD_LIBRARY_PATH=$(dirname "$library") "$work/by_pkg_config"
# Nothing but the interface is to be seen.
if nm -D --defined-only -C "$(dirname "$library")/libselvedge_block.so" | grep ' T ' | grep -v ' selvedge_'; then
  echo "the library shows more than its interface" >&2
  exit 1
fi
