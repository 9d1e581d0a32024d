# Shared by the scripts of this folder; read with `.`, not run. Gives:
#   REPO, CONFIGURATION        the repository's folder; what dotnet builds
#   need COMMAND PACKAGE       installs a Debian package when root, else names what is missing
#   want COMMAND PACKAGE       the same for a program that is only wished for: without it the caller goes on
#   want_library FILE PACKAGE  the same for a shared library
#   install_packages           npm ci, if node_modules is not what package-lock.json asks for
#   forge ARGUMENTS…           Foundry's forge, as package.json installs it
#   MARKET                     the folder of the command line: market in machine code, market.dll compiled ahead of time
#   build_market               contracts and the command line, if their sources changed since they were built
#   market_program ARGUMENTS…  becomes the built command line
# Messages go to standard error. Each step that has nothing to do takes some milliseconds.

REPO=$(cd -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/.." && pwd -P)
CONFIGURATION=${CONFIGURATION:-Release}
MARKET=$REPO/src/Marketplace.Cli/bin/$CONFIGURATION/market
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 DOTNET_SKIP_FIRST_TIME_EXPERIENCE=1 HARDHAT_DISABLE_TELEMETRY_PROMPT=true
# Build servers that outlive the build would hold on to a caller's pipes.
export MSBUILDDISABLENODEREUSE=1

need() {
    command -v "$1" > /dev/null && return
    if [ "$(id -u)" -eq 0 ] && command -v apt-get > /dev/null; then
        echo "installing $2" >&2
        { apt-get install -y -q "$2" || { apt-get update -q && apt-get install -y -q "$2"; }; } >&2 && return
    fi
    echo "error: $1 is missing — install $2" >&2
    exit 1
}

want() { command -v "$1" > /dev/null || wished "$1" "$2"; }

want_library() { [ -n "$(PATH=$PATH:/sbin:/usr/sbin ldconfig -p | grep -F "$1")" ] || wished "$1" "$2"; }

wished() {
    if [ "$(id -u)" -eq 0 ] && command -v apt-get > /dev/null; then
        echo "installing $2" >&2
        { apt-get install -y -q "$2" || { apt-get update -q && apt-get install -y -q "$2"; }; } >&2 && return
    fi
    echo "$1 is missing — install $2" >&2
}

# locked COMMAND…: one at a time in this repository. The descriptor is not handed on: a process that stays would keep the lock.
locked() {
    local lock status=0
    exec {lock}< "$REPO/scripts"
    flock "$lock"
    "$@" {lock}<&- || status=$?
    exec {lock}<&-
    return "$status"
}

# The package's own command ends with 0 whatever the tests say, so its program is called instead.
forge() { FOUNDRY_DISABLE_NIGHTLY_WARNING=1 "$REPO"/node_modules/@foundry-rs/forge-*-*/bin/forge "$@"; }

packages_state() { (cd -- "$REPO" && cat package.json package-lock.json .npmrc | sha256sum); }

# Names, sizes and times of all sources: notices what was changed, added or deleted.
sources_state() {
    (cd -- "$REPO" && echo "$CONFIGURATION" && find "$@" \( -name bin -o -name obj -o -name node_modules \) -prune -o -type f -printf '%p %s %T@\n') |
        LC_ALL=C sort | sha256sum
}

# The build of Marketplace.Chain compiles the contracts, whose artifacts scripts/deploy.js needs, too.
market_state() { sources_state contracts hardhat.config.js package-lock.json src frontend-api Directory.Build.props Directory.Packages.props global.json; }

is_state() { [ -f "$1" ] && [ "$(cat -- "$1")" = "$2" ]; }

install_packages() {
    is_state "$REPO/node_modules/.market-state" "$(packages_state)" || locked install_packages_now
}

install_packages_now() {
    local state
    state=$(packages_state)
    is_state "$REPO/node_modules/.market-state" "$state" && return
    command -v npm > /dev/null || { echo "error: npm is missing — install Node.js" >&2; return 1; }
    echo "installing npm packages" >&2
    (cd -- "$REPO" && npm ci --no-audit --no-fund --loglevel=error) >&2 || { echo "error: npm ci failed" >&2; return 1; }
    echo "$state" > "$REPO/node_modules/.market-state"
}

build_market() {
    install_packages || return
    is_market_built "$(market_state)" || locked build_market_now
}

is_market_built() { [ -d "$REPO/artifacts/contracts" ] && is_state "$MARKET/.market-state" "$1"; }

build_market_now() {
    local state
    command -v dotnet > /dev/null || { echo "error: dotnet is missing — install the .NET SDK 10" >&2; return 1; }
    state=$(market_state)
    is_market_built "$state" && return
    echo "building market" >&2
    (cd -- "$REPO" && dotnet publish src/Marketplace.Cli -c "$CONFIGURATION" -o "$MARKET" \
        --nologo -v q -clp:NoSummary -p:UseSharedCompilation=false) >&2 ||
        { echo "error: market does not build" >&2; return 1; }
    build_native_market
    echo "$state" > "$MARKET/.market-state"
}

# The verbs of a client in machine code, for this machine's processor. Without it all verbs are there, and start a second later.
build_native_market() {
    want gcc gcc
    (cd -- "$REPO" && dotnet publish src/Marketplace.Cli.Native -c "$CONFIGURATION" -o "$MARKET" -p:IlcInstructionSet=native \
        --nologo -v q -clp:NoSummary -p:UseSharedCompilation=false) >&2 && return
    rm -f -- "$MARKET/market"
    echo "market is not compiled to machine code here: it starts more slowly" >&2
}

market_program() {
    [ ! -x "$MARKET/market" ] || exec "$MARKET/market" "$@"
    exec dotnet "$MARKET/market.dll" "$@"
}
