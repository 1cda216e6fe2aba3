# A private PostgreSQL server on a free port of 127.0.0.1: gone with the script that started it, or kept in a folder.
# shellcheck shell=bash disable=SC2034,SC2016

# Set by postgres_start; postgres_keep sets the first.
POSTGRES_URL="" POSTGRES_PASSWORD_URL="" POSTGRES_CA=""

postgres_home="" postgres_bin="" postgres_user=""

# postgres_start test|bench
postgres_start() {
    local profile="$1"
    postgres_find_programs
    need_command openssl openssl
    postgres_choose_user
    at_exit postgres_stop
    postgres_make_home
    postgres_make_certificate
    postgres_init "$profile"
    postgres_launch
    postgres_make_role
}

# postgres_keep FOLDER: a server that stays. The folder keeps its data, its password and its port; it is a link where
# the server's user cannot get to.
postgres_keep() {
    local port
    postgres_find_programs
    postgres_choose_user
    postgres_find_home "$1"
    # Written last: without it the server was never finished.
    if [[ ! -f "$postgres_home/port" ]]; then
        need_command openssl openssl
        ! postgres_runs || postgres_run "$postgres_bin/pg_ctl" -D "$postgres_home/data" -m immediate stop >/dev/null
        rm -rf -- "$postgres_home/data"
        postgres_init up
        postgres_launch
        PGPASSWORD="$(<"$postgres_home/password")" timeout 30 "$postgres_bin/psql" -X -q -v ON_ERROR_STOP=1 \
            "$POSTGRES_URL" -c "CREATE DATABASE pinksync"
        port="${POSTGRES_URL##*:}"
        printf '%s' "${port%%/*}" >"$postgres_home/port"
    elif ! postgres_runs; then
        port="$(<"$postgres_home/port")"
        ! port_answers "$port" || fail "port $port, which PostgreSQL in $postgres_home has, is taken by another process"
        # What a killed server leaves behind takes a moment to end.
        await 15 postgres_launch_on "$port" || fail "PostgreSQL does not start: $(tail -n 5 "$postgres_home/server.log")"
    fi
    POSTGRES_URL="postgres://postgres:$(<"$postgres_home/password")@127.0.0.1:$(<"$postgres_home/port")/pinksync"
}

# postgres_end FOLDER: stops a server that was kept, with everything written down. Fails where none runs.
postgres_end() {
    postgres_look_up || return 1
    postgres_choose_user
    postgres_home="$(readlink -f "$1")"
    postgres_runs || return 1
    postgres_run "$postgres_bin/pg_ctl" -D "$postgres_home/data" -m fast -t 60 -w stop >/dev/null ||
        fail "PostgreSQL in $postgres_home does not stop"
}

# A number may have been given away: the server stands in its data.
postgres_runs() {
    local pid
    pid="$(head -n 1 "$postgres_home/data/postmaster.pid" 2>/dev/null)" || return 1
    process_runs "$pid" && [[ "$(readlink "/proc/$pid/cwd")" == "$postgres_home/data" ]]
}

# Stops this server and no other, by its own data folder; a stop that hangs ends in a kill of its pid.
postgres_stop() {
    local pid
    [[ -n "$postgres_home" ]] || return 0
    if [[ -f "$postgres_home/data/postmaster.pid" ]]; then
        pid="$(head -n 1 "$postgres_home/data/postmaster.pid")"
        postgres_run "$postgres_bin/pg_ctl" -D "$postgres_home/data" -m immediate -t 30 -w stop >/dev/null 2>&1 ||
            postgres_run kill -KILL "$pid" 2>/dev/null || true
    fi
    rm -rf -- "$postgres_home"
}

# The newest installed version; Debian keeps its programs out of PATH.
postgres_find_programs() {
    postgres_look_up && return
    install_packages postgresql
    postgres_look_up || fail "PostgreSQL was installed, but its initdb is not found"
}

postgres_look_up() {
    local found
    found="$(find /usr/lib/postgresql -mindepth 3 -maxdepth 3 -name initdb 2>/dev/null | sort -V | tail -n 1)"
    [[ -n "$found" ]] || found="$(command -v initdb || true)"
    [[ -n "$found" ]] || return 1
    postgres_bin="$(dirname "$(readlink -f "$found")")"
}

# PostgreSQL refuses to run as root.
postgres_choose_user() {
    if [[ "$EUID" != 0 ]]; then
        postgres_user=""
    elif id postgres >/dev/null 2>&1; then
        postgres_user="postgres"
    else
        postgres_user="nobody"
    fi
}

# The server's user may not be able to read the folder we stand in.
postgres_run() {
    if [[ -n "$postgres_user" ]]; then
        (cd / && runuser -u "$postgres_user" -- "$@")
    else
        "$@"
    fi
}

