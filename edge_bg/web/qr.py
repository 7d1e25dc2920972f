"""QR codes of addresses on this machine, as a phone in the same network reaches them; none where it cannot."""

from __future__ import annotations

import io
import socket

from edge_bg.errors import MissingDependency, NotThere
from edge_bg.web.guard import is_loopback


def code(text: str) -> bytes:
    """An SVG of the QR code of `text`, dark on white with its quiet zone. Raises MissingDependency."""
    try:
        import segno
    except ImportError:
        raise MissingDependency("QR codes need segno", hint="pip install 'edge-bg[web]'") from None
    out = io.BytesIO()
    segno.make(text, error="m", micro=False).save(
        out, kind="svg", border=4, xmldecl=False, light="#ffffff", omitsize=True
    )
    return out.getvalue()


def lan(host: str, listens: list[str]) -> str:
    """`host`, a Host header, with this machine's own address where it names loopback: a phone's is another one.

    Nothing is sent to find it out: a datagram socket is only asked which address it would take.

    Args:
        host: As the browser sent it, such as `127.0.0.1:8080`.
        listens: The addresses that the page listens at.

    Raises:
        NotThere: No phone reaches the page: it listens on this machine only, or the machine is in no network.
    """
    name, _, port = host.partition(":") if not host.startswith("[") else (host.partition("]")[0] + "]", "", "")
    if name not in ("localhost", "127.0.0.1", "[::1]"):
        return host
    if all(is_loopback(address) for address in listens):
        raise NotThere(
            "no phone reaches this page: it listens on this machine only", hint="give the http sink host: 0.0.0.0"
        )
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # an address for documentation: no packet leaves for a UDP connect
            own = probe.getsockname()[0]
        except OSError:
            raise NotThere("no phone reaches this page: this machine is in no network") from None
    return f"{own}:{port}" if port else str(own)
