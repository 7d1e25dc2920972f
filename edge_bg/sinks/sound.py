"""The sound of the film that is read, taken along into the film that is written, in step with its pictures."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

log = logging.getLogger(__name__)

KEPT: dict[str, frozenset[str]] = {  # what a file may hold as it is; a Matroska file anything
    ".mp4": frozenset(("aac", "mp3", "ac3", "eac3", "alac", "opus", "flac")),
    ".m4v": frozenset(("aac", "mp3", "ac3", "eac3", "alac")),
    ".mov": frozenset(("aac", "mp3", "ac3", "eac3", "alac", "pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be")),
    ".webm": frozenset(("opus", "vorbis")),
}
GAP = 0.05  # seconds without sound that are more than a rounding error
ENCODERS = {".webm": ("libopus", 48000)}  # for what it may not hold; else AAC at the rate that is there


class Film(Protocol):
    """What a source says of the film it reads.

    path: the file.  start: when its first picture is shown, by its own clock, in seconds.
    loops: it is played again and again.
    """

    @property
    def path(self) -> Path: ...  # noqa: D102
    @property
    def start(self) -> float: ...  # noqa: D102
    @property
    def loops(self) -> bool: ...  # noqa: D102


class Sound:
    """All tracks of a film's sound, written into a PyAV container up to the time of the pictures.

    `tracks` is 0 where the film has none. Packets are copied as they are where the file may hold them.
    """

    def __init__(self, film: Film, container: Any, suffix: str) -> None:
        import av

        self._start = film.start
        self._output = container
        self._input: Any = av.open(str(film.path))
        self._tracks: dict[int, _Copy | _Encode] = {}
        said = []
        for stream in self._input.streams.audio:
            name = stream.codec_context.name.removesuffix("float")  # FFmpeg's decoder of mp3 is called mp3float
            kept = KEPT.get(suffix)
            if kept is None or name in kept:
                self._tracks[stream.index] = _Copy(stream, container)
                said.append(f"{name} as it is")
            else:
                encoder, rate = ENCODERS.get(suffix, ("aac", stream.codec_context.sample_rate))
                self._tracks[stream.index] = _Encode(stream, container, encoder, rate)
                said.append(f"{name} as {encoder.removeprefix('lib')}")
        self.tracks = len(said)
        if said:
            log.info("sound of %s: %s", film.path.name, ", ".join(said))
        wanted = [stream for stream in self._input.streams.audio if stream.index in self._tracks]
        self._packets: Iterator[Any] = iter(self._input.demux(*wanted)) if wanted else iter(())
        self._waiting: Any = None

    def until(self, seconds: float) -> None:
        """Write what sounds before `seconds` of the film that is written."""
        while True:
            packet = self._waiting or self._next()
            self._waiting = None
            if packet is None:
                return
            at = float(packet.pts * packet.time_base) - self._start
            if at >= seconds:
                self._waiting = packet
                return
            if at + float((packet.duration or 0) * packet.time_base) > 0:  # it does not sound before the first picture
                for out in self._tracks[packet.stream.index].take(packet, self._start):
                    self._output.mux(out)

    def close(self) -> None:
        """Write what an encoder still holds, and let go of the film."""
        for track in self._tracks.values():
            for out in track.rest():
                self._output.mux(out)
        self._input.close()

    def _next(self) -> Any:
        import av.error

        while True:
            try:
                packet = next(self._packets, None)
            except av.error.FFmpegError as error:
                log.warning("the film's sound ends early: %s", error)
                return None
            if packet is None or packet.pts is not None:
                return packet


class _Copy:
    """A track whose packets go along as they are."""

    def __init__(self, stream: Any, container: Any) -> None:
        make = getattr(container, "add_stream_from_template", None)  # PyAV 14
        self._out = make(stream) if make is not None else container.add_stream(template=stream)
        self._next = 0
        _label(stream, self._out)

    def take(self, packet: Any, start: float) -> list[Any]:
        """The packet, as the file that is written counts time."""
        shift = round(start / packet.time_base)
        packet.pts = max(packet.pts - shift, self._next)  # some files step back by a rounding error
        packet.dts = packet.pts
        self._next = packet.pts + 1
        packet.stream = self._out
        return [packet]

    def rest(self) -> list[Any]:
        """Nothing is held back."""
        return []


class _Encode:
    """A track that the file cannot hold as it is."""

    def __init__(self, stream: Any, container: Any, encoder: str, rate: int) -> None:
        import av

        self._out = container.add_stream(encoder, rate=rate)
        layout = "stereo" if stream.codec_context.channels >= 2 else "mono"
        self._out.codec_context.layout = layout
        self._out.codec_context.open()
        self._next = 0  # in samples of the film
        self._resampler = av.AudioResampler(
            self._out.codec_context.format, layout, rate, frame_size=self._out.codec_context.frame_size or None
        )
        _label(stream, self._out)

    def take(self, packet: Any, start: float) -> list[Any]:
        """What the encoder gives for the packet."""
        import av.error

        try:
            frames = packet.decode()
        except av.error.FFmpegError:
            return []
        packets = []
        for frame in frames:
            at = (
                self._next if frame.pts is None else (frame.pts * frame.time_base - Fraction(start)) * frame.sample_rate
            )
            # One sample after the other; only a real gap in the film is one here, too.
            self._next = round(at) if at > self._next + GAP * frame.sample_rate else self._next
            frame.pts, frame.time_base = self._next, Fraction(1, frame.sample_rate)
            self._next += frame.samples
            for ready in self._resampler.resample(frame):
                packets += self._out.encode(ready)
        return packets

    def rest(self) -> list[Any]:
        """What is held back."""
        packets = [packet for ready in self._resampler.resample(None) for packet in self._out.encode(ready)]
        return packets + list(self._out.encode(None))


def _label(stream: Any, out: Any) -> None:
    for key in ("language", "title"):
        if key in stream.metadata:
            out.metadata[key] = stream.metadata[key]
