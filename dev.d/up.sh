# The whole service on this machine: servers, API, scheduler, two workers, and a session to look at. All that it starts
# and keeps is in one folder, and only what is noted there is stopped.
# shellcheck shell=bash

readonly UP_HOME="$ROOT/.pinksync-up"
readonly UP_ACCOUNT="demo"

# In this order they are stopped: who has work hands it back while the others are there.
readonly UP_PROCESSES=(worker-2 worker-1 scheduler api)

# How long a process may take to be ready, and to end; a worker has 25 s for what it has begun.
readonly UP_READY_SECONDS=60
readonly UP_END_SECONDS=40

run_up() {
    mkdir -p "$UP_HOME/log"
    need_command python3 python3
    need_command openssl openssl
    need_pinksync
    up_servers
    up_settings
    up_prepare
    up_start api api
    up_start scheduler scheduler
    up_start worker-1 worker
    up_start worker-2 worker
    up_await_all
    up_addresses
    python3 "$ROOT/dev.d/up_demo.py" "$(up_url api)" "$UP_HOME" ||
        fail "the service runs, its demo did not succeed (logs: $UP_HOME/log)"
}

# run_down [--remove]
run_down() {
    local name
    [[ -z "${1:-}" || "$1" == --remove ]] || fail "down takes --remove or nothing, not: $1"
    if [[ ! -d "$UP_HOME" ]]; then
        say "nothing was started here"
        return
    fi
    for name in "${UP_PROCESSES[@]}"; do
        up_stop "$name"
    done
    if broker_pid "$UP_HOME/rabbitmq" server >/dev/null; then
        broker_stop "$UP_HOME/rabbitmq"
        say "RabbitMQ has ended"
    fi
    if [[ -e "$UP_HOME/postgres" ]] && postgres_end "$UP_HOME/postgres"; then
        say "PostgreSQL has ended"
    fi
    if [[ "${1:-}" == --remove ]]; then
        [[ ! -e "$UP_HOME/postgres" ]] || rm -rf -- "$(readlink -f "$UP_HOME/postgres")"
        rm -rf -- "$UP_HOME"
        say "$UP_HOME is deleted: its data, master key and API key; servers of your own keep what is in them"
    else
        say "what they kept stays in $UP_HOME; ./dev up goes on with it, ./dev down --remove deletes it"
    fi
}

up_database_url="" up_amqp_url=""

# Servers that the environment names, now or when this folder was made; else private ones.
up_servers() {
    up_database_url="${PINKSYNC_DATABASE_URL:-$(up_noted database)}"
    up_amqp_url="${PINKSYNC_AMQP_URL:-$(up_noted amqp)}"
    up_note database "$up_database_url"
    up_note amqp "$up_amqp_url"
    if [[ -z "$up_database_url" ]]; then
        postgres_keep "$UP_HOME/postgres"
        up_database_url="$POSTGRES_URL"
    fi
    if [[ -n "$up_amqp_url" ]]; then
        return
    elif broker_pid "$UP_HOME/rabbitmq" server >/dev/null; then
        up_amqp_url="$(broker_url "$UP_HOME/rabbitmq" %2f)"
    else
        up_amqp_url="$(broker_start "$UP_HOME/rabbitmq")"
    fi
}

up_noted() { sed -n "s/^$1=//p" "$UP_HOME/noted" 2>/dev/null || true; }

# up_note NAME VALUE: remembered for the next time; the file is nobody else's to read.
up_note() {
    (
        umask 077
        up_noted_but "$1" >"$UP_HOME/noted.new"
        [[ -z "$2" ]] || printf '%s=%s\n' "$1" "$2" >>"$UP_HOME/noted.new"
    )
    mv "$UP_HOME/noted.new" "$UP_HOME/noted"
}

up_noted_but() { grep -v "^$1=" "$UP_HOME/noted" 2>/dev/null || true; }

# The settings that all processes share, in the file by which `pinksync` finds them, too. The master key is made once.
up_settings() {
    if [[ -n "${PINKSYNC_API_LISTEN:-}" ]] && ! up_pid api >/dev/null; then
        up_note port-api "${PINKSYNC_API_LISTEN##*:}"
    fi
    [[ -z "${PINKSYNC_FILE_ROOTS:-}" ]] || export PINKSYNC_FILE_ROOTS="$PINKSYNC_FILE_ROOTS,$UP_HOME/demo"
    (
        umask 077
        [[ -s "$UP_HOME/master-key" ]] || printf 'k1:%s\n' "$(openssl rand -base64 32)" >"$UP_HOME/master-key"
        cat >"$UP_HOME/pinksync.toml" <<TEXT
# Written by ./dev up, anew each time. Variables PINKSYNC_* come before it.
database_url = '$up_database_url'
amqp_url = '$up_amqp_url'
master_key = '$(<"$UP_HOME/master-key")'
api_listen = '127.0.0.1:$(up_port api 8080)'
file_roots = ['$UP_HOME/demo']
TEXT
    )
    up_port scheduler 9090 >/dev/null
    up_port worker-1 9091 >/dev/null
    up_port worker-2 9092 >/dev/null
}

