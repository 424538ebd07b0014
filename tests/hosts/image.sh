#!/usr/bin/env bash
# Makes the image that the roles are tested on: a bare distribution that boots systemd. Prints its name.
# Use: tests/hosts/image.sh            (make test-images)
#      TL_HOST_IMAGE=... make test-hosts   for an image of yours, such as an Ubuntu 22.04 with systemd
# From Debian's packages, without a registry: apt's own sources and keys are used. Exit code 3: a tool is missing.
set -euo pipefail

readonly SUITE=${TL_HOST_SUITE:-bookworm}
readonly PACKAGES=systemd,systemd-sysv,dbus,python3,python3-apt,sudo,ca-certificates,cron,iproute2,procps,kmod

missing=()
for tool in podman runc mmdebstrap; do
  PATH=$PATH:/usr/sbin:/sbin command -v "$tool" >/dev/null || missing+=("$tool")
done
if ((${#missing[@]})); then
  printf 'test-images: missing: %s. On Debian or Ubuntu: apt-get install podman runc mmdebstrap\n' "${missing[*]}" >&2
  exit 3
fi

# The name holds what the image is made from: a change makes a new one.
tag=$SUITE-$(cksum <"${BASH_SOURCE[0]}" | tr ' ' -)
readonly IMAGE=localhost/tinyllama-host:$tag
if podman image exists "$IMAGE"; then
  printf '%s\n' "$IMAGE"
  exit
fi

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
printf 'test-images: making %s, about half a minute\n' "$IMAGE" >&2
if ! mmdebstrap --variant=minbase --include="$PACKAGES" --skip=cleanup/apt/lists "$SUITE" "$scratch/root.tar" \
  >"$scratch/log" 2>&1; then
  tail -n 20 "$scratch/log" >&2
  printf 'test-images: mmdebstrap failed, see above. It needs root or user namespaces, and a mirror for apt.\n' >&2
  exit 1
fi
podman import --quiet "$scratch/root.tar" "$IMAGE" >/dev/null
printf '%s\n' "$IMAGE"
