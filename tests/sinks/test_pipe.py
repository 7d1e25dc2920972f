"""YUV4MPEG2 to commands and to standard output, with real processes on the other end."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest

from edge_bg import frame as f
from edge_bg.errors import SinkError
from edge_bg.frame import Frame
from edge_bg.sinks import SinkEnd
from edge_bg.sinks.pace import LONGEST_GAP, Metronome
from edge_bg.sinks.pipe import Pipe, header

SIZE = (64, 48)
BYTES = 64 * 48 * 3 // 2


def frame(n=0, when=None):
    rng = np.random.default_rng(n)
    return Frame(rng.integers(0, 256, (72, 64), np.uint8), n / 25 if when is None else when, n)


def python(code, *arguments):
    return [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)]


COPY = "import sys, shutil; shutil.copyfileobj(sys.stdin.buffer, open(sys.argv[1], 'wb'))"


@pytest.mark.parametrize(
    ("fps", "said"),
    [(30.0, "30:1"), (25, "25:1"), (29.97, "2997:100"), (30000 / 1001, "30000:1001"), (2.5, "5:2")],
)
def test_header(fps, said):
    assert header((1280, 720), fps) == (
        f"YUV4MPEG2 W1280 H720 F{said} Ip A1:1 C420jpeg XYSCSS=420JPEG XCOLORRANGE=FULL\n".encode()
    )


def test_the_stream_is_the_header_and_the_frames_as_they_are(tmp_path):
    sink = Pipe(python(COPY, tmp_path / "out.y4m"))
    sink.open(SIZE, 25.0, live=False)
    frames = [frame(n) for n in range(5)]
    for one in frames:
        sink.write(one)
    sink.close()
    wanted = header(SIZE, 25.0) + b"".join(b"FRAME\n" + one.data.tobytes() for one in frames)
    assert (tmp_path / "out.y4m").read_bytes() == wanted


def test_a_string_is_split_like_words_and_no_shell_sees_it(tmp_path):
    assert Pipe("ffmpeg -i - 'a b.mkv' ; rm -rf x | y").command == [
        "ffmpeg", "-i", "-", "a b.mkv", ";", "rm", "-rf", "x", "|", "y",
    ]  # fmt: skip
    with pytest.raises(ValueError, match="empty"):
        Pipe("")


# --- a constant rate ---------------------------------------------------------------------------------------------


def counts(times, *, live=True, fps=25.0):
    metronome = Metronome(fps, live=live)
    return [metronome.times(frame(n, when)) for n, when in enumerate(times)]


def test_frames_are_repeated_and_left_out_to_keep_up_with_the_time():
    assert counts([3.0, 3.04, 3.08, 3.12]) == [1, 1, 1, 1]
    assert counts([3.0, 3.041, 3.078, 3.122, 3.159]) == [1] * 5, "jitter is neither"
    assert counts([0, 0.2, 0.24]) == [1, 5, 1]
    assert counts([0, 0.01, 0.03, 0.04, 0.05]) == [1, 0, 1, 0, 0]
    assert counts([0, 0.5, 0.4, 0.54]) == [1, 12, 0, 2], "time never runs backwards"
    assert counts([0, 0.04, 0.05 + LONGEST_GAP, 0.09 + LONGEST_GAP]) == [1, 1, 1, 1], "a long absence is cut out"
    assert counts([0, 0, 0, 0], live=False) == [1, 1, 1, 1]


def test_any_camera_comes_out_at_the_nominal_rate():
    rng = np.random.default_rng(1)
    for fps, real in ((30.0, 11.0), (30.0, 55.0), (15.0, 15.0)):
        times = np.cumsum(rng.uniform(0.5, 1.5, 500) / real)
        total = sum(counts(times, fps=fps))
        assert abs(total - (times[-1] - times[0]) * fps) <= 2


# --- readers that leave, commands that fail ------------------------------------------------------------------------


def write_until_it_ends(sink, seconds=60.0):
    end = time.monotonic() + seconds
    n = 0
    while time.monotonic() < end:
        sink.write(frame(n))
        n += 1
    pytest.fail("it never ended")


def test_a_command_that_has_enough_is_an_end_and_no_error():
    sink = Pipe(python("import sys; sys.stdin.buffer.read(5000)"))
    sink.open(SIZE, 25.0)
    with pytest.raises(SinkEnd, match="the command ended"):
        write_until_it_ends(sink)
    sink.close()


def test_a_command_that_fails_is_told_with_its_last_words():
    sink = Pipe(
        python("""
        import sys
        sys.stdin.buffer.read(5000)
        for n in range(100):
            print("complaint", n, file=sys.stderr)
        sys.exit(7)
        """)
    )
    sink.open(SIZE, 25.0)
    with pytest.raises(SinkError, match=r"(?s)failed with exit code 7.*complaint 92\n.*complaint 99$") as caught:
        write_until_it_ends(sink)
    assert not isinstance(caught.value, SinkEnd) and "complaint 91" not in str(caught.value)
    with pytest.raises(SinkError, match="exit code 7"):
        sink.close()
    sink.close()


def test_a_command_that_fails_at_the_end_is_told_when_closing():
    sink = Pipe(python("import sys; sys.stdin.buffer.read(); sys.exit('no room for the trailer')"))
    sink.open(SIZE, 25.0)
    sink.write(frame())
    with pytest.raises(SinkError, match=r"(?s)exit code 1.*no room for the trailer"):
        sink.close()


def test_a_command_that_is_not_there_or_may_not_run(tmp_path):
    with pytest.raises(SinkError, match=r"no command 'no-such-command'\n.*command -v"):
        Pipe("no-such-command -x").open(SIZE, 25.0)
    (tmp_path / "plain").write_text("x")
    with pytest.raises(SinkError, match="cannot start"):
        Pipe([str(tmp_path / "plain")]).open(SIZE, 25.0)


def test_a_command_that_never_reads_can_be_aborted():
    import threading

    sink = Pipe(python("import time; time.sleep(600)"))
    sink.open(SIZE, 25.0)
    outcome = []

    def write():
        try:
            write_until_it_ends(sink, 60)
        except SinkError as caught:
            outcome.append(str(caught))

    writer = threading.Thread(target=write)
    writer.start()
    writer.join(0.3)
    assert writer.is_alive(), "the pipe is full and nobody reads"
    sink.abort()
    writer.join(10)
    assert not writer.is_alive() and "killed by signal 9" in outcome[0]
    with pytest.raises(SinkError):
        sink.close()


def test_a_command_that_ignores_its_end_is_ended(monkeypatch):
    monkeypatch.setattr("edge_bg.sinks.pipe.PATIENCE", 0.2)
    sink = Pipe(python("import sys, time; sys.stdin.buffer.read(); time.sleep(600)"))
    sink.open(SIZE, 25.0)
    sink.write(frame())
    started = time.monotonic()
    with pytest.raises(SinkError, match="killed by signal 15"):
        sink.close()
    assert time.monotonic() - started < 30


# --- standard output -----------------------------------------------------------------------------------------------

SENDER = """
import sys, os
import numpy as np
from edge_bg import frame as f
from edge_bg.frame import Frame
from edge_bg.sinks import SinkEnd
from edge_bg.sinks.pipe import Pipe
sink = Pipe()
sink.open((64, 48), 25.0, live=False)
print("this must not get between the pictures", flush=True)
os.write(1, b"nor this\\n")
try:
    for n in range(int(sys.argv[1])):
        sink.write(Frame(f.filled((64, 48), (n % 256, 100, 200)), n / 25, n))
