# A private RabbitMQ on free ports of 127.0.0.1: its own node name, epmd, cookie and folders, so that it neither
# disturbs nor meets another node. A server's folder says everything about it.
# shellcheck shell=bash disable=SC2034

# Set by rabbitmq_start; BROKERS is a folder for those that tests start themselves.
AMQP_URL="" AMQP_MANAGEMENT_URL="" BROKERS=""

rabbitmq_home="" rabbitmq_bin=""

readonly BROKER_NODE="pinksync@localhost"

# How long a server may take to start, and to stop.
readonly BROKER_PATIENCE_SECONDS=90

# A server that is gone, with its folder, when the script ends.
rabbitmq_start() {
    local parent="${CARGO_TARGET_DIR:-$ROOT/target}/test-servers"
    mkdir -p "$parent"
    rabbitmq_home="$(mktemp -d "$parent/pinksync-rabbitmq.XXXXXX")"
    at_exit rabbitmq_stop
    BROKERS="$rabbitmq_home/brokers"
    mkdir "$BROKERS"
    AMQP_URL="$(broker_start "$rabbitmq_home/shared")"
    AMQP_MANAGEMENT_URL="$(broker_management_url "$rabbitmq_home/shared")"
}

# An interrupted test leaves its own broker behind.
rabbitmq_stop() {
    local folder
    for folder in "$rabbitmq_home/shared" "$BROKERS"/*; do
        broker_kill "$folder"
    done
    rm -rf -- "$rabbitmq_home"
}

# broker_start FOLDER [AMQP_PORT]: prints the URL once the server answers. A folder that was used before keeps its
# data and its ports.
broker_start() {
    local folder="$1" wish="${2:-}"
    broker_find_programs
    mkdir -p "$folder"
    folder="$(cd "$folder" && pwd)"
    broker_pid "$folder" server >/dev/null && fail "a broker is running in $folder"
    if [[ -f "$folder/ports" && -z "$wish" ]]; then
        broker_launch "$folder" || fail "RabbitMQ does not start: $(broker_last_words "$folder")"
    else
        broker_launch_on_free_ports "$folder" "$wish"
    fi
    say "RabbitMQ on port $(broker_port "$folder" amqp), data in $folder"
    broker_url "$folder" %2f
}

# broker_stop FOLDER: as an operator would, with everything written down.
broker_stop() {
    local pid
    if pid="$(broker_pid "$1" server)"; then
        kill -TERM "$pid"
        await "$BROKER_PATIENCE_SECONDS" broker_is_gone "$1" "$pid" || say "RabbitMQ does not stop by itself: it is killed"
    fi
    broker_kill "$1"
}

# broker_kill FOLDER: as a crash would.
broker_kill() {
    local pid
    if pid="$(broker_pid "$1" server)"; then
        kill -KILL -- "-$pid" 2>/dev/null || true
        await "$BROKER_PATIENCE_SECONDS" broker_is_gone "$1" "$pid" || fail "RabbitMQ (pid $pid) cannot be killed"
    fi
    if pid="$(broker_pid "$1" epmd)"; then
        kill -KILL "$pid" 2>/dev/null || true
    fi
    rm -f -- "$1/server.pid" "$1/epmd.pid"
}

# broker_purge FOLDER: takes all messages out of all queues of all virtual hosts.
broker_purge() {
    local vhost queue
    broker_control "$1" list_vhosts --no-table-headers name | while read -r vhost; do
        broker_control "$1" list_queues --no-table-headers --vhost "$vhost" name | while read -r queue; do
            broker_control "$1" purge_queue --vhost "$vhost" "$queue" >/dev/null
        done
    done
}

# broker_add_vhost FOLDER NAME: prints the URL of the virtual host.
broker_add_vhost() {
    broker_control "$1" add_vhost "$2" >/dev/null
    broker_control "$1" set_permissions --vhost "$2" guest '.*' '.*' '.*' >/dev/null
    broker_url "$1" "$2"
}

broker_url() { printf 'amqp://guest:guest@127.0.0.1:%s/%s\n' "$(broker_port "$1" amqp)" "$2"; }

broker_management_url() { printf 'http://127.0.0.1:%s' "$(broker_port "$1" management)"; }

# broker_port FOLDER amqp|management|distribution|epmd
broker_port() { sed -n "s/^$2=//p" "$1/ports"; }

# Debian's commands in PATH insist on root and on the distribution's own node; those behind them do not.
broker_find_programs() {
    [[ -z "$rabbitmq_bin" ]] || return 0
    if ! broker_look_up; then
        broker_install
        broker_look_up || fail "RabbitMQ was installed, but its rabbitmq-server is not found"
    fi
}

broker_look_up() {
    local found="/usr/lib/rabbitmq/bin/rabbitmq-server"
    [[ -x "$found" ]] || found="$(command -v rabbitmq-server)" || return 1
    rabbitmq_bin="$(dirname "$(readlink -f "$found")")"
}

# Under systemd the package starts its service in spite of RUNLEVEL.
broker_install() {
    install_packages rabbitmq-server
    if [[ -d /run/systemd/system ]]; then
        as_root systemctl disable --now rabbitmq-server.service epmd.service epmd.socket >&2 ||
            say "please look whether Debian's own rabbitmq-server is running; nobody here needs it"
    fi
}

# broker_launch_on_free_ports FOLDER [AMQP_PORT]: another process may take a port between the look and the start.
broker_launch_on_free_ports() {
    for _ in 1 2 3; do
        printf '%s\n' "amqp=${2:-$(free_port)}" "management=$(free_port)" "distribution=$(free_port)" \
            "epmd=$(free_port)" >"$1/ports"
        broker_launch "$1" && return 0
    done
    fail "RabbitMQ does not start: $(broker_last_words "$1")"
}

broker_launch() {
    local folder="$1" pid
    broker_kill "$folder"
    broker_configure "$folder"
    broker_set_environment "$folder"
    setsid env "${broker_environment[@]}" epmd -address 127.0.0.1 -port "$(broker_port "$folder" epmd)" \
        </dev/null >/dev/null 2>&1 &
    printf '%s' "$!" >"$folder/epmd.pid"
    disown
    await "$BROKER_PATIENCE_SECONDS" port_answers "$(broker_port "$folder" epmd)" || return 1
    setsid env "${broker_environment[@]}" "$rabbitmq_bin/rabbitmq-server" </dev/null >"$folder/console.log" 2>&1 &
    pid=$!
    printf '%s' "$pid" >"$folder/server.pid"
    disown
    if ! await "$BROKER_PATIENCE_SECONDS" broker_answers_or_ended "$folder" "$pid" || ! process_runs "$pid"; then
        broker_kill "$folder"
        return 1
    fi
}

# Settings of a caller's own go into further files of conf.d.
broker_configure() {
    mkdir -p "$1/conf.d"
    printf '[rabbitmq_management].\n' >"$1/enabled_plugins"
    cat >"$1/conf.d/10-private.conf" <<TEXT
listeners.tcp.1 = 127.0.0.1:$(broker_port "$1" amqp)
management.tcp.ip = 127.0.0.1
management.tcp.port = $(broker_port "$1" management)
TEXT
}

broker_environment=()

# What makes a command see this server and no other.
broker_set_environment() {
    broker_environment=(
        "HOME=$1"
        "ERL_EPMD_PORT=$(broker_port "$1" epmd)"
        "ERL_EPMD_ADDRESS=127.0.0.1"
        "RABBITMQ_NODENAME=$BROKER_NODE"
        "RABBITMQ_DIST_PORT=$(broker_port "$1" distribution)"
        "RABBITMQ_CONF_ENV_FILE=/dev/null"
        "RABBITMQ_CONFIG_FILES=$1/conf.d"
        "RABBITMQ_ENABLED_PLUGINS_FILE=$1/enabled_plugins"
        "RABBITMQ_MNESIA_BASE=$1/data"
        "RABBITMQ_LOG_BASE=$1/log"
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=-kernel inet_dist_use_interface {127,0,0,1}"
    )
}

broker_control() {
    local folder="$1" command="$2"
    shift 2
    broker_find_programs
    broker_set_environment "$folder"
    timeout 60 env "${broker_environment[@]}" "$rabbitmq_bin/rabbitmqctl" --quiet --node "$BROKER_NODE" "$command" "$@"
}

# broker_pid FOLDER server|epmd
broker_pid() { pid_in "$1/$2.pid" "HOME=$1"; }

broker_answers_or_ended() {
    port_answers "$(broker_port "$1" amqp)" || ! process_runs "$2"
}

# The shell around the server may end before the server does.
broker_is_gone() { ! process_runs "$2" && ! port_answers "$(broker_port "$1" amqp)"; }

broker_last_words() { tail -n 5 "$1/console.log" 2>/dev/null | tr '\n' ' '; }
