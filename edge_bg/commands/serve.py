"""`edge-bg serve`: cut-outs over HTTP, and a page to drop pictures on."""

from __future__ import annotations

import os
import secrets
import socket

import click

from edge_bg.commands import debug_option, examples


@click.command(
    epilog=examples(
        "edge-bg serve                                          then open http://127.0.0.1:7000",
        "edge-bg serve --host 0.0.0.0                           for phones in the same network, with a token",
        "curl -F image_file=@shoe.jpg -o shoe.png http://127.0.0.1:7000/api/v1/cutouts",
    )
)
@click.option("--host", default="127.0.0.1", show_default=True, help="0.0.0.0: the whole network, with a token.")
@click.option("--port", type=click.IntRange(0, 65535), default=7000, show_default=True, help="0: any free one.")
@click.option("--token", metavar="WORD", help="What clients must show. Off loopback one is made up unless given.")
@click.option("--model", default="general", show_default=True, metavar="NAME", help="A name from `edge-bg models`.")
@click.option("--delegate", "delegates", multiple=True, metavar="NAME", help="cpu, edgetpu; several: in this order.")
@click.option("--workers", type=click.IntRange(1, 16), default=1, show_default=True, help="Pictures at one time.")
@click.option("--line", type=click.IntRange(0, 1000), default=4, show_default=True, help="More that may wait.")
@click.option("--max-mb", type=click.FloatRange(0.1, 200), default=22.0, show_default=True, help="Of one picture.")
@click.option("--max-megapixels", type=click.FloatRange(0, 256, min_open=True), default=50.0, show_default=True)
@debug_option
def serve(
    host: str, port: int, token: str | None, model: str, delegates: tuple[str, ...], workers: int, line: int,
    max_mb: float, max_megapixels: float,
) -> int:  # fmt: skip
    """Cut pictures out for other programs, and on a page for people. Nothing is kept.

    Clients of remove.bg (POST /v1.0/removebg) and of rembg's server (POST /api/remove) only change the address.
    """
    from edge_bg.errors import MissingDependency, SinkError

    try:
        import uvicorn

        from edge_bg.cutserver.app import create_app
        from edge_bg.cutserver.desk import Desk
        from edge_bg.web.access import Access
        from edge_bg.web.guard import is_loopback
    except ImportError as caught:
        raise MissingDependency(f"serve: {caught.name} is not installed", hint="pip install 'edge-bg[web]'") from caught
    from edge_bg.network.card import find
    from edge_bg.still import Cutter

    card = find(model)
    made_up = token is None and not is_loopback(host)
    if made_up:
        token = secrets.token_urlsafe(16)
    elif token is not None and len(token) < 8:
        raise click.UsageError("--token: must have at least 8 characters")
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family, reuse_port=False)
    except (OSError, OverflowError) as error:
        text = getattr(error, "strerror", None) or str(error)
        raise SinkError(f"cannot listen at {host}:{port}: {text}", hint="choose another: --port 7001") from None
    threads = max(1, (os.cpu_count() or 1) // workers) if workers > 1 else None
    desk = Desk(
        lambda: Cutter(card, delegates=delegates or ("cpu",), threads=threads),
        workers=workers, line=line, max_megapixels=max_megapixels,
    )  # fmt: skip
    app = create_app(desk, access=Access(token=token), check_host=token is None, max_bytes=int(max_mb * 1e6))
    shown = socket.gethostname() if host in ("0.0.0.0", "::") else host  # noqa: S104
    shown = f"[{shown}]" if ":" in shown else shown
    query = f"?token={token if made_up else '(yours)'}" if token else ""
    click.echo(f"open http://{shown}:{listener.getsockname()[1]}/{query}", err=True)
    config = uvicorn.Config(
        app, lifespan="off", ws="none", log_config=None, log_level="warning", access_log=False, server_header=False,
        proxy_headers=False, timeout_graceful_shutdown=5,
    )  # fmt: skip
    try:
        uvicorn.Server(config).run(sockets=[listener])
    except KeyboardInterrupt:
        pass
    finally:
        listener.close()
        desk.close()
    return 0
