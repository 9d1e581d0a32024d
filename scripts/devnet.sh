#!/usr/bin/env bash
# A local network of real processes: ./scripts/devnet.sh up [--nodes 5] [--keepers 2] [--block-time 1] [--period 20] [--dir DIR] [--detach]
# and down, status [--json], start WHO (node:3, keeper:1, gateway), all with --dir.
set -euo pipefail
. "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/lib.sh"
build_market
market_program devnet "$@"
