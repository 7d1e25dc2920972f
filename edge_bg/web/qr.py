"""QR codes of addresses on this machine, as a phone in the same network reaches them."""

from __future__ import annotations

import io
import socket

from edge_bg.errors import MissingDependency


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


def lan(host: str) -> str:
    """`host`, a Host header, with this machine's own address where it names loopback: a phone's is another one.

    Nothing is sent to find it out: a datagram socket is only asked which address it would take.
    """
    name, _, port = host.partition(":") if not host.startswith("[") else (host.partition("]")[0] + "]", "", "")
    if name not in ("localhost", "127.0.0.1", "[::1]"):
        return host
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # an address for documentation: no packet leaves for a UDP connect
            own = probe.getsockname()[0]
        except OSError:
            return host
    return f"{own}:{port}" if port else str(own)
