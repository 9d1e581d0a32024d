#!/usr/bin/env bash
# Benchmarks: ./scripts/bench.sh NAME [--json]. With --json, one flat JSON object on the last line of standard output.
#   coding     kernels and the chain that they make, in memory, by processor time, beside other people's code
#   gas        whole transactions on Hardhat's own chain (osaka), in its steady state
#   node       a whole node beside bare Kestrel over TLS: taking, giving, many small shards; proving, starting and memory by what it holds
#   transfer   whole processes on a devnet, nodes counted too, beside restic and rclone; peak memory; a folder stored again
set -euo pipefail
. "$(dirname "$0")/lib.sh"
if [ "${1:-}" = gas ]; then
  install_packages >&2
  cd "$REPO"
  npx hardhat build --no-tests --quiet >&2
  exec npx hardhat run --no-compile scripts/gas.js
fi
case ${1:-} in
    coding) want_library libisal.so.2 libisal2 ;;
    node) install_packages >&2 ;;
    transfer) want restic restic; want rclone rclone; build_market >&2 ;;
esac
cd "$REPO"
dotnet build tests/Marketplace.Benchmarks -c "$CONFIGURATION" --nologo -v q >&2
exec dotnet "tests/Marketplace.Benchmarks/bin/$CONFIGURATION/net10.0/Marketplace.Benchmarks.dll" "$@"
