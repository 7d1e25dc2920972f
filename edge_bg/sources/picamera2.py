"""Raspberry Pi cameras through picamera2 and libcamera: I420 straight from the ISP, at two sizes at once.

Written against picamera2 0.3.38. Not run on a board yet; the handling of its buffers is tested from captured shapes.
"""

from __future__ import annotations

import logging
import os
import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_bg.errors import MissingDependency, SourceError
from edge_bg.frame import I420, Frame, Size, to_rgb
from edge_bg.sources import picamera2_still
from edge_bg.sources.camera import CameraBase
from edge_bg.sources.fit import Fitter
from edge_bg.sources.picamera2_stream import Stream, is_limited

log = logging.getLogger(__name__)

PATIENCE = 2.0  # seconds without a frame; then the camera is lost
LORES_WIDTH = 256  # what the models are wide, and a multiple of what every Pi aligns a row to


class PiCamera(CameraBase):
    """A camera that libcamera knows.

    camera: its number as `rpicam-hello --list-cameras` shows it, or part of its model name or id ("imx708").
    size, fps: frames always have `size` (None: 1280x720), by `fit` when the camera gives another; see `fit.Fitter`.
    rotate: degrees clockwise; 180 costs nothing, for 90 and 270 the camera is asked for `size` on its side.
    hflip, vflip: mirror the picture, at no cost.  controls: libcamera controls by name, such as {"AfMode": 2}.
    lores: a second, small stream of the same moment for the model (`Frame.small`): True, False, or its size.
    wait: do not fail when it is absent at the start but wait for it.
    """

    def __init__(
        self,
        camera: int | str = 0,
        size: Size | None = None,
        fps: float = 30.0,
        hflip: bool = False,
        vflip: bool = False,
        controls: dict[str, Any] | None = None,
        lores: bool | Size = True,
        wait: bool = False,
        fit: str = "contain",
        rotate: int = 0,
    ) -> None:
        name = f"camera {camera}"
        fitter = Fitter(name, fit, rotate)
        if rotate == 180:  # the sensor does it
            fitter, hflip, vflip = Fitter(name, fit), not hflip, not vflip
        super().__init__(name, size, fps, wait, fitter)
        self.camera = camera
        self._mirror = (vflip, hflip) if rotate in (90, 270) else (hflip, vflip)  # it mirrors before it is turned
        self._controls = dict(controls or {})
        self._lores = lores_size(self.asked, lores)
        self._device: Any = None
        self._id = ""  # what libcamera calls the camera that was found
        self._streams: dict[str, Stream] = {}
        self._wanted: dict[str, Any] = {}  # what the camera was configured with
        self._limited = False
        self._crop: Any = None  # the part of the sensor that frames show, once one has said it
        self._turn = threading.Lock()  # who asks the camera for a picture
        self._free = threading.Event()  # cleared while somebody waits to take a still
        self._free.set()

    def _connect(self) -> None:
        module, libcamera = _libraries()
        known = module.Picamera2.global_camera_info()
        # The one of before keeps its id when its number changes, as it does when another camera comes or goes.
        again = any(info.get("Id") == self._id for info in known)
        number, model = find(known, self._id if again else self.camera)
        self._id = str(known[number].get("Id", ""))
        device = _start_driver(module.Picamera2, number, model)
        try:
            self._configure(device, libcamera)
            device.start()
        except Exception as error:  # picamera2 raises RuntimeError, ValueError, KeyError, ... with the cause in words
            _shut(device)
            if isinstance(error, SourceError):
                raise
            raise SourceError(f"camera {model}: {_cause(error)}", hint="rpicam-hello --list-cameras") from None
        self._device = device
        self.name = f"camera {model}"

    def _configure(self, device: Any, libcamera: Any) -> None:
        known = device.camera_controls
        for name in self._controls:
            if name not in known:
                raise SourceError(
                    f"{self.name}: it has no control {name!r}", hint=f"it has: {', '.join(sorted(known))}"
                )
        period = round(1e6 / self.fps)
        rate = {"FrameDurationLimits": (period, period)} if "FrameDurationLimits" in known else {}
        hflip, vflip = self._mirror
        wanted: dict[str, Any] = {
            "raw": None,
            "buffer_count": 4,
            "queue": False,  # the frame that comes next, not one that has waited
            "encode": None,
            "display": None,
            "transform": libcamera.Transform(hflip=int(hflip), vflip=int(vflip)),
            "colour_space": libcamera.ColorSpace.Sycc(),  # what JPEG has: BT.601, full range
            "controls": {**rate, **self._controls},
        }
        self._wanted = wanted
        main = {"size": self.asked, "format": "YUV420"}
        lores = None if self._lores is None else {"size": self._lores, "format": "YUV420"}
        try:
            device.configure(device.create_video_configuration(main=main, lores=lores, **wanted))
        except Exception as error:
            if lores is None:
                raise
            # Some pipelines have one stream only; then the model is fed from the large one.
            log.warning("%s: no second stream (%s)", self.name, _cause(error))
            device.configure(device.create_video_configuration(main=main, lores=None, **wanted))
        given = device.camera_configuration()
        limited = self._limited = is_limited(given.get("colour_space"), libcamera)
        names = ["main", "lores"] if given.get("lores") else ["main"]
        self._streams = {name: Stream(given[name], limited) for name in names}
        if self._streams["main"].size != self.asked:
            width, height = self._streams["main"].size
            log.warning(
                "%s: it gives %dx%d instead of %dx%d; every frame is scaled", self.name, width, height, *self.asked
            )

    def _grab(self) -> Frame | None:
        device = self._device
        if device is None:
            return None
        self._free.wait(2 * picamera2_still.PATIENCE)
        try:
            with self._turn:
                request = device.capture_request(wait=PATIENCE)
        except TimeoutError:
            raise SourceError(
                f"{self.name}: no frame for {PATIENCE:g} s", hint="is its ribbon cable seated? dmesg | tail"
            ) from None
        except Exception as error:
            raise SourceError(f"{self.name}: {_cause(error)}") from None
        try:
            # Both streams from one request, so that they show the same moment.
            pictures = {name: self._read(request, name) for name in self._streams}
            facts = request.get_metadata()
            stamp, self._crop = facts.get("SensorTimestamp"), facts.get("ScalerCrop")
        finally:
            request.release()
        main = pictures["main"]
        if main is None:
            return None
        moment, index = self._stamp(stamp / 1e9 if stamp else None)
        return self._fitter(main, moment, index, small=pictures.get("lores"))

    def still(self) -> NDArray[np.uint8] | None:
        """What frames show now, at the sensor's own resolution; frames pause for it. From any thread.

        Returns:
            RGB uint8 (H, W, 3) of the frames' shape, or None where the camera has no more pixels than they have.

        Raises:
            SourceError: No picture came in time. Frames go on.
        """
        device, main = self._device, self._streams.get("main")
        if device is None or main is None or main.size != self.asked:
            return None
        found = picamera2_still.view(getattr(device, "sensor_resolution", None), self._crop, main.size)
        if found is None:
            return None

        def read(request: Any) -> I420 | None:
            return self._read(request, "main", Stream(request.config["main"], self._limited))

        self._free.clear()
        try:
            with self._turn:
                picture = picamera2_still.take(device, self._wanted, found, read)
        finally:
            self._free.set()
        return self._fitter.upright(to_rgb(picture))

    def _read(self, request: Any, name: str, stream: Stream | None = None) -> I420 | None:
        """Copy a stream out of the camera's memory, which is ours only until the request is released."""
        from picamera2 import MappedArray

        # Not reshaped: picamera2's own shapes hide where rows end, and fail where a buffer is longer than its picture.
        with MappedArray(request, name, reshape=False, write=False) as mapped:
            return (stream or self._streams[name]).read(mapped.array)

    def _disconnect(self) -> None:
        device, self._device = self._device, None
        if device is not None:
            _shut(device)


