#!/bin/sh
# Makes this checkout ready to run: .venv with the packages of pyproject.toml, and mosquitto.
# Usage: scripts/setup.sh [--test]     (--test: also what the tests need: a PostgreSQL server,
# mdbtools, and readers of crates in .venv-readers)
# Does nothing, quickly, when everything is there. $PYTHON chooses the interpreter.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
cd "$root"
log=$root/.venv/setup.log
want="$(cksum < pyproject.toml) $root"

case "${1:-}" in
    "") extras="" compile="--compile" stamps=.venv/.ready ;;
    # Of the tests' many packages each process compiles what it uses.
    --test) extras="[test]" compile="--no-compile" stamps=".venv/.ready .venv/.ready-test" ;;
    *) echo "usage: scripts/setup.sh [--test]" >&2; exit 2 ;;
esac

say() { printf 'setup: %s\n' "$*"; }

fail() { # WHAT REMEDY
    printf 'setup: %s\nsetup: %s\n' "$1" "$2" >&2
    exit 1
}

fail_with_log() { # WHAT REMEDY
    printf 'setup: the end of %s:\n' "$log" >&2
    tail -n 15 "$log" >&2
    fail "$1" "$2"
}

as_root() { # fails when we may not
    if [ "$(id -u)" = 0 ]; then "$@"
    elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then sudo -n "$@"
    else return 1
    fi
}

is_ready() {
    for stamp in $stamps; do
        [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$want" ] || return 1
    done
    .venv/bin/python -c 'import labmesh' 2>/dev/null
}

make_venv() {
    python=${PYTHON:-python3}
    command -v "$python" >/dev/null || fail "there is no $python on PATH" \
        "install Python 3.11 or later (Debian: apt-get install python3 python3-venv)"
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail \
        "$("$python" --version) is too old, Labmesh needs 3.11 or later" \
        "install a later one and run: make setup PYTHON=python3.12"
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        package="python$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv"
        install_package "$package" || fail "$python cannot make virtual environments" \
            "install its venv package first: sudo apt-get install $package"
    fi
    # An environment that was moved or copied here names another folder in its scripts.
    rm -rf .venv
    "$python" -m venv .venv || fail "$python -m venv $root/.venv failed" \
        "see the message above; is the folder writable?"
}

install_package() {
    command -v apt-get >/dev/null && as_root true || return 1
    say "installing Debian's package $1"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y "$1" >/dev/null 2>&1 && return
    as_root apt-get update -qq >/dev/null 2>&1 &&
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y "$1" >/dev/null 2>&1
}

has_postgres() { # the server's programs; Debian keeps them off PATH
    command -v postgres >/dev/null && return
    for program in /usr/lib/postgresql/*/bin/postgres; do
        [ -x "$program" ] && return
    done
    return 1
}

has_readers() { # independent of Labmesh: what others read crates with
    .venv-readers/bin/rocrate-validator --version >/dev/null 2>&1
}

belongs_here() {
    .venv/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null &&
        [ -x .venv/bin/pip ] && .venv/bin/pip --version >/dev/null 2>&1
}

if ! is_ready; then
    if ! belongs_here; then
        say "1/3 virtual environment in .venv"
        make_venv
    fi
    say "2/3 Python packages (the first time this takes some minutes)"
    PIP_RETRIES=${PIP_RETRIES:-2} .venv/bin/python -m pip install --disable-pip-version-check $compile -e ".$extras" >"$log" 2>&1 ||
        fail_with_log "pip could not install the packages that pyproject.toml names" \
            "check the network, the disk and pip's configuration (pip config list), then repeat"
    say "3/3 mosquitto, the MQTT broker"
fi

found=$(.venv/bin/python -m labmesh.mosquitto) || fail "there is no MQTT broker to start" \
    "see the message above; everything else is ready, repeat: make setup"

if [ "$extras" ] && ! has_postgres; then
    # The tests start a server of their own; the one that Debian's package sets up is left alone.
    { install_package postgresql && has_postgres; } || fail "there is no PostgreSQL server, which the tests need" \
        "install it (Debian: sudo apt-get install postgresql), then repeat"
fi

if [ "$extras" ] && ! command -v mdb-export >/dev/null; then
    { install_package mdbtools && command -v mdb-export >/dev/null; } || fail "there is no mdb-export, with which Arbin's .res files are read" \
        "install it (Debian: sudo apt-get install mdbtools), then repeat"
fi

if [ "$extras" ] && { ! is_ready || [ ! -x .venv-readers/bin/rocrate-validator ]; } && ! has_readers; then
    # In an environment of its own: it holds rich at a version that other tools have left behind.
    { rm -rf .venv-readers && .venv/bin/python -m venv .venv-readers &&
        PIP_RETRIES=${PIP_RETRIES:-2} .venv-readers/bin/python -m pip install --disable-pip-version-check --no-compile "roc-validator>=0.13,<1" >>"$log" 2>&1 &&
        has_readers; } || fail_with_log "pip could not install roc-validator, with which the tests read crates" \
        "check the network, the disk and pip's configuration (pip config list), then repeat"
fi

if ! is_ready; then
    for stamp in $stamps; do printf '%s\n' "$want" >"$stamp"; done
    say "ready: $found"
fi
