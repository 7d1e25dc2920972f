"""What is installed: locked by hash, listed with the wheel; and what the program never does."""

from __future__ import annotations

import ast
import json
import re
import tomllib
from pathlib import Path

import pytest


def locked(path: Path) -> dict[str, str]:
    """Name -> version of each locked package. Raises AssertionError for one without a hash."""
    found = {}
    for entry in path.read_text().replace("\\\n", " ").splitlines():
        match = re.match(r"([A-Za-z0-9._-]+)==(\S+)", entry)
        if match:
            assert "--hash=sha256:" in entry, f"{match[1]} has no hash"
            found[re.sub(r"[-_.]+", "-", match[1]).lower()] = match[2]
    return found


def asked(root: Path, *extras: str) -> set[str]:
    """Names of the packages that pyproject.toml asks for, on machines that are not 32-bit Arm."""
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *(each for extra in extras for each in project["optional-dependencies"][extra])]
    names = {re.match(r"[A-Za-z0-9._-]+", each)[0].lower() for each in wanted}  # type: ignore[index]
    return {re.sub(r"[-_.]+", "-", name) for name in names} - {"edge-bg"}


@pytest.mark.parametrize(("name", "extras"), [("demo", ("web", "video")), ("tests", ("dev", "web", "video"))])
def test_everything_that_is_asked_for_is_locked_with_its_hash(root: Path, name: str, extras: tuple[str, ...]) -> None:
    path = root / f"requirements/{name}.txt"
    missing = asked(root, *extras) - locked(path).keys()
    assert not missing, f"run scripts/lock: {sorted(missing)} are not in {path.name}"
    assert not re.search(r"^\s*--(index-url|extra-index-url|find-links)|file:|://", path.read_text(), re.M)


def test_the_wheel_carries_a_list_of_what_the_demo_installs(root: Path) -> None:
    parts = json.loads((root / "requirements/sbom.cdx.json").read_text())["components"]
    listed = {re.sub(r"[-_.]+", "-", each["name"]).lower(): each.get("version") for each in parts}
    assert listed == locked(root / "requirements/demo.txt"), "run scripts/lock"
    build = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert "requirements/sbom.cdx.json" in build["force-include"]


def test_nothing_is_evaluated_or_unpickled(root: Path) -> None:
    for path in sorted((root / "edge_bg").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = {getattr(node, "module", None) or "", *(alias.name for alias in node.names)}
                assert not names & {"pickle", "marshal", "shelve", "dill", "joblib"}, path
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in ("eval", "exec", "compile"), path
            if isinstance(node, ast.keyword) and node.arg in ("shell", "allow_pickle"):
                assert not (isinstance(node.value, ast.Constant) and node.value.value is True), path
