"""`edge-bg image`: cut-outs of one picture or of thousands; a bad one does not stop the rest."""

from __future__ import annotations

from typing import Any

import click

from edge_bg.commands import debug_option, examples

SUBJECTS = ("auto", "people", "anything")


def _preset(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    if value is None:
        return None
    from edge_bg.listing import presets

    if value not in presets():
        raise click.BadParameter(f"there is none called {value}; {', '.join(presets())}", ctx, param)
    return value


@click.command(
    epilog=examples(
        "edge-bg image me.jpg -o me.png",
        "edge-bg image party/ -o cutouts/                       a folder and those in it; again: what is new",
        "edge-bg image shoes/ -o amazon/ --subject anything --preset amazon",
        "edge-bg image inbox/ -o done/ --watch                  a hot folder, until Ctrl-C",
        'edge-bg image me.jpg --background "#00b140" -o me.jpg   never over the input itself: this is refused',
        "edge-bg image --check --preset amazon shoe.jpg         which of Amazon's rules does it meet?",
    )
)
@click.argument("inputs", nargs=-1, required=True, metavar="IN...")
@click.option(
    "-o", "--output", metavar="OUT",
    help="A file for one picture, else a folder. Without it: NAME-cutout.png beside each picture.",
)  # fmt: skip
@click.option(
    "--subject", type=click.Choice(SUBJECTS), default="people", show_default=True,
    help="What is cut out. auto decides for each picture.",
)  # fmt: skip
@click.option(
    "--preset", callback=_preset, metavar="NAME", help="As a shop asks: amazon, ebay, google, shopify, etsy, plain."
)
@click.option("--background", metavar="BG", help='transparent, "#00b140", a picture, or blur.')
@click.option("--crop", is_flag=True, help="Cut to the subject.")
@click.option("--margin", metavar="SHARE", help="Room left around the subject, such as 5%; implies --crop.")
@click.option("--aspect", metavar="W:H", help="Shape of the picture, such as 1:1.")
@click.option("--size", metavar="WxH", help="Pixels, such as 1600x1600, 1600 for a square, 1600x for a width.")
@click.option("--shadow", type=click.Choice(["none", "drop", "keep"]), help="Draw one, or keep the photograph's.")
@click.option("--mask-only", is_flag=True, help="The alpha alone, as a grey picture.")
@click.option("--format", "kind", type=click.Choice(["png", "jpg", "webp", "tif"]), help="Of the files in a folder.")
@click.option("--quality", type=click.IntRange(1, 100), metavar="1-100", help="Of JPEG and WebP; 92 unless given.")
@click.option("--metadata", type=click.Choice(["drop", "keep"]), help="EXIF: camera, time, place. drop unless given.")
@click.option("--profile", type=click.Choice(["srgb", "keep"]), help="Colours: to sRGB (unless given), or as they are.")
@click.option("--check", "checking", is_flag=True, help="Write nothing; say which rules of --preset a picture meets.")
@click.option("--model", default="general", show_default=True, metavar="NAME", help="A name from `edge-bg models`.")
@click.option("--delegate", "delegates", multiple=True, metavar="NAME", help="cpu, edgetpu; several: in this order.")
@click.option("--jobs", type=click.IntRange(1, 64), metavar="N", help="Processes. Unless given: what pays.")
@click.option("--on", metavar="ENGINE", help="Other machines: dask://HOST:PORT (extra `cluster`).")
@click.option("--watch", is_flag=True, help="Go on: take pictures as they come, until Ctrl-C.")
@click.option("--sheet/--no-sheet", default=True, help="A contact sheet in the output folder.")
@click.option("--overwrite", is_flag=True, help="Replace outputs that are there (never an input).")
@click.option("--max-megapixels", type=click.FloatRange(0, min_open=True), default=64.0, show_default=True)
@debug_option
def image(
    inputs: tuple[str, ...], output: str | None, subject: str, preset: str | None, background: str | None,
    checking: bool, model: str, delegates: tuple[str, ...], jobs: int | None, on: str | None, watch: bool, sheet: bool,
    overwrite: bool, max_megapixels: float, **layout: Any,
) -> int:  # fmt: skip
    """Cut people out of pictures at full size, as PNG with transparency, or on a new background.

    IN is a picture, a folder (with those in it), a glob in quotes, or an address such as s3://bucket/shoes. A folder
    can be done again: what is done and unchanged is left, what is new is done.

    Exit code 1 when any picture failed; the others are done all the same.
    """
    from edge_bg.commands import cutting

    if checking:
        return cutting.check_files(inputs, preset or "plain", max_megapixels)
    look = cutting.look_of(preset, background, output, layout)
    from edge_bg.catalogue.job import Settings

    settings = Settings(
        look,
        subject=subject,
        model=cutting.known_model(model),
        delegates=delegates or ("cpu",),
        max_megapixels=max_megapixels,
        thumbs=sheet,
    )
    with cutting.stoppable():
        return cutting.run_catalogue(inputs, output, settings, jobs=jobs, on=on, watch=watch, overwrite=overwrite)