# up_port NAME [WISH]: the port of a process; the first time the one that is wished for, or a free one where it is taken.
up_port() {
    local port
    port="$(up_noted "port-$1")"
    if [[ -z "$port" ]]; then
        port="$2"
        if port_answers "$port"; then
            port="$(free_port)"
            say "port $2 is taken by another process: $1 gets port $port"
        fi
        up_note "port-$1" "$port"
    fi
    printf '%s' "$port"
}

up_url() { printf 'http://127.0.0.1:%s' "$(up_port "$1")"; }

# Brings the database to the shape of this version, and makes the first account and key.
up_prepare() {
    up_pinksync --quiet migrate >&2 || fail "the database was not migrated"
    [[ ! -s "$UP_HOME/api-key" ]] || return 0
    (umask 077 && up_pinksync --quiet keys create --account "$UP_ACCOUNT" --permission admin \
        --name "dev up" >"$UP_HOME/api-key") || fail "no API key was made"
}

up_pinksync() { PINKSYNC_CONFIG="$UP_HOME/pinksync.toml" "$PINKSYNC_BIN" "$@"; }

# up_start NAME COMMAND, unless it runs.
up_start() {
    local name="$1" pid port
    if pid="$(up_pid "$name")"; then
        say "$name runs (pid $pid)"
        # What was built anew since then has taken the place of its program.
        [[ "$(readlink "/proc/$pid/exe")" != *" (deleted)" ]] || say "  by an earlier build: ./dev down ends it"
        return
    fi
    port="$(up_port "$name")"
    ! port_answers "$port" ||
        fail "port $port of $name is taken by another process: end that one, or take the line port-$name out of $UP_HOME/noted"
    setsid env "PINKSYNC_CONFIG=$UP_HOME/pinksync.toml" "PINKSYNC_METRICS_LISTEN=127.0.0.1:$port" "$(up_mark "$name")" \
        "$PINKSYNC_BIN" "$2" </dev/null >>"$UP_HOME/log/$name.log" 2>&1 &
    pid=$!
    printf '%s' "$pid" >"$UP_HOME/$name.pid"
    disown
    say "$name starts (pid $pid)"
}

# By this in its environment a process is known as this folder's.
up_mark() { printf 'UP_PROCESS=%s/%s' "$UP_HOME" "$1"; }

up_pid() { pid_in "$UP_HOME/$1.pid" "$(up_mark "$1")"; }

up_await_all() {
    local name
    for name in "${UP_PROCESSES[@]}"; do
        await "$UP_READY_SECONDS" up_is_ready_or_ended "$name" || true
        up_is_ready "$name" ||
            fail "$name did not come up; the end of $UP_HOME/log/$name.log:"$'\n'"$(tail -n 15 "$UP_HOME/log/$name.log")"
    done
}

up_is_ready() { "$PINKSYNC_BIN" --quiet health "$(up_url "$1")/readyz" >/dev/null 2>&1; }

up_is_ready_or_ended() { up_is_ready "$1" || ! up_pid "$1" >/dev/null; }

# SIGTERM asks it to hand back or finish what it has begun.
up_stop() {
    local pid
    if pid="$(up_pid "$1")"; then
        kill -TERM "$pid"
        if ! await "$UP_END_SECONDS" up_has_ended "$1"; then
            say "$1 (pid $pid) does not end: it is killed"
            kill -KILL "$pid" 2>/dev/null || true
        fi
        say "$1 has ended"
    fi
    rm -f -- "$UP_HOME/$1.pid"
}

up_has_ended() { ! up_pid "$1" >/dev/null; }

up_addresses() {
    cat <<TEXT

The service runs; ./dev down stops it.
  API       $(up_url api)/v1
  its page  $(up_url api)/docs
  metrics   $(up_url api)/metrics (API), $(up_url scheduler)/metrics (scheduler),
            $(up_url worker-1)/metrics and $(up_url worker-2)/metrics (workers)
  logs      $UP_HOME/log
  settings  $UP_HOME/pinksync.toml, which the program takes by PINKSYNC_CONFIG

TEXT
}
