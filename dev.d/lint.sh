# Format, clippy, what shellcheck says of the scripts, cargo-deny of the dependencies, and what deploys the service.
# shellcheck shell=bash

readonly DENY_VERSION="0.20.2"

run_lint() {
    cargo fmt --all --check
    lint_scripts
    run_deploy_check
    cargo clippy --locked --workspace --all-targets -- -D warnings
    lint_dependencies
}

lint_scripts() {
    need_command shellcheck shellcheck
    shellcheck --external-sources --source-path="$ROOT" --source-path="$ROOT/dev.d" \
        dev dev.d/*.sh dev.d/broker .ci/run
}

lint_dependencies() {
    local wish="${PINKSYNC_DENY:-auto}"
    case "$wish" in
        auto | install | required) ;;
        off)
            say "cargo-deny: switched off by PINKSYNC_DENY"
            return
            ;;
        *) fail "PINKSYNC_DENY is auto, install, required or off, not: $wish" ;;
    esac
    if [[ "$wish" == install ]] && ! deny_is_there; then
        install_deny
    fi
    if deny_is_there; then
        run_deny
    elif [[ "$wish" == required ]]; then
        fail "cargo-deny is missing: cargo install --locked cargo-deny"
    else
        say "NOT CHECKED: licences, bans and sources of the dependencies; cargo-deny is not installed (PINKSYNC_DENY=install ./dev lint installs it)"
    fi
}

# Its own release profile (one unit, fat LTO) takes several times as long to build as it saves.
install_deny() {
    say "installing cargo-deny (a few minutes)"
    within 900 env CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
        CARGO_PROFILE_RELEASE_OPT_LEVEL=1 \
        cargo install --locked cargo-deny --version "$DENY_VERSION"
}

deny_is_there() { cargo deny --version >/dev/null 2>&1; }

run_deny() {
    cargo deny --locked check bans licenses sources
    check_advisories
}

# The advisories live in a repository that not every machine can reach: fetching
# may fail, what was fetched must pass.
check_advisories() {
    if within 60 cargo deny --locked fetch db 2>/dev/null; then
        cargo deny --locked check --disable-fetch advisories
    else
        say "NOT CHECKED: security advisories; their database cannot be reached from here"
    fi
}
