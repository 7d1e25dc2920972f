"""The report of a bench as people read it."""

from __future__ import annotations

from typing import Any


def text(report: dict[str, Any]) -> str:
    """The report in lines of at most 100 characters; goals stand beside the figures they belong to."""
    m = report["machine"]
    lines = [
        f"{m['board'] or m['cpu']}, {m['cores']} core(s), {m['arch']}, {m['system']}",
        f"Python {m['python']}, numpy {m['numpy']}, OpenCV {m['opencv']}, {m['runtime']}",
        "",
        "invoke, median ms",
    ]
    rows = report["invoke"]
    counts = sorted({row["threads"] for row in rows})
    lines.append(f"  {'model':24}" + "".join(f"{n} thread{'s' * (n > 1):<3}".rjust(12) for n in counts))
    for name, precision in dict.fromkeys((row["model"], row["precision"]) for row in rows):
        ms = {r["threads"]: r["ms"] for r in rows if (r["model"], r["precision"]) == (name, precision)}
        lines.append(f"  {name + ' ' + precision:24}" + "".join(f"{ms[n]:12.2f}" for n in counts))
    lines += _advice(rows, m["arch"])
    for row in report.get("accelerators", []):
        lines.append(f"  on {row['delegate']}: " + (f"{row['ms']:.2f}" if "ms" in row else row["error"]))
    s = report["stages"]
    width, height = s["size"]
    lines += ["", f"everything but invoke at {width}x{height}, CPU ms a frame, one thread, in turns"]
    for who in ("ours", "reference"):
        times = s[f"{who}_ms"]
        parts = ", ".join(f"{name} {value:.2f}" for name, value in times.items() if name != "all")
        lines.append(f"  {who:10}{times['all']:7.2f}   ({parts})")
    lines.append(f"  ratio     {s['ratio']:7.3f}   {_goal(s['ratio'] <= s['goal'], 'at most', s['goal'])}")
    lines.append(
        f"  and {s['ratio_with_soften']:.3f} of a reference that also softens and averages its mask at the frame's "
        f"size (+{s['reference_soften_ms']:.1f} ms), as peers do and our matte does in its way"
    )
    lines += ["", "masks of people who are small and far apart, network included, one thread"]
    for row in report["several"]["rows"]:
        who = "one person" if row["people"] == 1 else f"{row['people']} people"
        lines.append(
            f"  {who}, framing.looks {row['looks']}: {row['runs']:.2f} runs of the network, {row['ms']:.2f} CPU ms a "
            "frame"
        )
    t = report["throughput"]
    lines += [
        "",
        f"rate with the null sink, {t['threads']} thread(s) for the network",
        f"  bare invoke {t['invoke_per_s']:7.1f} a second, the whole loop {t['loop_per_s']:7.1f}",
        f"  ratio     {t['ratio']:7.3f}   {_goal(t['ratio'] >= t['goal'], 'at least', t['goal'])}",
    ]
    lag = report["latency"]
    lines += [
        "",
        f"at 30 fps: {lag['fps']:.1f} frames a second out, {lag['latency_ms']:.1f} ms from capture to "
        f"composited frame, {lag['dropped']:.0f} dropped",
    ]
    a = report["allocations"]
    lines.append(
        f"new memory within a frame: at most {a['peak_bytes'] / 1e3:.0f} kB (a luma plane is "
        f"{a['luma_bytes'] / 1e3:.0f} kB); kept after {a['frames']} frames: {a['kept_bytes'] / 1e3:.1f} kB"
    )
    if "startup" in report:
        u = report["startup"]
        lines.append(
            f"start to first composited frame, and exit: {u['seconds']:.2f} s   "
            f"{_goal(u['seconds'] <= u['goal'], 'at most', u['goal'])}"
        )
    if "memory" in report:
        r = report["memory"]
        lines.append(
            f"resident with the HTTP sink and a viewer, {r['frames']} frames: peak {r['peak_mb']:.0f} MB, early "
            f"{r['early_mb']:.1f}, late {r['late_mb']:.1f}   {_goal(r['peak_mb'] <= r['goal'], 'at most', r['goal'])}"
        )
    return "\n".join(lines)


def _goal(met: bool, how: str, value: float) -> str:
    return f"[goal: {how} {value:g}, {'met' if met else 'MISSED'}]"


def _advice(rows: list[dict[str, Any]], arch: str) -> list[str]:
    """Which precision is the faster one here; on x86 without VNNI that is often not int8, which says nothing of Arm."""
    lines = []
    for name in dict.fromkeys(row["model"] for row in rows):
        best: dict[str, float] = {}
        for row in rows:
            if row["model"] == name:
                best[row["precision"]] = min(row["ms"], best.get(row["precision"], float("inf")))
        if {"int8", "float16"} <= best.keys():
            ratio = best["int8"] / best["float16"]
            word = "slower" if ratio > 1 else "faster"
            note = " (x86 without VNNI has no fast int8; a board decides for itself)" if arch == "x86_64" else ""
            lines.append(f"  {name}: int8 takes {ratio:.2f} times float16, so it is the {word} one here{note}")
    return lines
