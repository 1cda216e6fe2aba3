# Checks what deploys the service by the tools of those formats, which are installed once.
# shellcheck shell=bash

# Set by deploy_install_tools: the folder of their programs.
deploy_tools=""

run_deploy_check() {
    local began="$SECONDS"
    deploy_install_tools
    deploy_check_compose
    deploy_check_image
    deploy_check_python kubernetes
    deploy_check_python prometheus
    deploy_check_python settings
    deploy_check_units
    say "deploy: compose.yaml and deploy/ checked in $((SECONDS - began)) s"
}

# Into a folder that says which list it was installed from.
deploy_install_tools() {
    local list="$ROOT/dev.d/deploy-tools.txt" home="${CARGO_TARGET_DIR:-$ROOT/target}/deploy-tools"
    deploy_tools="$home/bin"
    need_command systemd-analyze systemd
    cmp -s "$list" "$home/installed.txt" && return
    need_command python3 python3
    need_python_venv
    say "installing the tools of dev.d/deploy-tools.txt"
    rm -rf -- "$home"
    python3 -m venv "$home" || fail "python3 makes no virtual environment in $home"
    within 300 "$deploy_tools/pip" install --quiet --disable-pip-version-check --requirement "$list" ||
        fail "cannot install the tools of dev.d/deploy-tools.txt, so compose.yaml and deploy/ are not checked"
    cp "$list" "$home/installed.txt"
}

# The schema of the compose specification, then what no schema sees.
deploy_check_compose() {
    local said
    said="$("$deploy_tools/check-jsonschema" --builtin-schema vendor.compose-spec compose.yaml 2>&1)" ||
        fail "compose.yaml is not what the compose specification asks for: $said"
    deploy_check_python compose
}

deploy_check_image() {
    "$deploy_tools/hadolint" --no-color --failure-threshold warning deploy/Dockerfile || fail "deploy/Dockerfile has mistakes"
}

# deploy_check_python PART
deploy_check_python() {
    "$deploy_tools/python" "$ROOT/dev.d/deploy_check.py" "$1" || fail "what deploys the service has mistakes ($1)"
}

# The program and its settings are not installed on a machine that builds it.
deploy_check_units() {
    local folder="$deploy_tools/../units" unit name
    rm -rf -- "$folder"
    mkdir "$folder"
    for unit in deploy/systemd/*.service; do
        name="$(basename "$unit")"
        sed -e 's,^ExecStart=/usr/bin/pinksync ,ExecStart=/bin/true ,' -e 's,^EnvironmentFile=,&-,' \
            "$unit" >"$folder/${name/@./@1.}"
    done
    for unit in "$folder"/*.service; do
        # Units of other packages are not ours to judge.
        systemd-analyze verify --man=no --recursive-errors=no "$unit" ||
            fail "systemd does not understand deploy/systemd/$(basename "$unit")"
        # Of 100; a unit without any hardening has more than 90.
        systemd-analyze security --no-pager --offline=yes --threshold=20 "$unit" >"$folder/security.log" ||
            fail "deploy/systemd/$(basename "$unit") is too open: $(tail -n 1 "$folder/security.log")"
    done
}