except SinkEnd as end:
    print(end, file=sys.stderr)
    sink.close()
    sys.exit()
sink.close()
print("given back", flush=True)
"""


def test_standard_output_carries_the_stream_and_nothing_else():
    done = subprocess.run(python(SENDER, 3), capture_output=True, timeout=60, check=True)
    stream, tail = done.stdout[:-11], done.stdout[-11:]
    assert tail == b"given back\n"
    pictures = (b"FRAME\n" + f.filled(SIZE, (n, 100, 200)).tobytes() for n in range(3))
    assert stream == header(SIZE, 25.0) + b"".join(pictures)
    assert done.stderr.decode().splitlines() == ["this must not get between the pictures", "nor this"]


def test_a_reader_that_closes_standard_output_ends_it_without_a_traceback():
    sender = subprocess.Popen(python(SENDER, 10**9), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    sender.stdout.read(100_000)
    sender.stdout.close()
    err = sender.stderr.read().decode()
    sender.stderr.close()
    assert sender.wait(60) == 0, err
    assert "the reader closed it" in err and "Traceback" not in err


def test_a_terminal_is_no_place_for_video():
    import os
    import pty

    ours, theirs = pty.openpty()
    try:
        done = subprocess.run(python(SENDER, 1), stdout=theirs, stderr=subprocess.PIPE, timeout=60, check=False)
    finally:
        os.close(ours)
        os.close(theirs)
    assert b"standard output is a terminal" in done.stderr and b"ffplay -" in done.stderr
