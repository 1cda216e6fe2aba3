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

need_python_venv() {
    python3 -c 'import ensurepip, venv' 2>/dev/null || install_packages python3-venv
}
