"""Where the instructions went: per-block counts from `insn.c`, joined to libraries, functions and their mnemonics."""

from __future__ import annotations

import bisect
import re
import subprocess
from collections import Counter, defaultdict
from functools import cache
from pathlib import Path
from typing import NamedTuple

GAP = 1200  # bytes without hot code that separate two clusters in a library without symbols
OBJDUMP = "aarch64-linux-gnu-objdump"
READELF = "aarch64-linux-gnu-readelf"


class Block(NamedTuple):
    address: int  # as the linker saw it (virtual address inside the library)
    length: int  # instructions
    executed: int  # instructions in all


class Mapping(NamedTuple):
    start: int
    end: int
    offset: int
    path: str


def output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


@cache
def segments(path: str) -> list[tuple[int, int, int]]:
    """(file offset, virtual address, size) of the loadable parts."""
    found = re.findall(r"^\s*LOAD\s+0x(\w+) 0x(\w+) 0x\w+ 0x(\w+)", output(READELF, "-lW", path), re.M)
    return [(int(a, 16), int(b, 16), int(c, 16)) for a, b, c in found]


@cache
def symbols(path: str) -> tuple[list[int], list[tuple[int, str]]]:
    """Start addresses, and (size, name), of the functions that the library names; sorted by address."""
    found = {}
    for table in ("--dyn-syms", "-s"):
        for value, size, name in re.findall(
            r"^\s*\d+: (\w+)\s+(\d+) (?:FUNC|IFUNC)\s+\w+\s+\w+\s+\d+ (\S+)", output(READELF, table, "-W", path), re.M
        ):
            found[int(value, 16)] = (int(size), name.split("@")[0])
    starts = sorted(found)
    return starts, [found[start] for start in starts]


def function_at(path: str, address: int) -> str | None:
    starts, names = symbols(path)
    at = bisect.bisect_right(starts, address) - 1
    if at >= 0 and address < starts[at] + max(names[at][0], 4):
        return names[at][1]
    return None


def demangle(name: str) -> str:
    shown = output("c++filt", name).strip() or name
    return shown if len(shown) <= 90 else shown[:87] + "..."


def mnemonics(path: str, blocks: list[Block]) -> str:
    """The instruction mix of some blocks of one place, weighted by how often they ran."""
    low, high = min(b.address for b in blocks), max(b.address + 4 * b.length for b in blocks)
    text = output(OBJDUMP, "-d", f"--start-address={low:#x}", f"--stop-address={high:#x}", path)
    names = {int(a, 16): m for a, m in re.findall(r"^\s*([0-9a-f]+):\s+[0-9a-f]{8}\s+(\S+)", text, re.M)}
    mix: Counter[str] = Counter()
    for block in blocks:
        for at in range(block.address, block.address + 4 * block.length, 4):
            mix[names.get(at, "?")] += block.executed // block.length
    whole = sum(mix.values()) or 1
    return " ".join(f"{name}:{100 * count / whole:.0f}%" for name, count in mix.most_common(8))


def report(hot: Path, maps: Path, top: int) -> None:
    """Print the `top` hottest functions (or clusters of code, where a library has no symbols), per call."""
    calls_line, name, *lines = maps.read_text().splitlines()
    calls = int(calls_line)
    mappings = []
    for line in lines:
        fields = line.split(None, 5)
        start, end = (int(x, 16) for x in fields[0].split("-"))
        mappings.append(Mapping(start, end, int(fields[2], 16), fields[5] if len(fields) > 5 else ""))
    mappings.sort()
    starts = [m.start for m in mappings]
    per_file: dict[str, list[Block]] = defaultdict(list)
    for line in hot.read_text().splitlines():
        raw, length, executed = line.split()
        address = int(raw, 16)
        at = bisect.bisect_right(starts, address) - 1
        mapping = mappings[at] if at >= 0 and address < mappings[at].end else None
        path = mapping.path if mapping and mapping.path.startswith("/") else ""
        if path and mapping:
            offset = address - mapping.start + mapping.offset
            for file_at, virtual, size in segments(path):
                if file_at <= offset < file_at + size:
                    address = offset - file_at + virtual
                    break
        per_file[path].append(Block(address, int(length), int(executed)))
    total = sum(b.executed for blocks in per_file.values() for b in blocks)
    print(f"\n# hot spots of {name!r}: {total / calls / 1e6:.3f} M a call")
    for path, blocks in sorted(per_file.items(), key=lambda item: -sum(b.executed for b in item[1])):
        share = sum(b.executed for b in blocks)
        if share > total // 200:
            print(f"  {share / calls / 1e6:9.3f} M  {Path(path).name if path else '(no file)'}")
    places: list[tuple[int, str, str, list[Block]]] = []
    for path, blocks in per_file.items():
        named: dict[str, list[Block]] = defaultdict(list)
        cluster, last = "", -GAP
        for block in sorted(blocks):
            if block.executed * 5000 < total:
                continue
            function = function_at(path, block.address) if path else None
            if function is None:
                if block.address - last > GAP or not cluster:
                    cluster = f"{block.address:#x}"
                last = block.address + 4 * block.length
            named[function or cluster].append(block)
        places += [(sum(b.executed for b in found), path, key, found) for key, found in named.items()]
    places.sort(key=lambda place: -place[0])
    for executed, path, key, found in places[:top]:
        where = demangle(key) if not key.startswith("0x") else f"code at {key}"
        print(f"{executed / calls / 1e6:9.3f} M {100 * executed / total:4.1f}%  {Path(path).name[:36]}  {where}")
        if path:
            print(f"{'':20}{mnemonics(path, found)}")
