#!/usr/bin/env bash
# Everything that CI runs, from a fresh clone. Ends with "N passed, N failed"; exit code 0 only if nothing failed.
#   ./scripts/test.sh            all
#   ./scripts/test.sh unit       without the runs of whole networks
# Two steps run beside each other; what a step prints comes out whole when it ends.
set -uo pipefail
. "$(dirname "$0")/lib.sh"
cd "$REPO"

LANES=2
# A test that waits for ever is named and ended after this long; so is a whole suite.
HANG_LIMIT=4m
SUITE_SECONDS_MAX=900

# Processes of tests live for seconds or minutes: compiling twice what they call often took a fifth of all the time.
# A hexadecimal number of calls.
export DOTNET_TieredPGO=0 DOTNET_TC_CallCountThreshold=7530

logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT

# check NAME COMMAND…: passes or fails as a whole.
check() {
    local good=1 bad=0
    "${@:2}" || { good=0; bad=1; }
    echo "$good $bad" > "$logs/$1.count"
    [ "$bad" -eq 0 ] || echo "FAILED: $1"
    return "$bad"
}

# count NAME COMMAND…: a runner that counts its own tests, in the words of dotnet test or forge.
count() {
    local name=$1 log="$logs/$1.log" code good bad; shift
    timeout -k 10 "$SUITE_SECONDS_MAX" "$@" 2>&1 | tee "$log"
    code=${PIPESTATUS[0]}
    good=$(sum 's/.*Passed: *\([0-9]*\),.*/\1/p; s/^Ran .*: \([0-9]*\) tests passed.*/\1/p' "$log")
    bad=$(sum 's/.*Failed: *\([0-9]*\),.*/\1/p; s/^Ran .* tests passed, \([0-9]*\) failed.*/\1/p' "$log")
    if [ "$code" -ne 0 ] && [ "$bad" -eq 0 ]; then bad=1; echo "FAILED: $name ended with exit code $code"; fi
    if [ "$code" -eq 0 ] && [ "$good" -eq 0 ]; then bad=1; echo "FAILED: $name ran no test"; fi
    echo "$good $bad" > "$logs/$name.count"
}

sum() { sed -n "$1" "$2" | awk '{ total += $1 } END { print total + 0 }'; }

dotnet_tests() {
    count "$1" dotnet test --no-build -c "$CONFIGURATION" --nologo --results-directory "$logs/$1" \
        --blame-hang-timeout "$HANG_LIMIT" --blame-hang-dump-type none "tests/Marketplace.$1.Tests"
}

# aside NAME COMMAND…: runs beside other steps, at most LANES at a time.
aside() {
    while [ "$(jobs -rp | wc -l)" -ge "$LANES" ]; do wait -n; done
    printed "$@" &
}

printed() {
    local began=$SECONDS
    "${@:2}" > "$logs/$1.out" 2>&1
    # One writer at a time: the lock is this folder's own.
    { flock 9; printf '\n== %s (%d s)\n' "$1" $((SECONDS - began)); cat "$logs/$1.out"; } 9> "$logs/printing"
}

solidity() {
    check solhint npm run --silent lint
    check Economics node scripts/economics.js
    count Solidity ./scripts/solidity.sh
    check Mutations ./scripts/mutate.sh --sample 2 --seed 2026
}

# Style and analyzers are warnings of the build, and those are errors; what is left is the text itself.
formatted() { check Format dotnet format whitespace --folder --verify-no-changes .; }

need zstd zstd
install_packages || exit 1
# The chain library compiles the contracts, which all the rest needs.
printed Contracts check Contracts dotnet build src/Marketplace.Chain -c "$CONFIGURATION" --nologo -v q
aside Solidity solidity
aside Build check Build dotnet build Marketplace.sln -c "$CONFIGURATION" --nologo -v q
wait

# The longest first, so that no lane is left alone with it.
aside Node dotnet_tests Node
aside Publish check Publish build_market
aside Format formatted
aside WebCrypto check WebCrypto node_modules/.bin/node scripts/webcrypto.js
for project in tests/Marketplace.*.Tests; do
    name=${project#tests/Marketplace.}
    name=${name%.Tests}
    case "$name" in Node | EndToEnd | Chaos) continue ;; esac
    aside "$name" dotnet_tests "$name"
done
wait

# One has two networks of its own that run beside each other, the other a network whose time runs fast.
if [ "${1:-all}" = all ]; then
    printed EndToEnd dotnet_tests EndToEnd
    printed Chaos dotnet_tests Chaos
fi

read -r passed failed < <(cat "$logs"/*.count | awk '{ good += $1; bad += $2 } END { print good + 0, bad + 0 }')
printf '\n%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
