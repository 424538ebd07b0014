#!/usr/bin/env bash
# User data of our hosts: turns a bare Ubuntu or Debian into what its role says, by the same playbook that operators run.
# Its environment says what; Terraform puts that above it. By hand: TL_ROLE=builder TL_SOURCE=/srv/source.tar.gz boot.sh
#   role      builder or gpu_node: the playbook builder.yml or site.yml
#   source    the project as a .tar.gz: an address that curl understands, or a file
#   TL_TAGS, TL_VARS   tags of the playbook, and a file of variables for it; both may be empty
# Runs once for each source; again, it finds that out and ends. Everything goes to /var/log/user-data.log and the journal.
# The last line says `boot: SUCCESS` or `boot: FAILED`; /var/lib/tinyllama/boot says the same to scripts.
set -euo pipefail
exec > >(tee -a /var/log/user-data.log | logger -t user-data) 2>&1

ROLE=${TL_ROLE:-} SOURCE=${TL_SOURCE:-}
readonly ROLE SOURCE STATE=/var/lib/tinyllama ANSIBLE='ansible-core==2.19.*'
mkdir -p "$STATE"

report() {
  local status=$? verdict=SUCCESS
  ((status == 0)) || verdict=FAILED
  printf '%s %s\n' "$verdict" "$SOURCE" >"$STATE/boot"
  printf 'boot: %s as %s after %d s (exit code %d)\n' "$verdict" "$ROLE" "$SECONDS" "$status"
  # The pipe to the log must be empty before cloud-init goes on.
  exec >&- 2>&-
  wait
}
trap report EXIT
trap 'printf "boot: line %d failed: %s\n" "$LINENO" "$BASH_COMMAND"' ERR

case $ROLE in
  builder) playbook=builder.yml ;;
  gpu_node) playbook=site.yml ;;
  *) printf 'boot: no role "%s": give builder or gpu_node\n' "$ROLE" && exit 2 ;;
esac

exec 9>"$STATE/boot.lock"
flock 9
fetched=$STATE/source.tar.gz
if [[ $SOURCE == *://* ]]; then
  curl --fail --silent --show-error --location --retry 5 --output "$fetched" "$SOURCE"
else
  cp "$SOURCE" "$fetched"
fi
sum=$(sha256sum "$fetched" "${TL_VARS:-/dev/null}" | sha256sum | cut -c1-16)
done_file=$STATE/booted-$ROLE-$sum
if [[ -e $done_file ]]; then
  printf 'boot: this source was applied before, there is nothing to do\n'
  exit
fi

python=python3
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update
# Ubuntu 22.04 has 3.11 beside its own Python, which Ansible is too new for.
if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then python=python3.11; fi
apt-get -qq install --yes --no-install-recommends "$python" "$python-venv" python3-apt >/dev/null
[[ -x $STATE/ansible/bin/ansible-playbook ]] || {
  "$python" -m venv --clear "$STATE/ansible"
  "$STATE/ansible/bin/python" -m pip install --quiet --disable-pip-version-check "$ANSIBLE"
}

rm -rf "$STATE/source" && mkdir "$STATE/source"
tar --extract --gzip --file "$fetched" --directory "$STATE/source"
printf '[%s]\nlocalhost ansible_connection=local ansible_python_interpreter=/usr/bin/python3\n' "$ROLE" >"$STATE/inventory"
cd "$STATE/source"
ANSIBLE_NOCOLOR=1 "$STATE/ansible/bin/ansible-playbook" --inventory "$STATE/inventory" "playbooks/$playbook" \
  ${TL_TAGS:+--tags "$TL_TAGS"} ${TL_VARS:+--extra-vars "@$TL_VARS"}
: >"$done_file"
