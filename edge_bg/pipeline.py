"""The loop: capture -> infer -> matte -> composite, joined by one-slot mailboxes.

Capture, infer and matte have a thread each; compositing runs on the thread that iterates. The interpreter and OpenCV
release the GIL, so the stages run side by side. The newest frame wins and every drop is counted; a source that can
wait (a file) loses nothing, as its mailboxes are lossless.

What each part has to be is in `edge_bg.loop.parts`; which mask goes with which frame in `edge_bg.loop.pairing`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any, Literal

from edge_bg.board.cores import usable_cores
from edge_bg.frame import I420, Frame
from edge_bg.loop.mailbox import Latest
from edge_bg.loop.pairing import Dated, Pair, Same, exact_pairs, newest_pairs
from edge_bg.loop.parts import Compositor, Matte, Segmenter, Sinks, Source, check_mask
from edge_bg.loop.stats import Stats
from edge_bg.loop.threads import Threads


class Pipeline:
    """`for frame in pipeline:` yields composited frames; `run()` sends them to the sinks.

    Args:
        source: Opened; `live` decides whether frames are dropped or waited for.
        segmenter: Frame to mask.
        matte: Mask to alpha.
        compositor: Frame and alpha to a frame on the background.
        sinks: Where `run()` sends frames; None: iterate instead.
        cover: I420 picture that goes out instead of the room: before the first mask, when no mask comes for
            `max_mask_age` seconds, and while the camera is lost. Its frames have `covered=True`. A source
            that can wait is waited for instead: no cover gets between the frames of a recording.
        sync: "exact": each frame waits for its own mask. "latest": each frame of a live source takes the newest
            mask there is, if it is younger than `max_mask_age`; the frame rate is then the camera's, not the model's.
        max_mask_age: Seconds after which a mask no longer counts.
        stats: Where drops and stage times are counted; None: its own.
        every: The network looks at each n-th frame of a live source; between, the mask goes along with who moves.
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
        every: int = 1,
        stats: Stats | None = None,
    ) -> None:
        self.source = source
        self.segmenter = segmenter
        self.matte = matte
        self.compositor = compositor
        self.sinks = sinks
        self.cover = cover
        self.max_mask_age = max_mask_age
        self.every = every
        self._carried = 0  # frames since the network looked
        self._same = Same()
        self.stats = stats or Stats()
        lossless = not source.live
        self._captured: Latest[Frame] = Latest(lossless=lossless)
        self._masked: Latest[Pair] = Latest(lossless=lossless)
        self._refined: Latest[tuple[Frame, I420 | None]] = Latest(lossless=lossless)
        self._shown: Latest[Frame] | None = Latest() if sync == "latest" and source.live else None
        boxes: list[Latest[Any] | None] = [self._captured, self._masked, self._refined, self._shown]
        self._boxes = [box for box in boxes if box is not None]
        self.stats.watch("dropped.captured", lambda: self._captured.dropped)
        self.stats.watch("failures.source", lambda: self.source.failures)
        self.stats.watch("dropped.masked", lambda: self._masked.dropped)
        self.stats.watch("dropped.refined", lambda: self._refined.dropped)
        # One core is the network's. Where the stages are more than the others, they take turns: on two cores they
        # would otherwise hand the interpreter to and fro at every call, which costs a quarter of all CPU time.
        self._turn = threading.Semaphore(max(1, usable_cores() - 1))
        self._threads = Threads()
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
                self.segmenter.shrink(frame.picture)
            if self._shown is not None:
                self._shown.put(frame)
            if not self._captured.put(frame):
                return

    def _infer(self) -> None:
        last: Pair | None = None
        for frame in self._captured:
            if last is None or not self._carries(frame, last[0]):
                with self.stats.time("infer"):
                    mask = self.segmenter(frame.picture)
                check_mask(mask)
                last, self._carried = (frame, mask, frame), 0
            if not self._masked.put((frame, last[1], last[0])):
                return

    def _refine(self) -> None:
        for dated in self._pairs():
            if dated is None:
                self.matte.reset()
                self._refined.put((self._covered(), None))
                continue
            frame, mask, of = dated
            with self._turn, self.stats.time("matte"):
                alpha = self.matte(mask, frame.picture, of.picture)
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
            self._threads.join()

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
        self._threads.stopping.set()
        for box in self._boxes:
            box.close()
        self.source.close()
        if self.sinks is not None:
            self.sinks.stop()

    # --- what the line stands on ---------------------------------------------------------------------

    def _start(self) -> None:
        if self._threads:
            raise RuntimeError("a pipeline runs once; build a new one")
        seen = [self._captured] if self._shown is None else [self._captured, self._shown]
        self._threads.start("capture", self._capture, seen)
        self._threads.start("infer", self._infer, [self._masked])
        self._threads.start("matte", self._refine, [self._refined])

    def _carries(self, frame: Frame, of: Frame) -> bool:
        """Whether the mask of frame `of` does for `frame`, too: the matte moves it to where its people are now."""
        if not self.source.live or self._carried >= self.every - 1:
            return False
        if not 0 <= frame.time - of.time < self.max_mask_age or not self._same(frame, of):
            return False
        self._carried += 1
        self.stats.count("carried")
        return True

    def _pairs(self) -> Iterator[Dated | None]:
        """Frames with the masks they are cut out by; None where the cover has to go out instead."""
        if self._shown is None:
            return exact_pairs(self._masked, self._patience)
        return newest_pairs(self._shown, self._masked, self._patience, lambda: self.max_mask_age)

    def _patience(self) -> float | None:
        """Seconds to wait before the cover goes out: the mask's greatest age, or longer for a slow model; None: ever.

        Nothing of the room leaves while waiting, so a model slower than `max_mask_age` need not flash covers.
        """
        return max(self.max_mask_age, 4 * self.stats.median("infer")) if self.source.live else None

    def _covered(self) -> Frame:
        self.stats.count("covered")
        return Frame(self.cover, time.monotonic(), -1, covered=True)
