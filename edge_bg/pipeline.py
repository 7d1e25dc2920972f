"""The loop: capture -> infer -> matte -> composite, each on a thread of its own, joined by one-slot mailboxes.

The interpreter and OpenCV release the GIL, so the stages run side by side. The newest frame wins and every drop
is counted; a source that can wait (a file) loses nothing, as its mailboxes are lossless.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, Protocol

import numpy as np

from edge_bg.board.cores import usable_cores
from edge_bg.errors import ModelError
from edge_bg.frame import I420, Frame, Picture, Size
from edge_bg.loop.mailbox import Closed, Latest
from edge_bg.loop.stats import Stats

Pair = tuple[Frame, Picture]
Dated = tuple[Frame, Picture, Frame]  # a frame, a mask for it, and the frame that the mask was made of


class Source(Protocol):
    """What the loop asks of a source; see `edge_bg.sources` for the whole contract."""

    size: Size
    fps: float
    live: bool
    failures: int

    def __iter__(self) -> Iterator[Frame]: ...
    def close(self) -> None: ...


class Segmenter(Protocol):
    """frame -> mask: uint8 `(h, w)` at the model's own size, covering exactly the frame, 255 = person.

    `shrink` gives the frame its `small` picture, at the model's size, if it came without one: what the network
    and the matte look at. It runs on the capture thread, so that the network's own thread does little else.
    """

    def shrink(self, frame: Frame, /) -> None: ...
    def __call__(self, frame: Frame, /) -> Picture: ...


class Matte(Protocol):
    """mask, frame, the frame that the mask is of -> alpha420, laid out like the frame; `reset` forgets the past."""

    def __call__(self, mask: Picture, frame: Frame, of: Frame, /) -> I420: ...
    def reset(self) -> None: ...


class Compositor(Protocol):
    """frame + alpha -> a new frame on the new background, its alpha attached."""

    def __call__(self, frame: Frame, alpha420: I420, /) -> Frame: ...


class Sinks(Protocol):
    """Where frames go; `send` returns at once, except that a lossless sink holds up a source that can wait.

    `send` is False once no sink wants frames any more; `stop` frees a `send` that waits.
    """

    def open(self, size: Size, fps: float, *, live: bool = True) -> None: ...
    def send(self, frame: Frame, /) -> bool: ...
    def stop(self) -> None: ...
    def close(self) -> None: ...


class Pipeline:
    """`for frame in pipeline:` yields composited frames; `run()` sends them to the sinks.

    source:       opened; `live` decides whether frames are dropped or waited for.
    cover:        I420 picture that goes out instead of the room: before the first mask, when no mask comes for
                  `max_mask_age` seconds, and while the camera is lost. Its frames have `covered=True`. A source
                  that can wait is waited for instead: no cover gets between the frames of a recording.
    sync:         "exact": each frame waits for its own mask. "latest": each frame of a live source takes the newest
                  mask there is, if it is younger than `max_mask_age`; the frame rate is then the camera's, not the
                  model's.
    """

    def __init__(
        self,
        source: Source,
        segmenter: Segmenter,
        matte: Matte,
        compositor: Compositor,
        sinks: Sinks | None = None,
        *,
        cover: I420,
        sync: Literal["exact", "latest"] = "exact",
        max_mask_age: float = 0.5,
        stats: Stats | None = None,
    ) -> None:
        self.source = source
        self.segmenter = segmenter
        self.matte = matte
        self.compositor = compositor
        self.sinks = sinks
        self.cover = cover
        self.max_mask_age = max_mask_age
        self.stats = stats or Stats()
        lossless = not source.live
        self._captured: Latest[Frame] = Latest(lossless=lossless)
        self._masked: Latest[Pair] = Latest(lossless=lossless)
        self._refined: Latest[tuple[Frame, I420 | None]] = Latest(lossless=lossless)
        self._shown: Latest[Frame] | None = Latest() if sync == "latest" and source.live else None
        self.stats.watch("dropped.captured", lambda: self._captured.dropped)
        self.stats.watch("failures.source", lambda: self.source.failures)
        self.stats.watch("dropped.masked", lambda: self._masked.dropped)
        self.stats.watch("dropped.refined", lambda: self._refined.dropped)
        # One core is the network's. Where the stages are more than the others, they take turns: on two cores they
        # would otherwise hand the interpreter to and fro at every call, which costs a quarter of all CPU time.
        self._turn = threading.Semaphore(max(1, usable_cores() - 1))
        self._threads: list[threading.Thread] = []
        self._stopping = threading.Event()
        self._to_sinks = False

    # --- the straight line ---------------------------------------------------------------------------

    def _capture(self) -> None:
        expected = 0
        for frame in self.source:
            self.stats.count("captured")
            if frame.index > expected:  # the camera gave frames that the source could not take
                self.stats.count("dropped.source", frame.index - expected)
            expected = frame.index + 1
            if self._to_sinks:
                frame.truth = None  # no sink wants it, and a plane for every frame on its way is 10 MB
            with self._turn:
                self.segmenter.shrink(frame)
            if self._shown is not None:
                self._shown.put(frame)
            if not self._captured.put(frame):
                return

    def _infer(self) -> None:
        for frame in self._captured:
            with self.stats.time("infer"):
                mask = self.segmenter(frame)
            _check_mask(mask)
            if not self._masked.put((frame, mask)):
                return

    def _refine(self) -> None:
        for dated in self._newest_pairs() if self._shown is not None else self._exact_pairs():
            if dated is None:
                self.matte.reset()
                self._refined.put((self._covered(), None))
                continue
            frame, mask, of = dated
            with self._turn, self.stats.time("matte"):
                alpha = self.matte(mask, frame, of)
            if not self._refined.put((frame, alpha)):
                return

    def __iter__(self) -> Iterator[Frame]:
        """Composited frames, and covers while there is no valid mask. Runs once; ends when the source does."""
        try:
            self._start()
            for frame, alpha in self._refined:
                if alpha is None:
                    yield frame
                    continue
                with self._turn, self.stats.time("composite"):
                    out = self.compositor(frame, alpha)
                self.stats.frame_out(out.time)
                yield out
        finally:
            self.stop()
            self._join()

    def run(self, *, frames: int | None = None, duration: float | None = None) -> int:
        """Send frames to the sinks until the source ends, `stop()`, `frames` frames or `duration` seconds.

        Returns the number of composited frames sent, covers not counted. Sinks are opened and finished here.
        """
        if self.sinks is None:
            raise ValueError("a pipeline without sinks cannot run; iterate over it instead")
        self._to_sinks = True
        sent, end = 0, None if duration is None else time.monotonic() + duration
        try:
            self.sinks.open(self.source.size, self.source.fps, live=self.source.live)
            for frame in self:
                if not self.sinks.send(frame):
                    break
                sent += not frame.covered
                if (frames is not None and sent >= frames) or (end is not None and time.monotonic() >= end):
                    break
        finally:
            self.stop()
            self.sinks.close()
        return sent

    def stop(self) -> None:
        """End the loop soon; from any thread or a signal handler, any number of times."""
        self._stopping.set()
        for box in self._boxes():
            box.close()
        self.source.close()
        if self.sinks is not None:
            self.sinks.stop()

    # --- pairing frames with masks -------------------------------------------------------------------

    def _exact_pairs(self) -> Iterator[Dated | None]:
        """Each frame with its own mask; None when none came in time."""
        while True:
            try:
                pair = self._masked.get(self._patience())
            except Closed:
                return
            yield None if pair is None else (*pair, pair[0])

    def _newest_pairs(self) -> Iterator[Dated | None]:
        """Each frame with the newest mask; None while that is missing or older than `max_mask_age`."""
        assert self._shown is not None
        newest: Pair | None = None
        while True:
            try:
                frame = self._shown.get(self._patience())
                newest = self._peek() or newest
            except Closed:
                return
            if frame is None or newest is None or frame.time - newest[0].time > self.max_mask_age:
                yield None
            else:
                yield frame, newest[1], newest[0]

    def _peek(self) -> Pair | None:
        """The newest mask if one has come since the last look; an error of the segmenter is raised here."""
        try:
            return self._masked.get(0)
        except Closed:
            return None

    def _patience(self) -> float | None:
        """Seconds to wait before the cover goes out: the mask's greatest age, or longer for a slow model; None: ever.

        Nothing of the room leaves while waiting, so a model slower than `max_mask_age` need not flash covers.
        """
        return max(self.max_mask_age, 4 * self.stats.median("infer")) if self.source.live else None

    def _covered(self) -> Frame:
        self.stats.count("covered")
        return Frame(self.cover, time.monotonic(), -1, covered=True)

    # --- threads -------------------------------------------------------------------------------------

    def _boxes(self) -> Sequence[Latest[Any]]:
        boxes: tuple[Latest[Any] | None, ...] = (self._captured, self._masked, self._shown, self._refined)
        return [box for box in boxes if box is not None]

    def _start(self) -> None:
        if self._threads:
            raise RuntimeError("a pipeline runs once; build a new one")
        stages: list[tuple[str, Callable[[], None], Sequence[Latest[Any] | None]]] = [
            ("capture", self._capture, [self._captured, self._shown]),
            ("infer", self._infer, [self._masked]),
            ("matte", self._refine, [self._refined]),
        ]
        for name, stage, ends in stages:
            thread = threading.Thread(target=self._stage, args=(stage, ends), name=f"edge-bg-{name}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _stage(self, stage: Callable[[], None], ends: Sequence[Latest[Any] | None]) -> None:
        """Run one stage; when it ends, or fails, so do the mailboxes it fills."""
        error: BaseException | None = None
        try:
            stage()
        except BaseException as caught:  # raised again where the mailbox is read
            error = None if self._stopping.is_set() else caught
        for box in ends:
            if box is not None:
                box.close(error)

    def _join(self) -> None:
        """Wait for the threads, half a second in all: one that hangs in a driver must not hold up the end."""
        end = time.monotonic() + 0.5
        for thread in self._threads:
            thread.join(timeout=max(0.0, end - time.monotonic()))


def _check_mask(mask: Picture) -> None:
    """A segmenter of somebody's own is told what is wrong with its masks here, not deep in the matte."""
    if not isinstance(mask, np.ndarray) or mask.dtype != np.uint8 or mask.ndim != 2 or 0 in mask.shape:
        given = f"{mask.dtype} {mask.shape}" if isinstance(mask, np.ndarray) else repr(mask)
        raise ModelError(f"the segmenter gave {given} for a mask: it has to be uint8 (h, w), 255 = person")
