"""`edge-bg image --on dask://...` over machines made of network namespaces, one of which dies in the middle."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_bg.assets import asset_path

# A bridge with three machines at it: the scheduler, and two workers. They share the folders, as a NAS would let them.
INSIDE = """
set -eu
mount -t tmpfs none /run
ip link set lo up
ip link add br0 type bridge
ip addr add 10.9.0.1/24 dev br0
ip link set br0 up
number=10
for machine in boss one two; do
  ip netns add $machine
  ip link add v$machine type veth peer name eth0 netns $machine
  ip link set v$machine master br0 up
  ip -n $machine addr add 10.9.0.$number/24 dev eth0
  ip -n $machine link set eth0 up
  ip -n $machine link set lo up
  number=$((number + 1))
done
export OMP_NUM_THREADS=1
ip netns exec boss $PYTHON -m distributed.cli.dask_scheduler --host 10.9.0.10 --port 8786 --no-dashboard \\
  >$LOGS/boss 2>&1 &
for machine in one two; do
  ip netns exec $machine $PYTHON -m distributed.cli.dask_worker tcp://10.9.0.10:8786 --nthreads 1 --no-nanny \\
    --no-dashboard --local-directory $LOGS/$machine.dir >$LOGS/$machine 2>&1 &
  echo $! >$LOGS/$machine.pid
done
(
  while [ "$(find $OUT -name '*.png' | wc -l)" -lt 4 ]; do sleep 0.05; done
  kill -9 $(cat $LOGS/one.pid) $(ip netns pids one)
  echo killed >$LOGS/killed
) &
$PYTHON -m edge_bg image $IN -o $OUT --on dask://10.9.0.10:8786
"""


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_machine_that_dies_costs_nothing_but_time(tmp_path: Path, root: Path):
    pytest.importorskip("distributed", reason="DASK IS MISSING: pip install 'edge-bg[cluster]'")
    if not (shutil.which("unshare") and shutil.which("ip", path="/usr/sbin:/sbin:/usr/bin:/bin")):
        pytest.skip("UNSHARE OR IP IS MISSING: apt install util-linux iproute2")
    folders = {name: tmp_path / name.lower() for name in ("IN", "OUT", "LOGS")}
    for folder in folders.values():
        folder.mkdir()
    bgra = cv2.imread(str(asset_path("portrait.png")), cv2.IMREAD_UNCHANGED)
    share = bgra[..., 3:] / 255
    for number in range(24):
        wall = 60 + 7 * number
        blend = np.rint(bgra[..., :3] * share + wall * (1 - share)).astype(np.uint8)
        cv2.imwrite(str(folders["IN"] / f"{number:02d}.jpg"), cv2.resize(blend, None, fx=0.5, fy=0.5))
    environment = {
        "PATH": "/usr/sbin:/sbin:/usr/bin:/bin", "PYTHON": sys.executable, "PYTHONPATH": str(root),
        **{name: str(folder) for name, folder in folders.items()},
    }  # fmt: skip
    command = ["unshare", "-rmn", "--pid", "--fork", "--kill-child", "--mount-proc", "bash", "-c", INSIDE]
    done = subprocess.run(command, env=environment, cwd=root, capture_output=True, text=True, timeout=380)
    if "Operation not permitted" in done.stderr or "unshare failed" in done.stderr:
        pytest.skip("no network namespaces here: " + done.stderr.strip()[:100])
    logs = "".join(path.read_text()[-2000:] for path in folders["LOGS"].glob("*") if path.is_file())
    assert done.returncode == 0, done.stderr + logs
    assert (folders["LOGS"] / "killed").exists()
    assert "24 of 24 pictures done" in done.stderr
    made = sorted(folders["OUT"].glob("*.png"))
    assert len(made) == 24
    assert all(cv2.imread(str(path), cv2.IMREAD_UNCHANGED).shape[2] == 4 for path in made)
    assert not list(folders["OUT"].glob(".*.part"))
