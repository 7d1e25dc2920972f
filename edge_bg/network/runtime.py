"""The TFLite runtime: finding one, giving it the right number of threads, running a model.

The only importer of `ai_edge_litert` and `tflite_runtime`. LiteRT comes first: it runs int8 on XNNPACK by
default, works with numpy 2 and rejects damaged files; tflite-runtime does none of these.
"""

from __future__ import annotations

import ctypes
import functools
import importlib
import logging
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edge_bg.board.cores import usable_cores
from edge_bg.errors import DelegateError, MissingDependency, ModelError

log = logging.getLogger(__name__)

Tensor = NDArray[Any]
_MODULES: Final = (
    ("ai_edge_litert", "ai_edge_litert.interpreter"),
    ("tflite_runtime", "tflite_runtime.interpreter"),
)
VARIABLE: Final = "EDGE_BG_RUNTIME"  # for boards whose libedgetpu fits only one of two installed runtimes
MOST_THREADS: Final = 4  # small networks stop gaining here, and the other stages want a core too


@dataclass(frozen=True)
class Runtime:
    """A runtime that can be imported: its name, version and what is used of it."""

    name: str
    version: str
    interpreter: Callable[..., Any]


@functools.cache
def runtime() -> Runtime:
    """The runtime to use, imported once: the first that works, or the one that `$EDGE_BG_RUNTIME` names.

    Raises `MissingDependency` saying why each candidate failed.
    """
    wanted = os.environ.get(VARIABLE, "").replace("-", "_")
    reasons = []
    for package, module in _MODULES:
        if wanted not in ("", package):
            reasons.append(f"{package}: {VARIABLE}={wanted} asks for another")
            continue
        try:
            found = _load(package, module)
        except ImportError as error:
            reasons.append(f"{package}: {error}")
            continue
        log.debug("runtime %s %s", found.name, found.version)
        return found
    raise MissingDependency(
        "no TFLite runtime can be used: " + "; ".join(reasons),
        hint="Install one: pip install 'ai-edge-litert>=2.1' (64-bit), or 'tflite-runtime==2.14.0' 'numpy<2'",
    )


def _load(package: str, module: str) -> Runtime:
    if package == "tflite_runtime":
        importlib.import_module(package)  # missing is missing, whatever numpy is
        if int(np.__version__.split(".")[0]) >= 2:
            # Its Interpreter would die with `_ARRAY_API not found`, which tells nobody anything.
            raise ImportError(f"was built for numpy 1 and numpy {np.__version__} is installed (pip install 'numpy<2')")
    loaded = importlib.import_module(module)
    version = str(getattr(importlib.import_module(package), "__version__", "unknown"))
    return Runtime(package, version, loaded.Interpreter)


def pick_threads(asked: int | None, *, cores: int | None = None) -> int:
    """Threads for one interpreter: `asked`, or as many as help; never more than there are cores.

    One thread too many cost 2.4 times the latency when it was measured, so a larger wish is cut, with a warning.
    """
    cores = usable_cores() if cores is None else cores
    if asked is None:
        return min(cores, MOST_THREADS)
    if asked > cores:
        log.warning("%d threads were asked for, %d core(s) are usable: using %d", asked, cores, cores)
    return max(1, min(asked, cores))


def open_library(library: str) -> ctypes.CDLL:
    """The shared object `library`. Raises `DelegateError` unless it can be loaded and is a TFLite delegate."""
    try:
        loaded = ctypes.CDLL(library)
    except OSError as error:
        hint = "Check the path given as `library` in model.delegates."
        if "edgetpu" in library:
            hint = "Install libedgetpu (docs/boards.md, Coral), or remove `edgetpu` from model.delegates."
        raise DelegateError(f"the delegate's library cannot be loaded: {error}", hint=hint) from None
    if not hasattr(loaded, "tflite_plugin_create_delegate"):
        raise DelegateError(
            f"{library} is no TFLite delegate: it does not have tflite_plugin_create_delegate",
            hint="Check the path given as `library` in model.delegates.",
        )
    return loaded


