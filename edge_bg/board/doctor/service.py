"""The installed service, and whether an accelerator is being left alone."""

from __future__ import annotations

from collections.abc import Iterator

from edge_bg.board.doctor.check import Check
from edge_bg.board.doctor.host import Host
from edge_bg.config import load
from edge_bg.errors import EdgeBgError
from edge_bg.network.breaker import Breaker

_UNIT = "edge-bg.service"


def unit(host: Host) -> Iterator[Check]:
    """Installed, enabled, with a config."""
    if not host.path(f"/etc/systemd/system/{_UNIT}").exists():
        yield Check("service", "info", "is not installed", "sudo scripts/install-service")
        return
    config = host.path("/etc/edge-bg/config.yaml")
    if not config.exists():
        yield Check("service", "fail", "/etc/edge-bg/config.yaml is missing", "sudo scripts/install-service")
    else:
        try:
            load(config)
        except EdgeBgError as error:
            found = str(error).splitlines()
            yield Check("service", "fail", f"{found[0]} ({len(found)} faults)", f"edge-bg check {config}")
    if not host.path(f"/etc/systemd/system/multi-user.target.wants/{_UNIT}").is_symlink():
        yield Check("service", "warn", "is installed, but does not start on boot", f"sudo systemctl enable {_UNIT}")
    state = host.command("systemctl", "is-active", _UNIT)
    if state == "active":
        yield Check("service", "ok", "runs")
    elif state is None:
        yield Check("service", "warn", "does not run", f"systemctl status {_UNIT}; journalctl -u edge-bg -p warning")
    for name in ("coral-usb", "coral-pcie"):
        drop_in = host.path(f"/etc/systemd/system/{_UNIT}.d/{name}.conf")
        group = {"coral-usb": "plugdev", "coral-pcie": "apex"}[name]
        if drop_in.exists() and host.group(group) is None:
            text = f"needs the group {group}, which does not exist: it will not start"
            yield Check("service", "fail", text, f"sudo groupadd --system {group}")


def breaker(host: Host) -> Iterator[Check]:
    """Deaths inside an accelerator, as the service noted them."""
    for place in ("/var/lib/edge-bg", "/var/lib/private/edge-bg"):
        folder = host.path(place)
        try:
            (folder / "accelerator.json").stat()
        except FileNotFoundError:
            continue
        except PermissionError:  # the folder of all such services is root's
            if host.path(f"/etc/systemd/system/{_UNIT}").exists():
                yield Check("accelerator", "info", "only root may read the service's notes", "sudo edge-bg doctor")
            return
        seen = Breaker(folder, read_only=True)
        for label in seen.labels():
            rest = seen.rest(label)
            if rest:
                text = f"{label} is left alone for {rest / 60:.0f} more minutes: the service died in it again and again"
                yield Check("accelerator", "warn", text, f"journalctl -u edge-bg; to try now: sudo rm {folder}/*.json")
            else:
                yield Check("accelerator", "info", f"the service has died while {label} was in use")
        return
