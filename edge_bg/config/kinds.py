"""Sources, sinks and backgrounds as a config names them: one model per `kind`.

The fields of a kind are the keyword arguments of the class of that kind, so `build.py` passes them on as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationInfo

from edge_bg.config import shorthand
from edge_bg.config.types import AnyPath, Bad, Color, Controls, Fps, InputPath, Name, Origin, OrText, Part, Size


class _Source(Part):
    size: Size | None = None
    """Of the frames; null: 1280x720, or 720x1280 where it is turned by 90 or 270."""
    fit: Literal["contain", "cover", "stretch"] = "contain"
    """How a picture of another shape gets to the size: whole, background round it; cut off on both sides; distorted."""
    rotate: Literal[0, 90, 180, 270] = 0
    """Degrees clockwise by which the picture is turned, for a camera that is mounted on its side."""


class SyntheticSource(_Source):
    """A portrait in the public domain moving over clutter: no camera needed, the true mask known."""

    kind: Literal["synthetic"] = "synthetic"
    drawn: Size | None = None
    """The size the scene is drawn at, as if a camera gave that one; null: that of the frames. To try `fit`."""
    fps: Fps = 30.0
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    """Another seed gives another room, another walk and another light."""
    realtime: bool = True
    """false: as fast as the rest takes the frames."""
    frames: Annotated[int, Field(ge=1)] | None = None
    """Ends after so many frames; null: never."""
    noise: Annotated[float, Field(ge=0, le=20)] = 0.0
    """Grain of the camera, in grey levels."""


class FileSource(_Source):
    """A video file."""

    kind: Literal["file"] = "file"
    path: InputPath
    loop: bool = False
    realtime: bool | None = None
    """At the video's own pace, or as fast as possible; null: paced where every sink is live (http, v4l2loopback)."""
    size: Size | None = None
    """null: the video's own size (an odd side loses a row or column)."""
    bars: bool = True
    """Black bars that are in the film are found, and taken for background."""
    decoder: Literal["auto", "av", "opencv"] = "auto"
    """av is PyAV (extra `video`); auto takes it where it is installed."""


class ImagesSource(_Source):
    """A picture, a folder of pictures, or a glob such as `photos/*.jpg`."""

    kind: Literal["images"] = "images"
    path: InputPath
    fps: Fps = 2.0
    loop: bool | None = None
    """null: where every sink is live (http, v4l2loopback), so that a single picture stays on show."""
    realtime: bool | None = None
    """null: paced where every sink is live."""
    size: Size | None = None
    """null: the size of the first picture."""


class V4l2Source(_Source):
    """A webcam or capture card through Video4Linux."""

    kind: Literal["v4l2"] = "v4l2"
    device: Annotated[str, Field(min_length=1, max_length=4096)] = "/dev/video0"
    """Best a name that survives renumbering, /dev/v4l/by-id/... or usb:PORT; see `edge-bg run --list-cameras`."""
    fps: Fps = 30.0
    format: Literal["auto", "mjpg", "yuyv", "nv12"] = "auto"
    hflip: bool = False
    vflip: bool = False
    controls: Controls = Field(default_factory=dict)
    """As `v4l2-ctl --list-ctrls` names them, e.g. exposure_dynamic_framerate: 0."""
    wait: bool = False
    """true: start without the camera and take it when it comes (for a service)."""


class Picamera2Source(_Source):
    """A Raspberry Pi camera through picamera2."""

    kind: Literal["picamera2"] = "picamera2"
    camera: Annotated[int, Field(ge=0, le=15)] | Name = 0
    """Number, or the sensor's name such as imx708, which survives renumbering."""
    fps: Fps = 30.0
    hflip: bool = False
    vflip: bool = False
    controls: Controls = Field(default_factory=dict)
    """libcamera controls by name, e.g. AwbMode: 1."""
    lores: bool = True
    """Take the second, small stream for the model where the board has one."""
    wait: bool = False
    """true: start without the camera and take it when it comes (for a service)."""


class ColorBackground(Part):
    """One colour."""

    kind: Literal["color"] = "color"
    color: Color = "#202830"
    """\"#rrggbb\" in quotes, or a name such as green."""


class ImageBackground(Part):
    """A picture."""

    kind: Literal["image"] = "image"
    path: InputPath
    fit: Literal["cover", "contain", "stretch"] = "cover"


class VideoBackground(Part):
    """A video, looped."""

    kind: Literal["video"] = "video"
    path: InputPath
    fit: Literal["cover", "contain", "stretch"] = "cover"


