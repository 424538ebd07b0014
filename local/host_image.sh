#!/usr/bin/env bash
# Makes the image that hosts boot from in containers: a bare distribution with systemd. Prints its name.
# Use: local/host_image.sh                      (make test-images)
#      TL_HOST_IMAGE=NAME make test-hosts       an image of yours; it needs python3-apt
#      TL_HOST_SUITE=trixie make test-hosts     another suite of apt's own sources
#      TL_HOST_FROM=docker.io/library/ubuntu:24.04 make test-hosts     another image of a registry
# Ubuntu 22.04 where a registry can be reached; else Debian's packages, by apt's own sources and keys.
# Exit codes: 1 it could not be made, 3 a tool is missing, 4 there is none of that name, or no registry, here.
set -euo pipefail
PATH=$PATH:/usr/sbin:/sbin

readonly FROM=${TL_HOST_FROM:-docker.io/library/ubuntu:22.04} SUITE=${TL_HOST_SUITE:-bookworm}
readonly PACKAGES=systemd,systemd-sysv,dbus,python3,python3-apt,sudo,ca-certificates,cron,iproute2,procps,kmod

need() {
  local tool missing=()
  for tool in "$@"; do
    command -v "$tool" >/dev/null || missing+=("$tool")
  done
  ((${#missing[@]} == 0)) && return
  printf 'test-images: missing: %s. On Debian or Ubuntu: apt-get install podman runc mmdebstrap\n' "${missing[*]}" >&2
  exit 3
}

from_registry() {
  podman image exists "$FROM" || timeout 120 podman pull --quiet "$FROM" >/dev/null 2>&1 || return 1
  printf 'test-images: making %s from %s\n' "$1" "$FROM" >&2
  podman build --quiet --runtime=runc --network=host --tag "$1" - >/dev/null <<CONTAINERFILE
FROM $FROM
# A host starts what it installs, and keeps what it has downloaded; an image for containers does neither.
RUN rm -f /usr/sbin/policy-rc.d /etc/apt/apt.conf.d/docker-clean && apt-get -qq update && DEBIAN_FRONTEND=noninteractive \
  apt-get -qq install --yes --no-install-recommends ${PACKAGES//,/ }
CONTAINERFILE
}

from_packages() {
  need mmdebstrap
  local scratch
  scratch=$(mktemp -d)
  # shellcheck disable=SC2064 # the folder of now
  trap "rm -rf '$scratch'" EXIT
  printf 'test-images: making %s, about half a minute\n' "$1" >&2
  if ! mmdebstrap --variant=minbase --include="$PACKAGES" --skip=cleanup/apt/lists "$SUITE" "$scratch/root.tar" \
    >"$scratch/log" 2>&1; then
    tail -n 20 "$scratch/log" >&2
    printf 'test-images: mmdebstrap failed, see above. It needs root or user namespaces, and a mirror for apt.\n' >&2
    exit 1
  fi
  podman import --quiet "$scratch/root.tar" "$1" >/dev/null
}

need podman runc
if [[ -n ${TL_HOST_IMAGE:-} ]]; then
  printf '%s\n' "$TL_HOST_IMAGE"
  exit
fi

# The names hold what the images are made from: a change makes new ones.
sum=$(cksum <"${BASH_SOURCE[0]}" | tr " " -)
readonly NAME=localhost/tinyllama-host
registered=$NAME:$(basename "$FROM" | tr ':' -)-$sum packaged=$NAME:$SUITE-$sum
wanted=("$registered" "$packaged")
# Whoever names one wants that one.
[[ -z ${TL_HOST_SUITE:-} ]] || wanted=("$packaged")
[[ -z ${TL_HOST_FROM:-} ]] || wanted=("$registered")
for image in "${wanted[@]}"; do
  if podman image exists "$image"; then
    printf '%s\n' "$image"
    exit
  fi
done

for image in "${wanted[@]}"; do
  if [[ $image == "$packaged" ]]; then
    from_packages "$image"
  elif ! from_registry "$image"; then
    continue
  fi
  printf '%s\n' "$image"
  exit
done
printf 'test-images: %s cannot be had: no registry answers, or it has none of that name\n' "$FROM" >&2
exit 4
