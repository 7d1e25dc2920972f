"""A picture at a Pi camera's full resolution, of the same view as the frames: the camera changes its mode and back.

Written against picamera2 0.3.38. Run on the real picamera2 over libcamera's virtual camera; not on a board.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from edge_bg.errors import SourceError
from edge_bg.frame import I420, Size, size_of

PATIENCE: Final = 8.0  # seconds for the change of mode, the picture, and the change back
SETTLE: Final = 2  # frames dropped in the new mode, until exposure and white balance are those of before
ALIKE: Final = 0.01  # how far the shape of the view may be from that of the frames

Crop = tuple[int, int, int, int]  # left, top, width, height, in the sensor's pixels


def view(sensor: Size | None, crop: Crop | None, main: Size) -> tuple[Size, Crop | None] | None:
    """The size of a still that shows what frames of `main` show, and the part of the sensor that it is taken from.

    Args:
        sensor: Its resolution.
        crop: The part of it that frames are made from, as their metadata says it; None: not said, so the middle.
        main: Size of the frames as the camera gives them.

    Returns:
        None where the still would have no more pixels than a frame, or another shape.
    """
    if sensor is None:
        return None
    if crop is None:
        scale = min(sensor[0] / main[0], sensor[1] / main[1])
        wide, high = int(main[0] * scale), int(main[1] * scale)
    else:
        wide, high = crop[2], crop[3]
    size = (wide // 2 * 2, high // 2 * 2)
    if size[0] <= main[0] or size[1] <= main[1]:
        return None
    return (size, crop) if abs(size[0] * main[1] / (size[1] * main[0]) - 1) <= ALIKE else None


def take(
    device: Any, wanted: dict[str, Any], found: tuple[Size, Crop | None], read: Callable[[Any], I420 | None]
) -> I420:
    """A still of a camera that runs, which goes on in its own mode after it; nobody else may ask it meanwhile.

    Args:
        device: A started Picamera2.
        wanted: What its own configuration was made with.
        found: What `view` gave.
        read: Copies the picture out of a request.

    Raises:
        SourceError: No picture came in time, or none that can be read.
    """
    size, crop = found
    controls = {key: value for key, value in wanted["controls"].items() if key != "FrameDurationLimits"}
    if crop is not None:
        controls["ScalerCrop"] = crop
    asked = {**wanted, "buffer_count": 1, "controls": controls}
    main = {"size": size, "format": "YUV420"}
    before = device.camera_config

    def capture() -> tuple[bool, I420 | None]:
        """A step of picamera2's: whether it is done, and with what. Read here, as the change back frees the memory."""
        done, request = device.capture_request_()
        if not done:
            return False, None
        try:
            made = read(request)
        finally:
            request.release()
            device.switch_mode_(before)
        return True, made

    try:
        still = device.create_still_configuration(main=main, lores=None, **asked)
        settle = partial(device.set_frame_drops_, SETTLE)
        steps = [partial(device.switch_mode_, still), settle, device.drop_frames_, capture]
        picture: I420 | None = device.dispatch_functions(steps, PATIENCE, None, True)
    except Exception as error:  # picamera2 raises whatever its parts do, and TimeoutError
        raise SourceError(f"no still came: {error or type(error).__name__}") from None
    if picture is None:
        raise SourceError("the still cannot be read")
    (wide, high), got = size, size_of(picture)
    if abs(got[0] * high / (got[1] * wide) - 1) > ALIKE:
        raise SourceError(f"the still has {got[0]}x{got[1]} pixels, and shows another view than {wide}x{high}")
    return picture
