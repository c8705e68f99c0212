#!/bin/bash
# fetch.sh BUILD_DIR [--json] [--rounds N]: 1,000 small GETs by our client, libcurl and Python, at
# 0, 5 and 20 ms service time, in one run. BUILD_DIR is a release build in which the targets
# fetch_server and fetch_bench were made. Modes take turns within a round, so that a busy moment of
# the machine does not fall on one of them alone.
set -euo pipefail

usage="usage: fetch.sh BUILD_DIR [--json] [--rounds N]"
build=${1:?$usage}
shift
json= rounds=3 requests=1000
while (($#)); do
  case $1 in
    --json) json=--json ;;
    --rounds) rounds=${2:?$usage}; shift ;;
    *) echo "$usage" >&2; exit 2 ;;
  esac
  shift
done
here=$(dirname "$(realpath "$0")")
bin=$(realpath "$build/bin")
results=$(mktemp)
trap 'rm -f "$results"' EXIT
ulimit -n "$(ulimit -Hn)"

for delay in 0 5 20; do
  # The server ends when its standard input does, that is with the coprocess's pipe.
  coproc server { exec "$bin/fetch_server" "$delay"; }
  server_pid=$server_PID
  read -r port <&"${server[0]}"
  url="http://127.0.0.1:$port/reading"
  for ((round = 1; round <= rounds; ++round)); do
    for mode in ours curl_multi aiohttp curl requests; do
      case $mode in
        aiohttp | requests)
          /usr/bin/python3 -c "import $mode" 2>/dev/null || continue
          line=$(/usr/bin/python3 "$here/fetch_python.py" "$mode" "$url" "$requests") ;;
        *) line=$("$bin/fetch_bench" "$mode" "$url" "$requests") ;;
      esac
      printf '{"delay_ms":%d,"round":%d,%s\n' "$delay" "$round" "${line#\{}" >>"$results"
      [[ $json ]] || printf '\r%d ms, round %d: %-12s' "$delay" "$round" "$mode" >&2
    done
  done
  eval "exec ${server[1]}>&-"
  wait "$server_pid"
done
[[ $json ]] || printf '\r%40s\r' '' >&2
/usr/bin/python3 "$here/fetch_merge.py" $json <"$results"
