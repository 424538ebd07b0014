#!/usr/bin/env bash
# Guards both sides of the rule that native code lives in the layer only, and fits Lambda there (docs/adr/0016).
# Use: ci/disallow_native.sh ZIP_OR_FOLDER                  no native code at all
#      ci/disallow_native.sh ZIP_OR_FOLDER x86_64|arm64     only such that Lambda's Python 3.12 loads there
# Exit code 1 when a file breaks the rule, 2 when nothing could be checked.
set -euo pipefail

readonly PYTHON=cpython-312
readonly GLIBC=34 # Lambda's python3.12 runs on Amazon Linux 2023, with glibc 2.34
SCRATCH='' FOUND=0 SEEN=0

stop() {
  printf 'disallow_native: %s\n' "$1" >&2
  exit 2
}

finish() {
  [[ -z $SCRATCH ]] || rm -rf "$SCRATCH"
}

complain() {
  printf 'disallow_native: %s: %s\n' "$1" "$2" >&2
  FOUND=$((FOUND + 1))
}

# Whether a file is native, by its name or by its first bytes: ELF, Mach-O (both ends first, and fat), PE.
native() {
  local magic=''
  case ${1##*/} in
    *.so | *.so.* | *.pyd | *.dylib | *.dll | *.a | *.o) return 0 ;;
  esac
  IFS= LC_ALL=C read -r -d '' -n 4 magic 2>/dev/null <"$1" || true
  case $magic in
    $'\x7fELF' | $'\xcf\xfa\xed\xfe' | $'\xce\xfa\xed\xfe' | $'\xfe\xed\xfa\xcf' | $'\xca\xfe\xba\xbe' | MZ*) return 0 ;;
  esac
  return 1
}

# machine FILE: the architecture of an ELF file, in Lambda's words.
machine() {
  [[ $(od -An -v -tx1 -N4 "$1" | tr -d ' \n') == 7f454c46 ]] || {
    printf 'no ELF file'
    return
  }
  case $(od -An -v -tx1 -j18 -N2 "$1" | tr -d ' \n') in
    3e00) printf x86_64 ;;
    b700) printf arm64 ;;
    *) printf 'another machine' ;;
  esac
}

# loads FILE NAME ARCHITECTURE: complains about whatever keeps Lambda from loading it.
loads() {
  local is minor
  is=$(machine "$1")
  [[ $is == "$3" ]] || complain "$2" "is for $is, this layer is for $3"
  [[ ${2##*/} != *.cpython-* || ${2##*/} == *."$PYTHON"-* ]] || complain "$2" "is for another Python than $PYTHON"
  ! LC_ALL=C grep -aq 'libc\.musl' "$1" || complain "$2" "is for musl, Lambda has glibc"
  minor=$(LC_ALL=C grep -aoE 'GLIBC_2\.[0-9]+' "$1" | sed 's/.*\.//' | sort -rn | sed -n 1p || true)
  ((${minor:-0} <= GLIBC)) || complain "$2" "needs glibc 2.$minor, Lambda has 2.$GLIBC"
}

check() {
  local file name
  while IFS= read -r -d '' file; do
    SEEN=$((SEEN + 1))
    native "$file" || continue
    name=${file#"$1"/}
    if [[ -z $2 ]]; then
      complain "$name" "is native code, which belongs into the layer (requirements/lambda.in)"
    else
      loads "$file" "$name" "$2"
    fi
  done < <(find "$1" -type f -print0)
}

main() {
  local target=${1:-} architecture=${2:-}
  [[ -e $target ]] || stop "${target:-nothing} is not there: give a zip or a folder"
  [[ $architecture =~ ^(x86_64|arm64)?$ ]] || stop "the architecture is x86_64 or arm64, not $architecture"
  if [[ -f $target ]]; then
    SCRATCH=$(mktemp -d)
    trap finish EXIT
    python3 -m zipfile -e "$target" "$SCRATCH" 2>/dev/null || stop "$target is no zip that python3 can read"
    target=$SCRATCH
  fi
  check "${target%/}" "$architecture"
  ((SEEN > 0)) || stop "$1 holds no file"
  ((FOUND == 0))
}

main "$@"
