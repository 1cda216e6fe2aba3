# Speaking, failing, bounded waiting, and installing what a machine lacks where that is allowed.
# shellcheck shell=bash

say() { printf '==> %s\n' "$*" >&2; }

fail() {
    printf 'dev: %s\n' "$*" >&2
    exit 1
}

within_pid=""

# within SECONDS COMMAND…: in a process group of its own, so that its children end with it. The shell
# gives background commands a deaf ear for SIGINT; `env` gives it back to them.
within() {
    local seconds="$1" code=0
    shift
    timeout --kill-after=30 "$seconds" env --default-signal=INT "$@" &
    within_pid=$!
    wait "$within_pid" || code=$?
    within_pid=""
    if [[ "$code" == 124 ]]; then
        say "stopped after $seconds s: $*"
    fi
    return "$code"
}

# Passes a signal on to the running command and its children; what EXIT has to clean up follows.
interrupted() {
    if [[ -n "$within_pid" ]]; then
        kill -TERM "$within_pid" 2>/dev/null || true
        wait "$within_pid" || true
    fi
    exit "$1"
}

trap 'interrupted 130' INT
trap 'interrupted 143' TERM HUP

exit_steps=()

# at_exit FUNCTION: called when the script ends, however it ends; the last one named comes first.
at_exit() {
    exit_steps=("$1" "${exit_steps[@]}")
    trap run_exit_steps EXIT
}

run_exit_steps() {
    local code=$? step
    trap - EXIT
    for step in "${exit_steps[@]}"; do
        "$step" || true
    done
    exit "$code"
}

# Below the range that the kernel hands out by itself. Another process may take it before it is used: the caller
# looks again then.
free_port() {
    local port
    for _ in {1..50}; do
        port=$((15000 + RANDOM % 17000))
        if ! port_answers "$port"; then
            printf '%s' "$port"
            return
        fi
    done
    fail "no free port found"
}

port_answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# await SECONDS CONDITION…: looks ten times a second. In a trap, a bare `return` would give the status of before it.
await() {
    local tenths=$(($1 * 10))
    shift
    for (( ; tenths > 0; tenths--)); do
        "$@" && return 0
        sleep 0.1
    done
    return 1
}

# A zombie that nobody has waited for runs no more.
process_runs() { [[ -r "/proc/$1/stat" ]] && ! grep -q ') Z ' "/proc/$1/stat" 2>/dev/null; }

# pid_in FILE MARK: the process whose number is in the file, if it runs and has this in its environment: a number may have
# been given away.
pid_in() {
    local pid
    [[ -f "$1" ]] || return 1
    pid="$(<"$1")"
    process_runs "$pid" && tr '\0' '\n' <"/proc/$pid/environ" 2>/dev/null | grep -qxF "$2" || return 1
    printf '%s' "$pid"
}

# Fails where the caller may not become root without being asked for a password.
as_root() {
    if [[ "$EUID" == 0 ]]; then
        "$@"
    elif sudo -n true 2>/dev/null; then
        sudo -n "$@"
    else
        return 1
    fi
}

# RUNLEVEL keeps Debian from starting a service that it has just installed.
install_packages() {
    command -v apt-get >/dev/null || fail "please install: $*"
    say "installing $*"
    as_root timeout 300 apt-get update -q >&2 || say "the package lists could not be refreshed"
    as_root timeout 900 env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
        apt-get install -q -y --no-install-recommends "$@" >&2 ||
        fail "cannot install $* (no right to, or no network): install it and try again"
}

# need_command NAME PACKAGE
need_command() {
    command -v "$1" >/dev/null || install_packages "$2"
}

need_cargo() {
    command -v cargo >/dev/null || fail "cargo is missing: install Rust (rust-toolchain.toml names the channel)"
    need_command cc build-essential
}

# Builds the program, unless the caller names one.
need_pinksync() {
    [[ -z "${PINKSYNC_BIN:-}" ]] || return 0
    need_cargo
    cargo build --release --package pinksync
    export PINKSYNC_BIN="${CARGO_TARGET_DIR:-$ROOT/target}/release/pinksync"
}

need_python_venv() {
    python3 -c 'import ensurepip, venv' 2>/dev/null || install_packages python3-venv
}