class Delegate:
    """What `library` made of `options`, for an `Engine`. Try it with `edge_bg.network.probe` first.

    The same three calls as the runtimes' own `load_delegate`, which keeps Python's lock while the library opens its
    device: with a Coral that takes seconds, in which no other thread would do anything and the picture would stand
    still. Raises `DelegateError` when the library declines, as libedgetpu does (without a word) where no device is.
    """

    def __init__(self, library: str, options: Mapping[str, str]) -> None:
        self._pointer = None
        self._code = open_library(library)
        words = ctypes.c_char_p * len(options)
        keys, values = words(*map(os.fsencode, options)), words(*map(os.fsencode, options.values()))
        said: list[bytes] = []
        report = ctypes.CFUNCTYPE(None, ctypes.c_char_p)(said.append)
        create = self._code.tflite_plugin_create_delegate
        create.restype = ctypes.c_void_p
        create.argtypes = [type(keys), type(values), ctypes.c_size_t, type(report)]
        self._pointer = create(keys, values, len(options), report)
        if self._pointer:
            return
        why, hint = " ".join(b" ".join(said).decode(errors="replace").split()), "Check its device and its `options`."
        if "edgetpu" in library:
            why = why or "it did not say why: no Edge TPU is plugged in, it is in use, or it may not be opened"
            hint = "edge-bg doctor"
        raise DelegateError(f"{library} declined ({dict(options)}): {why or 'it did not say why'}", hint=hint)

    def _get_native_delegate_pointer(self) -> int | None:
        """What both runtimes ask a delegate for."""
        return self._pointer

    def __del__(self) -> None:
        if self._pointer:
            self._code.tflite_plugin_destroy_delegate(ctypes.c_void_p(self._pointer))


_listening = threading.Lock()


@contextmanager
def _without_chatter() -> Iterator[None]:
    """Drop the `INFO:` lines that the runtime writes to standard error; whatever else comes is passed on after.

    Not for delegates: what a crash writes would be lost. One at a time: two that overlap would each put back what
    the other had put there.
    """
    with _listening, ExitStack() as opened:
        try:
            heard = opened.enter_context(os.fdopen(os.memfd_create("stderr"), "rb"))
            before = os.dup(2)
            opened.callback(os.close, before)
        except OSError:  # no standard error, or no descriptors left
            yield
            return
        os.dup2(heard.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(before, 2)
            heard.seek(0)
            with suppress(OSError):  # whoever read our standard error has left
                for line in heard:
                    if not line.startswith(b"INFO: "):
                        os.write(2, line)


class Engine:
    """One loaded model: a picture tensor in, `invoke`, a mask tensor out. For one thread at a time.

    `taken`: how many parts of the graph the delegate took; 0: none, and the CPU does all.

    Raises `ModelError` when the runtime rejects the model, `DelegateError` when a delegate does.
    """

    def __init__(self, model: bytes, name: str, *, threads: int = 1, delegate: Delegate | None = None) -> None:
        self._model = model  # the interpreter reads these bytes for as long as it lives
        self._delegate = delegate
        self.name = name
        made = runtime()
        options: dict[str, Any] = {"experimental_delegates": [delegate]} if delegate is not None else {}
        try:
            with nullcontext() if delegate is not None else _without_chatter():
                self._interpreter = made.interpreter(model_content=model, num_threads=threads, **options)
                self.taken = self.operators().count("DELEGATE")  # before the runtime's own takes what is left
                self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            text = " ".join(str(error).split())
            if "custom op" in text and delegate is None:
                raise _unresolved(name, text, made) from None
            if delegate is not None:
                raise DelegateError(f"the delegate refused {name}: {text}") from None
            raise ModelError(f"{made.name} {made.version} cannot load {name}: {text}") from None
        self._input = int(self._interpreter.get_input_details()[0]["index"])
        self._output = int(self._interpreter.get_output_details()[0]["index"])
        self._get = self._interpreter.tensor(self._output)
        self._put = self._interpreter.tensor(self._input)

    def input(self) -> Tensor:
        """The input tensor itself, writable. Drop every reference to it before `invoke`."""
        view: Tensor = self._put()
        return view

    def output(self) -> Tensor:
        """The output tensor itself. Drop every reference to it before the next `invoke`."""
        view: Tensor = self._get()
        return view

    def invoke(self) -> None:
        """Run the network once. Raises `DelegateError` with a delegate, else `ModelError`, when it fails."""
        try:
            self._interpreter.invoke()
        except (RuntimeError, ValueError) as error:
            text = " ".join(str(error).split())
            if self._delegate is not None:
                raise DelegateError(f"{self.name} failed while running: {text}") from None
            raise ModelError(f"{self.name} failed while running: {text}") from None

    def operators(self) -> list[str]:
        """Names of the operators of the execution plan; a delegate shows as one of its own."""
        details: list[Mapping[str, Any]] = self._interpreter._get_ops_details()
        return [str(entry["op_name"]) for entry in details]


def _unresolved(name: str, text: str, made: Runtime) -> ModelError:
    if "edgetpu-custom-op" in text:
        return ModelError(
            f"{name} is compiled for the Edge TPU and cannot run on the CPU",
            hint="Give the model it was compiled from; its card names the compiled twin as `edgetpu`.",
        )
    return ModelError(
        f"{name} needs an operator that {made.name} {made.version} does not have: {text}",
        hint="Try the other runtime: pip install 'ai-edge-litert>=2.1'",
    )
