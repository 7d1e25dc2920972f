# Sourced by scripts/demo and scripts/test: a virtual environment in .venv with what is asked for, made once.
# usage: ensure_env EXTRAS   (for example "web,video"); a second call with nothing new to install is quick.
cd "$(dirname "${BASH_SOURCE[0]}")/.."

find_python() {
  local candidate
  for candidate in ${PYTHON:-} python3 python3.13 python3.12 python3.11 python3.14; do
    if command -v "$candidate" >/dev/null && "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      echo "$candidate"
      return
    fi
  done
  echo "edge_bg needs Python 3.11 or newer and found none. On Debian: sudo apt install python3 python3-venv" >&2
  return 1
}

ensure_env() {
  local extras=$1 python stamp venv=${EDGE_BG_VENV:-.venv}
  if [ ! -x "$venv/bin/pip" ]; then  # none yet, or half of one: its making was interrupted
    python=$(find_python)
    echo "Making a virtual environment in $venv ..." >&2
    # --system-site-packages lets the picamera2 that comes with Raspberry Pi OS be seen.
    if ! "$python" -m venv ${EDGE_BG_SYSTEM_SITE:+--system-site-packages} "$venv"; then
      rm -rf "$venv"
      echo "Python's venv module is missing. On Debian: sudo apt install python3-venv" >&2
      return 1
    fi
  fi
  stamp="$venv/.edge-bg-$extras-$(cat pyproject.toml ${PIP_CONSTRAINT:-} | cksum | cut -d' ' -f1)"
  if [ ! -e "$stamp" ]; then
    echo "Installing edge_bg[$extras] and what it needs (a few minutes the first time) ..." >&2
    # EDGE_BG_LOCKED=1 takes the versions of requirements/ alone, each checked against its hash.
    local what=(--editable ".[$extras]") locked=requirements/demo.txt
    [ "$extras" != dev ] || locked=requirements/tests.txt
    if [ -n "${EDGE_BG_LOCKED:-}" ]; then
      "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$locked"
      what=(--no-deps --editable .)
    fi
    if ! "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "${what[@]}"; then
      echo "The packages could not be installed (see above). It takes a network the first time, and 400 MB of disk." >&2
      return 1
    fi
    touch "$stamp"
  fi
  PATH="$PWD/$venv/bin:$PATH"
  case $venv in /*) PATH="$venv/bin:$PATH" ;; esac
}
