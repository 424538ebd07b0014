#!/usr/bin/env bash
# One tick of the idle watchdog (EC2-003); cron calls it every minute. Settings: see worker/settings.py.
# Exit codes: 0 nothing to do, or stopped; 1 failed, the next tick tries again; 2 bad environment.
set -euo pipefail

readonly env_file=${TL_ENV_FILE:-/etc/tinyllama/watchdog.env}
if [[ -r $env_file ]]; then
  set -a
  # The role writes it.
  # shellcheck source=/dev/null
  . "$env_file"
  set +a
fi

exec "${TL_PYTHON:-/opt/llama/venv/bin/python}" -m worker.watchdog