postgres_make_home() {
    local parent="${CARGO_TARGET_DIR:-$ROOT/target}/test-servers"
    mkdir -p "$parent"
    postgres_run test -x "$parent" || parent="/var/tmp"
    postgres_home="$(mktemp -d "$parent/pinksync-postgres.XXXXXX")"
    postgres_own_home
}

postgres_find_home() {
    if [[ ! -e "$1" ]]; then
        mkdir -p "$(dirname "$1")"
        if postgres_run test -x "$(dirname "$1")"; then
            mkdir "$1"
        else
            ln -sfn "$(mktemp -d /var/tmp/pinksync-postgres.XXXXXX)" "$1"
        fi
    fi
    postgres_home="$(readlink -f "$1")"
    postgres_own_home
}

postgres_own_home() {
    chmod 755 "$postgres_home"
    if [[ -n "$postgres_user" ]]; then
        chown "$postgres_user" "$postgres_home"
    fi
}

# An authority and a certificate signed by it: strict clients refuse one that is both.
postgres_make_certificate() {
    POSTGRES_CA="$postgres_home/ca.crt"
    postgres_run bash -euo pipefail -c '
        cd "$1"
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 \
            -subj "/CN=pinksync test authority" -addext "keyUsage=critical,keyCertSign,cRLSign" \
            -keyout ca.key -out ca.crt
        openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
            -subj "/CN=localhost" -keyout server.key -out server.csr
        printf "%s\n" "subjectAltName=DNS:localhost,IP:127.0.0.1" "basicConstraints=critical,CA:FALSE" \
            "extendedKeyUsage=serverAuth" >server.ext
        openssl x509 -req -in server.csr -days 30 -CA ca.crt -CAkey ca.key -CAcreateserial \
            -extfile server.ext -out server.crt
        chmod 600 server.key ca.key
    ' certificate "$postgres_home" >"$postgres_home/openssl.log" 2>&1 ||
        fail "openssl made no certificate: $(tail -n 3 "$postgres_home/openssl.log")"
}

# postgres_init test|bench|up
postgres_init() {
    local access=(--auth=trust)
    if [[ "$1" == up ]]; then
        (umask 077 && openssl rand -hex 24 | postgres_run tee "$postgres_home/password" >/dev/null)
        access=(--auth=scram-sha-256 "--pwfile=$postgres_home/password")
    fi
    postgres_run timeout 120 "$postgres_bin/initdb" -D "$postgres_home/data" -U postgres \
        "${access[@]}" --encoding=UTF8 --locale=C.UTF-8 --no-sync >"$postgres_home/initdb.log" 2>&1 ||
        fail "initdb failed: $(tail -n 3 "$postgres_home/initdb.log")"
    postgres_settings "$1" | postgres_run tee -a "$postgres_home/data/postgresql.conf" >/dev/null
    [[ "$1" != up ]] || return 0
    postgres_run tee "$postgres_home/data/pg_hba.conf" >/dev/null <<'TEXT'
host all pinksync_pw 127.0.0.1/32 scram-sha-256
host all all         127.0.0.1/32 trust
TEXT
}

# Tests want speed and TLS; measured figures want durable writes, and no cipher on either side.
postgres_settings() {
    cat <<TEXT
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 200
password_encryption = 'scram-sha-256'
timezone = 'UTC'
TEXT
    case "$1" in
        test)
            printf '%s\n' "ssl = on" "ssl_cert_file = '$postgres_home/server.crt'" \
                "ssl_key_file = '$postgres_home/server.key'" "fsync = off" "full_page_writes = off"
            ;;
        bench) printf '%s\n' "ssl = off" "fsync = on" "shared_buffers = '512MB'" "max_wal_size = '4GB'" ;;
        up) ;;
        *) fail "no such server profile: $1" ;;
    esac
}

# Another process may take the port between the look and the start: look again.
postgres_launch() {
    local port
    for _ in 1 2 3 4 5; do
        port="$(free_port)"
        if postgres_launch_on "$port"; then
            POSTGRES_URL="postgres://postgres@127.0.0.1:$port/postgres"
            POSTGRES_PASSWORD_URL="postgres://pinksync_pw:pinksync@127.0.0.1:$port/postgres"
            return
        fi
    done
    fail "PostgreSQL does not start: $(tail -n 5 "$postgres_home/server.log")"
}

postgres_launch_on() {
    postgres_run "$postgres_bin/pg_ctl" -D "$postgres_home/data" -l "$postgres_home/server.log" \
        -o "-p $1" -t 60 -w start >/dev/null 2>&1 || return 1
    say "PostgreSQL on port $1, data in $postgres_home"
}

postgres_make_role() {
    timeout 30 "$postgres_bin/psql" -X -q -v ON_ERROR_STOP=1 "$POSTGRES_URL" \
        -c "CREATE ROLE pinksync_pw LOGIN PASSWORD 'pinksync'"
}
