#!/usr/bin/env bash
# Plants single faults in copies of the contracts, one at a time, and tells which of them the Solidity tests notice, by
# which test, and the score. Ends with 1 if a fault survives. The faults stand in tests/contracts/mutations.txt.
#   ./scripts/mutate.sh                        all of them
#   ./scripts/mutate.sh --sample 3 --seed 7    three, picked by the seed
set -euo pipefail
. "$(dirname "$0")/lib.sh"

sample=0
seed=1
while [ $# -gt 0 ]; do
    case $1 in
        --sample) sample=$2; shift 2 ;;
        --seed) seed=$2; shift 2 ;;
        *) echo "error: mutate.sh does not know $1; see its first lines" >&2; exit 2 ;;
    esac
done

install_packages
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
program=$(echo "$REPO"/node_modules/@foundry-rs/forge-*-*/bin/forge)
node "$REPO/scripts/mutate.js" "$program" "$scratch" "$(nproc)" "$sample" "$seed"
