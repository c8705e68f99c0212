#!/usr/bin/env bash
# Installs the libraries of a build into a folder that goes away, builds programs against them with
# find_package and with pkg-config, and runs them: tests/package/run.sh BUILD
# A build with sanitizers has no such libraries; then they are made in BUILD/package.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "$1" && pwd)
selvedge=$build/bin/selvedge
if [ ! -e "$build/src/capi/libselvedge_block.so" ] || [ ! -e "$build/src/capi/libselvedge_inference.so" ]; then
  (cd "$here/../.." && cmake --preset release -B "$build/package" >/dev/null)
  build=$build/package
  cmake --build "$build" --target selvedge_block_shared selvedge_block_static selvedge_inference_shared \
    selvedge_inference_static >/dev/null
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Each alone, and both.
cmake --install "$build" --component block --prefix "$work/prefix" >/dev/null
cat >"$work/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.25)
project(block_alone LANGUAGES C)
find_package(selvedge 0.1 REQUIRED)
if(TARGET selvedge::inference OR NOT TARGET selvedge::block)
  message(FATAL_ERROR "only blocks are installed")
endif()
END
cmake -S "$work" -B "$work/alone" -DCMAKE_PREFIX_PATH="$work/prefix" >/dev/null
cmake --install "$build" --component inference --prefix "$work/prefix" >/dev/null
cmake -S "$here" -B "$work/build" -DCMAKE_PREFIX_PATH="$work/prefix" >/dev/null
cmake --build "$work/build" >/dev/null
for program in in_c in_c_static in_cxx; do
  "$work/build/$program"
done
"$selvedge" model import "$here/../../docs/examples/colours.onnx" --description "$here/../../docs/examples/colours.toml" \
  --output "$work/colours.model" >/dev/null
for program in look_in_c look_in_c_static look_in_cxx; do
  status=0
  "$work/build/$program" "$work/colours.model" || status=$?
  case $status in
    0) ;;
    77) echo "$program: not run, there is no model runtime (scripts/fetch runtime)" ;;
    *) exit $status ;;
  esac
done
folder=$(dirname "$(find "$work/prefix" -name selvedge_block.pc)")
flags=$(PKG_CONFIG_PATH=$folder pkg-config --define-prefix --cflags --libs selvedge_block)
cc -std=c99 -Wall -Wextra -Wpedantic -Werror "$here/in_c.c" $flags -o "$work/by_pkg_config"
LD_LIBRARY_PATH=$(dirname "$folder") "$work/by_pkg_config"
flags=$(PKG_CONFIG_PATH=$folder pkg-config --define-prefix --cflags --libs selvedge_inference)
cc -std=c99 -Wall -Wextra -Wpedantic -Werror "$here/look_in_c.c" $flags -o "$work/look_by_pkg_config"
# Nothing but the interfaces is to be seen.
for library in block inference; do
  if nm -D --defined-only -C "$(dirname "$folder")/libselvedge_$library.so" | grep ' T ' | grep -v ' selvedge_'; then
    echo "libselvedge_$library shows more than its interface" >&2
    exit 1
  fi
done
