"""The booth as a config has it: who may change what over HTTP, and what is kept. By default: nobody, nothing."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from edge_bg.config.types import AnyPath, Bad, Name, Part

Seconds = Annotated[float, Field(gt=0, le=3600)]
Language = Annotated[str, Field(pattern=r"^[a-z]{2}(-[A-Z]{2})?$")]
Text = Annotated[str, Field(max_length=2000)]


class Times(Part):
    """Seconds after which the booth goes on by itself."""

    countdown: Annotated[float, Field(ge=0, le=30)] = 3.0
    """From the shutter to the photo."""
    consent: Seconds = 60.0
    """An unanswered question whether the photo may be kept."""
    approval: Seconds = 30.0
    """A photo that nobody keeps: it is thrown away."""
    result: Seconds = 60.0
    """The photo with its QR code."""
    idle: Seconds = 120.0
    """Nobody touches anything: back to the attract screen."""


class Storage(Part):
    """Where photos are kept, and for how long. Without this part no photo is written anywhere."""

    folder: AnyPath
    """For photos only; one folder is made in it for each."""
    hours: Annotated[float, Field(gt=0, le=24 * 366)] = 24.0
    """After so many hours a photo is erased."""
    consent: Text = ""
    """What guests agree to before their first photo; empty: nobody is asked."""
    most: Annotated[int, Field(ge=1, le=100_000)] = 1000
    """Photos kept at one time; beyond, the oldest is erased."""


class Mqtt(Part):
    """Talks with an MQTT broker (extra `mqtt`), and tells Home Assistant what there is."""

    host: Annotated[str, Field(min_length=1, max_length=255)]
    port: Annotated[int, Field(ge=1, le=65535)] = 1883
    username: Annotated[str, Field(max_length=255)] | None = None
    password: Annotated[str, Field(max_length=255)] | None = None
    tls: bool = False
    """true: an encrypted connection, checked against the certificates of the system."""
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,32}$")] = "booth"
    """Topics begin with edge-bg/NAME; each booth of a broker needs its own."""
    discovery: Annotated[str, Field(pattern=r"^[A-Za-z0-9_/-]{0,64}$")] = "homeassistant"
    """The topic under which Home Assistant looks; empty: it is not told."""


Pin = Annotated[int, Field(ge=0, le=64)]
Press = Literal["shutter", "next", "abort", "keep", "retake", "background", "relearn", "privacy"]
Lamp = Literal["live", "ready", "countdown", "capture", "privacy", "fault"]


class Gpio(Part):
    """Buttons and lamps at GPIO pins (extra `gpio`)."""

    buttons: dict[Press, Pin] = Field(default_factory=dict)
    """What a button does: the number of its pin (BCM), e.g. shutter: 17; it connects to ground."""
    lamps: dict[Lamp, Pin] = Field(default_factory=dict)
    """What a lamp shows: the number of its pin (BCM), e.g. countdown: 27."""

    @model_validator(mode="after")
    def _one_each(self) -> Gpio:
        pins = [*self.buttons.values(), *self.lamps.values()]
        if twice := {pin for pin in pins if pins.count(pin) > 1}:
            raise Bad(f"uses pin {', '.join(map(str, sorted(twice)))} twice", "give each button and lamp its own")
        return self


class Booth(Part):
    """A booth that people touch: off unless `control` is true."""

    control: bool = False
    """true: guests may use the booth, and an operator may change it, over HTTP. false: no request has any effect."""
    pin: Annotated[str, Field(pattern=r"^[0-9]{4,12}$")] | None = None
    """What the operator types, in quotes; null: one is made up at each start, and logged."""
    token: Annotated[str, Field(min_length=16, max_length=256, pattern=r"^[A-Za-z0-9._~-]+$")] | None = None
    """What a program of the operator's shows instead of the PIN (`Authorization: Bearer ...`)."""
    folder: AnyPath | None = None
    """Where events lie, a folder each: backgrounds, frames, texts. null: the built-in ones, and nothing is uploaded."""
    event: Name | None = None
    """The event to begin with; null: the first."""
    language: Language = "en"
    """What the guest's page speaks: en, de, es, fr or zh."""
    touch: Annotated[float, Field(ge=0, le=60)] = 5.0
    """Seconds for which a finger on the screen beats a remote command."""
    times: Times = Times()
    storage: Storage | None = None
    """null: no photo is written anywhere."""
    mqtt: Mqtt | None = None
    gpio: Gpio | None = None

    @model_validator(mode="after")
    def _control(self) -> Booth:
        for key in ("storage", "mqtt", "gpio"):
            if getattr(self, key) is not None and not self.control:
                raise Bad(f"has {key}, but nothing may be controlled", "add control: true, or take it away")
        return self
