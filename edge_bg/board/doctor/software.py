"""Python and the packages that have to fit each other."""

from __future__ import annotations

import re
from collections.abc import Iterator

from edge_bg.board.doctor.check import Check
from edge_bg.board.doctor.host import Host


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", text)[:3])


def python(host: Host) -> Iterator[Check]:
    """3.11 is the oldest that works."""
    text = ".".join(map(str, host.python))
    if host.python < (3, 11):
        yield Check("python", "fail", f"{text}: 3.11 or later is needed", "Use Raspberry Pi OS Bookworm or later.")
    else:
        yield Check("python", "ok", text)


def numpy(host: Host) -> Iterator[Check]:
    """numpy 1 or 2: OpenCV, the runtime and apt's picamera2 each want the one they were built for."""
    packages = host.packages()
    found, folder = packages.get("numpy", ("", ""))
    if not found:
        yield Check("numpy", "fail", "is not installed", "pip install 'numpy>=1.24'")
        return
    two = _version(found) >= (2,)
    headless, plain = packages.get("opencv-python-headless"), packages.get("opencv-python")
    opencv = (headless or plain or packages.get("opencv-contrib-python") or ("", ""))[0]
    faults = 0
    if headless and plain:
        faults += 1
        yield Check(
            "opencv", "warn", "opencv-python and opencv-python-headless are both installed and overwrite each other",
            "pip uninstall -y opencv-python opencv-python-headless && pip install opencv-python-headless",
        )  # fmt: skip
    if opencv and _version(opencv) >= (4, 12) and not two:
        faults += 1
        yield Check(
            "numpy", "fail", f"OpenCV {opencv} wants numpy 2, {found} is installed",
            "pip install -c constraints-bookworm.txt 'opencv-python-headless<4.12'",
        )  # fmt: skip
    system = "/usr/lib/python3/dist-packages"
    from_apt = [name for name in ("picamera2", "simplejpeg") if packages.get(name, ("", ""))[1].endswith(system)]
    if two and from_apt and host.release == "bookworm" and not folder.endswith(system):
        faults += 1
        yield Check(
            "numpy", "fail", f"apt's {' and '.join(from_apt)} are built for numpy 1; numpy {found} breaks them",
            "pip install -c constraints-bookworm.txt 'numpy<2' 'opencv-python-headless<4.12'",
        )  # fmt: skip
    for module in ("numpy", "cv2"):
        error = host.import_error(module)
        if error:
            faults += 1
            mend = "sudo apt install libgl1 libglib2.0-0" if "libG" in error or "libglib" in error else ""
            mend = mend or "pip install --force-reinstall numpy opencv-python-headless"
            yield Check("numpy" if module == "numpy" else "opencv", "fail", f"cannot be imported: {error}", mend)
    if not faults:
        yield Check("numpy", "ok", f"numpy {found}, OpenCV {opencv or 'from the system'}")


def runtime(host: Host) -> Iterator[Check]:
    """LiteRT, or else the old tflite-runtime."""
    packages = host.packages()
    litert, old = packages.get("ai-edge-litert"), packages.get("tflite-runtime")
    two = _version(packages.get("numpy", ("1",))[0]) >= (2,)
    if litert:
        error = host.import_error("ai_edge_litert.interpreter")
        if error:
            mend = "pip install --force-reinstall ai-edge-litert"
            yield Check("runtime", "fail", f"LiteRT {litert[0]} cannot be imported: {error}", mend)
        elif _version(litert[0]) < (2, 1):
            yield Check("runtime", "warn", f"LiteRT {litert[0]} is old", "pip install -U 'ai-edge-litert>=2.1'")
        else:
            yield Check("runtime", "ok", f"LiteRT {litert[0]}, which has the custom operators of MediaPipe's models")
    elif old and two:
        yield Check("runtime", "fail", f"tflite-runtime {old[0]} dies under numpy 2", "pip install 'numpy<2'")
    elif old:
        yield Check(
            "runtime", "warn",
            f"tflite-runtime {old[0]}: int8 runs without its fast kernels, and MediaPipe's own files (which hold a "
            "custom operator) do not load",
            "pip install 'ai-edge-litert>=2.1'; where there is none (32 bits): model.precision: float16",
        )  # fmt: skip
    else:
        yield Check("runtime", "fail", "no TFLite runtime is installed", "pip install 'ai-edge-litert>=2.1'")


def network(host: Host) -> Iterator[Check]:
    """The runtime in earnest: the shipped model, run once in a process of its own."""
    packages = host.packages()
    if "ai-edge-litert" not in packages and "tflite-runtime" not in packages:
        return
    error = host.trial_error()
    if error:
        mend = "pip install --force-reinstall ai-edge-litert; where that is no help, tflite-runtime and "
        yield Check("network", "fail", f"does not run: {error}", f"{mend}EDGE_BG_RUNTIME=tflite_runtime")
    elif host.real:
        yield Check("network", "ok", "the shipped model runs")


def fast_kernels(host: Host) -> Iterator[Check]:
    """Without /proc/cpuinfo the runtime's kernels for this core stay off, and nothing says so."""
    if host.text("/proc/cpuinfo"):
        yield Check("kernels", "ok", "/proc/cpuinfo can be read: the runtime knows this core")
    else:
        yield Check(
            "kernels", "fail", "/proc/cpuinfo cannot be read: the network will run many times slower",
            "Remove ProcSubset=pid from the unit, or mount /proc in the container.",
        )  # fmt: skip


def jpeg(host: Host) -> Iterator[Check]:
    """The web sink encodes from I420 planes only with simplejpeg."""
    found = host.packages().get("simplejpeg")
    error = host.import_error("simplejpeg") if found else ""
    if found and error:
        yield Check("jpeg", "fail", f"simplejpeg {found[0]} cannot be imported: {error}", "pip install -U simplejpeg")
    elif found:
        yield Check("jpeg", "ok", f"simplejpeg {found[0]}")
    else:
        yield Check("jpeg", "warn", "simplejpeg is not installed: JPEG costs a third more", "pip install simplejpeg")
