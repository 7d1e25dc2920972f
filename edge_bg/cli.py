"""The console command. What is heavy is imported inside, so that Ctrl-C is caught from the first moment on.

Exit codes: 0 done (also after Ctrl-C or SIGTERM, when what was begun was finished), 1 something failed,
2 wrong usage or a wrong config, 130 interrupted before anything had begun.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Sequence
from typing import NoReturn

from edge_bg.board.leave import leave

OK, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit."""
    try:
        code = run(list(sys.argv[1:] if arguments is None else arguments))
        sys.stdout.flush()
    except KeyboardInterrupt:
        code = INTERRUPTED
    except (OSError, ValueError):  # standard output was closed under us
        _let_go_of_stdout()
        code = OK
    for number in (signal.SIGINT, signal.SIGTERM):  # all is finished: one more Ctrl-C ends Python without a traceback
        with contextlib.suppress(ValueError):  # not in the main thread
            signal.signal(number, signal.SIG_DFL)
    leave(code)


def run(arguments: Sequence[str]) -> int:
    """Run the command line and return its exit code; errors become one message on standard error."""
    before = os.environ.get("EDGE_BG_DEBUG", "")
    debug = "--debug" in arguments or before not in ("", "0")
    os.environ["EDGE_BG_DEBUG"] = "1" if debug else "0"  # what the commands and their child processes look at
    if not debug:  # OpenCV and its FFmpeg talk of broken files in words of their own; ours say the same, with a mend
        os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
        os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    try:
        return _run(list(arguments))
    except KeyboardInterrupt:
        _say("interrupted")
        return INTERRUPTED
    except BrokenPipeError:  # whoever read our output has what they wanted: `edge-bg models | head -1`
        _let_go_of_stdout()
        return OK
    except Exception as error:
        return _explain(error, debug)
    finally:
        os.environ["EDGE_BG_DEBUG"] = before


def _run(arguments: list[str]) -> int:
    import click

    from edge_bg.commands import cli

    if "_EDGE_BG_COMPLETE" in os.environ:  # the shell asks what could come next
        cli.main(args=arguments, prog_name="edge-bg", complete_var="_EDGE_BG_COMPLETE")
    try:
        with cli.make_context("edge-bg", arguments) as context:
            code = cli.invoke(context)
    except click.exceptions.Exit as ending:
        return ending.exit_code
    except click.exceptions.Abort:
        raise KeyboardInterrupt from None
    except click.ClickException as error:
        error.show()
        return error.exit_code
    return code if isinstance(code, int) else OK


def _explain(error: Exception, debug: bool) -> int:
    from edge_bg.errors import ConfigError, EdgeBgError

    if debug:
        import traceback

        traceback.print_exception(error)
    elif isinstance(error, ConfigError):
        _say("the configuration is wrong:\n" + str(error) if "\n" in error.message else str(error))
    elif isinstance(error, EdgeBgError):
        _say(str(error))
    elif isinstance(error, MemoryError):
        _say("out of memory")
    elif isinstance(error, OSError):
        _say(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    else:
        _say(f"a fault in edge-bg itself: {type(error).__name__}: {error}\n  run it again with --debug to see where")
    return USAGE if isinstance(error, ConfigError) else FAILED


def _say(text: str) -> None:
    with contextlib.suppress(OSError, ValueError):
        print(f"edge-bg: {text}", file=sys.stderr)


def _let_go_of_stdout() -> None:
    """Keep the interpreter from flushing into a closed pipe once more as it ends."""
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
