# Sourced by the scripts that prove, without hardware, what boards would show. It leaves the shell in the repository.
# Their exit status: 0 proven; 1 edge_bg failed; 77 nothing was found out, as something that it takes cannot be had here
# (a program, root, the network, a permission of the kernel); 2 wrong usage.
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PATH=$PATH:/usr/sbin:/sbin
proof=$(basename "$0")

say() { printf '[%4ds] %s\n' "$SECONDS" "$*"; }
usage() { sed -n '2,/^set -/{/^set -/d;s/^# \{0,1\}//;p}' "$0"; }
wrong_usage() { echo "$proof: $* (see --help)" >&2; exit 2; }
unavailable() { echo "$proof: NOT PROVEN HERE: $*" >&2; exit 77; }
need() { command -v "$1" >/dev/null || unavailable "$1 is missing: sudo apt-get install $2"; }
need_root() { [ "$(id -u)" = 0 ] || unavailable "it takes root ($*): run it with sudo"; }
# In a container without privileges root may not do what the proofs do.
need_namespaces() {
  unshare --mount --pid --fork sh -c 'mount -t tmpfs none /mnt' 2>/dev/null ||
    unavailable "the kernel, or the container that this runs in, allows no mounts in namespaces"
}
# The Python whose pip fetches and builds: the checkout's own environment where there is one, as Debian's has no pip.
host_python() { if [ -x .venv/bin/pip ]; then echo .venv/bin/python; else echo python3; fi; }

# obtain WHAT COMMAND...: run what fetches or unpacks things made by others, in silence; tried twice, as networks stumble.
obtain() {
  local what=$1 log
  shift
  log=$(mktemp)
  say "$what"
  "$@" >"$log" 2>&1 </dev/null || { sleep 5; "$@" >"$log" 2>&1 </dev/null; } || {
    tail -n 15 "$log" >&2
    unavailable "$what: could not be had ($(basename "$1") said the above)"
  }
  rm -f "$log"
}

# build_wheel DIRECTORY: the wheel of this checkout. What builds it is fetched first, so that a failure after that is ours.
build_wheel() {
  obtain "what builds the wheel" "$(host_python)" -m pip download --quiet --dest "$1/backend" 'hatchling>=1.24'
  say "the wheel"
  "$(host_python)" -m pip wheel --quiet --disable-pip-version-check --no-deps --no-index --find-links "$1/backend" \
    --wheel-dir "$1" .
  rm -rf "$1/backend"
}

extra() { # NAME: what that extra of the package wants, a requirement a line
  "$(host_python)" -c 'import sys, tomllib
print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"][sys.argv[1]], sep="\n")' "$1"
}