def lores_size(main: Size, asked: bool | Size) -> Size | None:
    """The second stream's size: the model's width, the shape of `main`, never larger than it."""
    if asked is False:
        return None
    if asked is not True:
        width, height = int(asked[0]), int(asked[1])
        if width % 2 or height % 2 or width < 32 or height < 32:
            raise SourceError(f"lores {width}x{height}: both sides must be even and at least 32", hint="lores: true")
        return min(width, main[0]), min(height, main[1])
    width = min(LORES_WIDTH, main[0])
    return width, min(max(2 * round(width * main[1] / main[0] / 2), 32), main[1])


def find(known: list[dict[str, Any]], wanted: int | str) -> tuple[int, str]:
    """(number, model) of the camera that a number, model name or id means, among picamera2's list."""
    listed = ", ".join(f"{i}: {info.get('Model', '?')}" for i, info in enumerate(known))
    hint = f"there are: {listed}" if known else "rpicam-hello --list-cameras; is its ribbon cable seated?"
    text = str(wanted)
    if text.isdigit():
        if int(text) >= len(known):
            raise SourceError(f"camera {wanted}: no such camera", hint=hint)
        return int(text), str(known[int(text)].get("Model", text))
    matching = [
        (number, str(info.get("Model", text)))
        for number, info in enumerate(known)
        if text.lower() in str(info.get("Model", "")).lower() or text == info.get("Id")
    ]
    if not matching:
        raise SourceError(f"camera {wanted}: no such camera", hint=hint)
    if len(matching) > 1:
        raise SourceError(f"camera {wanted}: more than one has that name", hint=hint)
    return matching[0]


def _libraries() -> tuple[Any, Any]:
    try:
        import libcamera
        import picamera2
    except ImportError as error:
        raise MissingDependency(
            f"picamera2 cannot be imported ({error})",
            hint="sudo apt install -y python3-picamera2 --no-install-recommends, and a virtual environment made with"
            " python3 -m venv --system-site-packages",
        ) from None
    return picamera2, libcamera


def _start_driver(driver: Any, number: int, model: str) -> Any:
    """A Picamera2 object. One that fails to open leaves a pipe open, which would add up over days of retrying."""
    device = driver.__new__(driver)
    try:
        device.__init__(number)
    except Exception as error:
        if isinstance(pipe := getattr(device, "notifyme_w", None), int):
            os.close(pipe)
        cause = _cause(error)
        busy = "busy" in cause.lower() or "acquire" in cause.lower()
        hint = "another program uses it: fuser -v /dev/media*" if busy else "rpicam-hello --list-cameras"
        raise SourceError(f"camera {model}: {cause}", hint=hint) from None
    return device


def _shut(device: Any) -> None:
    """Stop and close. A capture that never came would block the queue that `stop` goes through: drop it first."""
    for name in ("cancel_all_and_flush", "close"):
        try:
            if hasattr(device, name):
                getattr(device, name)()
        except Exception as error:
            log.warning("closing the camera: %s", error)


def _cause(error: BaseException) -> str:
    """The first cause in words: picamera2 wraps what libcamera said."""
    while error.__cause__ is not None:
        error = error.__cause__
    return str(error) or type(error).__name__
