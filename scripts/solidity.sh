#!/usr/bin/env bash
# The Solidity tests, twice: over contracts compiled for counting, whose coverage it prints and holds to BRANCHES_MIN
# percent of branches, and over the contracts as they are deployed, with the invariants.
#   ./scripts/solidity.sh [OPTION OF forge test]…     e.g. --match-test invariant
#   FOUNDRY_INVARIANT_RUNS=300 FOUNDRY_INVARIANT_DEPTH=500 ./scripts/solidity.sh --match-contract Invariants
set -euo pipefail
. "$(dirname "$0")/lib.sh"

BRANCHES_MIN=98
# EIP-170 allows 24,576 bytes of code; what is left is room for what comes.
CODE_BYTES_MAX=22000

install_packages
cd "$REPO"
report=$(mktemp)
trap 'rm -f "$report"' EXIT

for name in $(sed -nE 's/^ *error ([A-Za-z_]+)\(.*/\1/p' $(find contracts -name '*.sol')); do
    grep -rq "\b$name\b" tests/contracts || { echo "error: no test reaches the error $name" >&2; exit 1; }
done
npx --no-install hardhat build --quiet
node --input-type=module -e '
    import fs from "node:fs";
    for (const file of fs.readdirSync("artifacts/contracts", { recursive: true }).filter((name) => /^[A-Za-z]+\.sol\/[A-Za-z]+\.json$/.test(name))) {
        const { contractName, deployedBytecode } = JSON.parse(fs.readFileSync(`artifacts/contracts/${file}`));
        const bytes = (deployedBytecode.length - 2) / 2;
        if (bytes > 0) console.log(`${contractName}: ${bytes} bytes of code`);
        if (bytes > process.argv[1]) { console.error(`error: ${contractName} is larger than ${process.argv[1]} bytes`); process.exitCode = 1; }
    }' "$CODE_BYTES_MAX"
MARKET_ARTIFACTS=artifacts/contracts forge test "$@"
[ $# -eq 0 ] || exit 0
# Branches do not need many runs of each property, and no invariant.
FOUNDRY_FUZZ_RUNS=32 forge coverage --report summary --no-match-contract Invariants --no-match-coverage '^(tests|node_modules)/' | tee "$report"
awk -F'|' -v least="$BRANCHES_MIN" '
    / Total / { split($5, share, "%"); found = 1; if (share[1] + 0 < least) { print "error: " $5 " of the branches are reached, " least "% are needed"; exit 1 } }
    END { if (!found) { print "error: no coverage was counted"; exit 1 } }' "$report"
