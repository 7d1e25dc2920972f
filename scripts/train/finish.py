"""A trained student in eight bits, as scripts/build_models does it:  finish.py STUDENT WEIGHTS.npz OUT --data DATA

DATA/calibration gives the ranges, as numbers. OUT gets STUDENT-float.tflite and STUDENT-int8.tflite, to be measured.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import students
from modelkit import build, calibrate, equalise, quantise, tflite
from modelkit.catalogue import LANDSCAPE


def main() -> None:
    """Command line."""
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("student", choices=sorted(students.STUDENTS))
    ap.add_argument("weights", type=Path)
    ap.add_argument("out", type=Path)
    ap.add_argument("--data", type=Path, required=True)
    a = ap.parse_args()
    student = students.STUDENTS[a.student]
    size = student.size[::-1]
    whole, parts = build.forms(students.graph(build.fetch(None, LANDSCAPE), student.size, student, a.weights))
    pictures = [*calibrate.framings(a.data / "calibration", size, 150), *calibrate.portraits(a.data, size)]
    shaped = build.shaped(parts, equalise.choose(parts, calibrate.reach(parts, pictures)))
    ranges = calibrate.ranges(shaped, pictures)
    ranges = calibrate.refine(shaped, ranges, calibrate.tuning(a.data / "calibration", size))
    tflite.save(a.out / f"{a.student}-float.tflite", tflite.write(whole))
    tflite.save(a.out / f"{a.student}-int8.tflite", tflite.write(quantise.quantise(shaped, ranges)))


if __name__ == "__main__":
    main()
