#!/usr/bin/env bash
# The whole market on this machine: chain, contracts, nodes, keepers, gateway; stores a folder for money, kills a node
# that holds it, reads it back, and shows proofs and payments as they come.
#   ./scripts/run.sh [PATH]          stays up until Ctrl-C
#   ./scripts/run.sh --once [PATH]   ends by itself; exit code 0 only if every byte came back
set -euo pipefail
. "$(dirname "$0")/lib.sh"

once=false
path=
for argument in "$@"; do
    case $argument in
        --once) once=true ;;
        -h|--help) sed -n '2,5s/^# \{0,1\}//p' "$0"; exit 0 ;;
        -*) echo "error: $argument is not an option — run.sh [--once] [PATH]" >&2; exit 2 ;;
        *) path=$(realpath -- "$argument") ;;
    esac
done

sdk_folder() {
    local version
    version=$(dotnet --version)
    dotnet --list-sdks | sed -n "s/^$version \[\(.*\)\]\$/\1\/$version/p" | head -n 1
}

# value EXPRESSION: reads JSON from standard input as `it`, prints what the JavaScript expression gives.
value() { node -e 'const it = JSON.parse(require("fs").readFileSync(0, "utf8")); console.log('"$1"')'; }

step() { printf '\n\033[1m%s\033[0m\n' "$*"; }

cd "$REPO"
[ -n "$path" ] || path=$(realpath -- "$(sdk_folder)")
[ -e "$path" ] || { echo "error: there is no $path — name a file or folder that exists" >&2; exit 4; }
market() { "$REPO/scripts/market" "$@"; }
devnet() { "$REPO/scripts/devnet.sh" "$@"; }
unset MARKET_DEVNET MARKET_WALLET
if devnet status --json 2>/dev/null | value 'it.chain.alive ? "alive" : ""' 2>/dev/null | grep -q alive; then
    echo "error: a devnet runs in .devnet already — stop it with ./scripts/devnet.sh down" >&2
    exit 1
fi

started=$SECONDS
scratch=$(mktemp -d)
cleanup() {
    trap - EXIT INT TERM
    step "Stopping the network"
    devnet down || true
    rm -rf "$scratch"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

step "1. Build what is missing"
build_market
step "2. Start a chain, five nodes of five owners, two keepers and a gateway"
devnet up --nodes 5 --keepers 2 --block-time 1 --period 20 --detach
market nodes

name=$(basename -- "$path")
step "3. Pay to store $path"
market deposit 10
market put "$path" --as "$name" --quote
market put "$path" --as "$name"
market deals

step "4. Wait until strangers have proved what they hold and were paid"
for _ in $(seq 90); do
    stat=$(market stat "$name" --json)
    proved=$(value 'it.deals.flatMap(d => d.slots).every(s => s.lastProvedPeriod !== null && Number(s.paid) > 0) ? "all" : ""' <<< "$stat")
    rewarded=$(market nodes --json | value 'it.nodes.some(n => Number(n.rewarded) > 0) ? "some" : ""')
    [ "$proved" = all ] && [ "$rewarded" = some ] && break
    sleep 2
done
market stat "$name"
[ "$proved" = all ] || { echo "error: not every slot was proved in time — see .devnet/logs" >&2; exit 1; }
[ "$rewarded" = some ] || { echo "error: no mining reward was paid in time — see .devnet/logs" >&2; exit 1; }
echo "proofs accepted: $(value 'it.deals.flatMap(d => d.slots).map(s => "node " + s.node + " in period " + s.lastProvedPeriod).join(", ")' <<< "$stat")"
echo "tokens paid to nodes: $(value 'it.deals.map(d => d.paid).join(" + ")' <<< "$stat")"
echo "mining reward: $(market nodes --json | value 'it.nodes.map(n => "node " + n.id + " " + (n.rewarded ?? "0")).join(", ")')"

victim=$(value 'it.deals[0].slots[0].node' <<< "$stat")
pid=$(value "it.nodes.find(n => n.id === $victim).pid" < .devnet/devnet.json)
step "5. Kill node $victim, which holds a shard of it (SIGKILL to process $pid)"
kill -KILL "$pid"
market verify "$name" || true

step "6. Read it back from the others"
market get "$name" -o "$scratch/back"
if diff -r --no-dereference "$path" "$scratch/back"; then
    count=$(find "$path" ! -type d | wc -l)
    size=$(du -sb -- "$path" | cut -f1)
    step "Your bytes are back: $count files, $size bytes, every byte compared, in $((SECONDS - started)) seconds."
else
    echo "error: what came back differs from what was stored" >&2
    exit 6
fi

if ! $once; then
    gateway=$(value 'it.gateway.url' < .devnet/devnet.json)
    step "The network stays up. Gateway: $gateway  —  try ./scripts/market ls, ./scripts/market put FILE. Ctrl-C ends it."
    while true; do
        sleep 20
        market stat "$name" --json |
            value '`period ${it.period}: ` + it.deals.flatMap(d => d.slots).map(s => `node ${s.node} proved ${s.lastProvedPeriod}, paid ${s.paid}`).join(" · ")' || true
    done
fi