class BlurBackground(Part):
    """The room itself, blurred."""

    kind: Literal["blur"] = "blur"
    strength: Annotated[float, Field(ge=0, le=1)] = 0.5


class TransparentBackground(Part):
    """Nothing: the alpha goes along, for sinks that carry it; black elsewhere."""

    kind: Literal["transparent"] = "transparent"


class NoBackground(Part):
    """The room as it is: only for setting up a camera, everything is shown."""

    kind: Literal["none"] = "none"


class _Sink(Part):
    name: Name | None = None
    """How logs and figures call it; null: its kind, with a number where there are several."""


class NullSink(_Sink):
    """Takes frames and drops them: for measuring."""

    kind: Literal["null"] = "null"


class FileSink(_Sink):
    """A video file."""

    kind: Literal["file"] = "file"
    path: AnyPath
    codec: Annotated[str, Field(pattern=r"^[a-z0-9_-]{2,20}$")] = "auto"
    bitrate: Annotated[int, Field(ge=1000)] | None = None
    """Bits per second; null: by quality."""
    overwrite: bool = False
    alpha: bool | None = None
    """In WebM and PNG. null: where the background is transparent; true: always; false: never."""
    audio: Literal["copy", "drop"] = "copy"
    """The sound of a film that is read: taken along, or left out."""


class PipeSink(_Sink):
    """YUV4MPEG2 to a command's standard input, or to our own standard output."""

    kind: Literal["pipe"] = "pipe"
    command: Annotated[str, Field(min_length=1)] | list[str] | None = None
    """E.g. ffmpeg -i - out.mkv; null: standard output."""


class HttpSink(_Sink):
    """A page, an MJPEG stream and snapshots for browsers."""

    kind: Literal["http"] = "http"
    host: Annotated[str, Field(min_length=1, max_length=255)] = "127.0.0.1"
    """127.0.0.1: this machine only; 0.0.0.0: everyone on the network, and then a token is required."""
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    token: Annotated[str, Field(min_length=8, max_length=256, pattern=r"^[A-Za-z0-9._~-]+$")] | None = None
    quality: Annotated[int, Field(ge=1, le=100)] = 80
    max_clients: Annotated[int, Field(ge=1, le=1000)] = 16
    embed: Annotated[list[Origin], Field(max_length=16)] | None = None
    """Pages that may show the stream within them, e.g. [http://octopi.local]; "*": any page. Needs a `token`."""


class V4l2LoopbackSink(_Sink):
    """A virtual camera for other programs."""

    kind: Literal["v4l2loopback"] = "v4l2loopback"
    device: Annotated[str, Field(min_length=1, max_length=4096)] = "/dev/video10"


def _expand(what: str, parse: Callable[..., dict[str, Any]]) -> BeforeValidator:
    def expand(value: Any, info: ValidationInfo) -> Any:
        if isinstance(value, str):
            return parse(value, (info.context or {}).get("base")) if what == "source" else parse(value)
        if value is None and what == "sink":
            return {"kind": "null"}  # an unquoted null in YAML
        if isinstance(value, dict) and value.get("kind", "") is None:
            return {**value, "kind": "null" if what == "sink" else "none"}
        if not isinstance(value, (dict, Part)):
            raise Bad(f"is not a {what}", f"write a mapping with a kind, or a one-line {what}")
        return value

    return BeforeValidator(expand)


def _line(parse: Callable[..., dict[str, Any]]) -> str:
    """What one-line forms there are: the first line of the parser's docstring."""
    return (parse.__doc__ or "").splitlines()[0]


Source = Annotated[
    SyntheticSource | FileSource | ImagesSource | V4l2Source | Picamera2Source,
    Field(discriminator="kind"),
    _expand("source", shorthand.source),
    OrText(_line(shorthand.source)),
]
Background = Annotated[
    ColorBackground | ImageBackground | VideoBackground | BlurBackground | TransparentBackground | NoBackground,
    Field(discriminator="kind"),
    _expand("background", shorthand.background),
    OrText(_line(shorthand.background)),
]
Cover = Annotated[
    ColorBackground | ImageBackground,
    Field(discriminator="kind"),
    _expand("cover", shorthand.background),
    OrText(_line(shorthand.background)),
]
Sink = Annotated[
    NullSink | FileSink | PipeSink | HttpSink | V4l2LoopbackSink,
    Field(discriminator="kind"),
    _expand("sink", shorthand.sink),
    OrText(_line(shorthand.sink)),
]
