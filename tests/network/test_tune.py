"""`edge-bg tune` chooses by its rule, writes where `model: auto` looks, and a stale choice is told, not used."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from edge_bg import build, config, parts
from edge_bg.commands.tune import tune
from edge_bg.errors import ModelError
from edge_bg.network import tuned
from edge_bg.network.card import ModelCard, find, models
from edge_bg.network.tune import MARGIN, Candidate, choose, edge_times, edges, named, suitable
from edge_bg.network.tune_room import edges_ms, holds_edges


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "edge-bg" / "tuned.json"


def candidate(
    name: str, ms: float, iou: float, *, threads: int = 1, flicker: float = 3.0, rest: float = 5
) -> Candidate:
    card = replace(find("landscape"), path=Path(f"{name}.yaml"))
    return Candidate(card, threads, ms, rest, iou, flicker)


def test_best_of_those_that_hold_the_rate() -> None:
    found = [candidate("large", 60, 0.92), candidate("landscape", 20, 0.90), candidate("small", 8, 0.88)]
    best, why = choose(found, 30, cores=2)
    assert best.name == "landscape"
    assert "large (0.920) would be better but reaches only 16.7" in why
    assert choose(found, 10, cores=2)[0].name == "large"
    assert choose(found, 100, cores=2)[0].name == "small"


def test_a_margin_is_kept() -> None:
    at_the_limit = 1000 / 30
    assert "nothing holds" in choose([candidate("a", at_the_limit, 0.9)], 30, cores=2)[1]
    assert "best IoU" in choose([candidate("a", at_the_limit * MARGIN * 0.99, 0.9)], 30, cores=2)[1]


def test_one_core_does_everything_by_itself() -> None:
    one = candidate("a", 20, 0.9, rest=15)
    assert one.rate(1) == pytest.approx(1000 / 35)
    assert one.rate(2) == pytest.approx(50)


def test_between_equals_the_calm_one_then_the_cheap_one() -> None:
    shaky = candidate("shaky", 5, 0.902, flicker=5.0)
    calm = candidate("calm", 9, 0.900, flicker=3.0)
    calm_two = candidate("calm", 6, 0.900, flicker=3.0, threads=2)
    best, why = choose([shaky, calm, calm_two], 30, cores=4)
    assert best is calm, "one thread for 9 ms takes less of the processor than two for 6"
    assert "shared with shaky" in why


def test_a_second_thread_only_where_it_is_needed() -> None:
    best, why = choose([candidate("a", 50, 0.9), candidate("a", 26, 0.9, threads=2)], 30, cores=2)
    assert best.threads == 2 and "with 1 it would reach 20.0" in why


def test_when_the_matte_is_the_limit_it_says_so() -> None:
    _, why = choose([candidate("a", 5, 0.9, rest=60), candidate("b", 4, 0.8, rest=60)], 30, cores=2)
    assert "smaller frames would help" in why
    with pytest.raises(ModelError, match="no installed model"):
        choose([], 30, cores=2)


def test_only_measured_models_of_the_right_shape() -> None:
    unmeasured = replace(find("landscape"), measured=None)
    failed = replace(find("landscape"), measured={"iou": 0.9, "verdict": "failed"})
    taken, left = suitable((1280, 720), [unmeasured, failed, *models()])
    assert all(card.use == "people" for card in taken)
    assert any(line.startswith("objects-320x320-int8: made for anything") for line in left)
    assert taken and all(card.measured for card in taken)
    assert "never measured" in left[0] and "failed" in left[1]
    assert all(card.name != "general" for card in taken)
    assert any("squeeze" in reason for reason in left)


def choice(card: ModelCard, **changes: object) -> tuned.Choice:
    made = tuned.Choice(card.path.stem, card.sha256, 2, tuned.board(), "2026-01-01", "fast")
    return replace(made, **changes)  # type: ignore[arg-type]


def test_auto_finds_the_choice(state: Path) -> None:
    card = find("landscape", "float16")
    assert tuned.save(choice(card)) == state
    assert tuned.resolve("auto") == (card, 2)
    assert tuned.resolve("auto", threads=1) == (card, 1), "what the config names wins"
    assert tuned.resolve("auto", "int8")[0].precision == "int8"
    assert tuned.resolve("landscape")[0].precision == "int8", "a named model stays what it is"


def test_auto_in_a_config_runs_the_choice() -> None:
    tuned.save(choice(find("landscape", "float16"), threads=1))
    made = build.segmenter(config.from_dict({"model": "auto"}))
    with made as segmenter:
        assert segmenter.info["model"] == "landscape-144x256-float16" and segmenter.info["threads"] == 1


def test_a_board_that_would_lose_the_rate_leaves_out_the_edges_of_a_learned_room(state: Path) -> None:
    quick, slow = candidate("a", 10, 0.9, rest=5), candidate("a", 10, 0.9, rest=22)
    assert holds_edges(quick, 8, 30, cores=4) and not holds_edges(slow, 8, 30, cores=4)
    assert not holds_edges(quick, 16, 30, cores=1), "one core does everything in turn"
    assert edges_ms((640, 360), 0.01) > 0
    booth = config.from_dict({"matte": {"booth": True}})
    assert parts.matte(booth, (640, 360)).options.room_edges is True
    tuned.save(choice(find("landscape"), room_edges=False))
    assert parts.matte(booth, (640, 360)).options.room_edges is False
    asked = config.from_dict({"matte": {"booth": True, "room_edges": True}})
    assert parts.matte(asked, (640, 360)).options.room_edges is True, "what the config names wins"


def test_auto_without_a_choice_is_landscape(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        card, threads = tuned.resolve("auto")
    assert (card.name, threads) == ("landscape", None)
    assert "edge-bg tune" in caplog.text


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"board": "another"}, "another board"), ({"sha256": "0" * 64}, "has changed or is gone"),
        ({"model": "gone"}, "has changed or is gone"),
    ],
)  # fmt: skip
def test_a_stale_choice_is_told_and_left(changes: dict[str, str], told: str, caplog: pytest.LogCaptureFixture) -> None:
    tuned.save(choice(find("landscape", "float16"), **changes))
    card, _ = tuned.resolve("auto")
    assert card == find("landscape")
    assert told in caplog.text


@pytest.mark.parametrize("text", ["{", "[]", '{"model": "x"}', "\x00"])
def test_a_damaged_choice_is_told_and_left(text: str, state: Path, caplog: pytest.LogCaptureFixture) -> None:
    state.parent.mkdir(parents=True)
    state.write_text(text)
    assert tuned.load() is None
    assert "is left out" in caplog.text


def test_the_service_looks_in_its_own_folder_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tuned.save(choice(find("landscape")))
    monkeypatch.setenv("STATE_DIRECTORY", f"{tmp_path / 'service'}:{tmp_path / 'other'}")
    assert tuned.save(choice(find("landscape", "float16"))) == tmp_path / "service" / "tuned.json"
    assert tuned.resolve("auto")[0].precision == "float16"


def test_command_measures_writes_and_says_why(state: Path) -> None:
    run = CliRunner().invoke(
        tune, ["--size", "320x180", "--rate", "15", "--seconds", "0.06", "-m", "small"], catch_exceptions=False
    )
    assert run.exit_code == 0
    assert "chosen: " in run.output and "because of " in run.output
    written = json.loads(state.read_text())
    assert "edges: " in run.output and written["edges_every"] >= 1
    assert written["model"] in run.output and written["why"] in run.output
    assert tuned.resolve("auto")[0].path.stem == written["model"]


def test_size_and_rate_come_from_a_config_unless_they_are_said(tmp_path: Path) -> None:
    booth = tmp_path / "booth.yaml"
    booth.write_text("source: {kind: synthetic, size: 320x180, fps: 12}\nsinks: ['null']\n")
    quick = ["--seconds", "0.06", "-m", "small", "--no-edges", "--dry-run", "--config", str(booth)]
    run = CliRunner().invoke(tune, quick, catch_exceptions=False)
    assert "frames of 320x180, 12 a second wanted" in run.output
    run = CliRunner().invoke(tune, [*quick, "--rate", "9"], catch_exceptions=False)
    assert "frames of 320x180, 9 a second wanted" in run.output


def test_dry_run_and_a_place_that_cannot_be_written(state: Path, tmp_path: Path) -> None:
    quick = ["--size", "320x180", "--rate", "1", "--seconds", "0.06", "-m", "small", "--no-edges"]
    assert CliRunner().invoke(tune, [*quick, "--dry-run"]).exit_code == 0
    assert not state.exists()
    (tmp_path / "file").write_text("")
    run = CliRunner().invoke(tune, [*quick, "--output", str(tmp_path / "file" / "x.json")])
    assert isinstance(run.exception, ModelError) and "STATE_DIRECTORY" in str(run.exception)


def test_a_name_means_all_its_precisions() -> None:
    assert {card.precision for card in named("landscape")} == {"int8", "float16"}
    (one,) = named("landscape-144x256-float16")
    assert one.precision == "float16"
    with pytest.raises(ModelError, match="no model 'nobody'"):
        named("nobody")


def test_edges_that_nobody_chose_are_none() -> None:
    assert tuned.edges("landscape", "auto", None) == (None, 1)


def test_edges_that_were_chosen_and_are_gone_stop_no_service(caplog: pytest.LogCaptureFixture) -> None:
    tuned.save(replace(choice(find("landscape")), edges="portrait-of-before"))
    assert tuned.edges("landscape", "auto", None) == (None, 1)
    assert "portrait-of-before" in caplog.text and "edge-bg tune" in caplog.text
    with pytest.raises(ModelError, match="portrait-of-before"):
        tuned.edges("landscape", "portrait-of-before", None)


def test_a_network_for_edges_takes_no_more_than_is_left() -> None:
    sizes = [(find("portrait-light"), 60.0), (find("portrait-224x384"), 130.0)]
    best = candidate("landscape", 8, 0.9, rest=4)
    four, told = edges(best, sizes, 30, cores=4)
    assert four is not None and (four.card.path.stem, four.every) == ("portrait-light-192x320-int8", 2), "most often"
    assert told[0] == "for edges: 101.3 ms of the cores are left over in each frame"
    two, _ = edges(best, sizes, 30, cores=2)
    assert two is not None and (two.card.path.stem, two.every) == ("portrait-light-192x320-int8", 2)
    fast, _ = edges(best, [(card, ms / 10) for card, ms in sizes], 30, cores=4)
    assert fast is not None and (fast.card.path.stem, fast.every) == ("portrait-224x384-int8", 1), "then the largest"
    slow, told = edges(best, [(find("portrait-light"), 400.0)], 30, cores=2)
    assert slow is None and told[-1].endswith("too slow")


def test_of_two_networks_of_one_size_the_student_is_measured() -> None:
    stems = [card.path.stem for card, _ in edge_times((320, 180), 1, 0.06)[0]]
    assert stems[0] == "portrait-light-192x320-int8" and "portrait-192x320-int8" not in stems
    assert len(stems) > 1, "larger ones are, too"


def test_no_network_for_edges_where_the_rate_is_not_held_without() -> None:
    times = [(find("portrait-192x320"), 1.0)]
    assert edges(candidate("landscape", 40, 0.9), times, 30, cores=4) == (
        None,
        ["for edges: none, as the rate is not held without"],
    )
    assert edges(candidate("landscape", 5, 0.9), times, 30, cores=1)[0] is None


def test_auto_takes_the_network_for_edges_that_was_chosen() -> None:
    card = find("landscape")
    tuned.save(replace(choice(card), edges="portrait-192x320-int8", edges_every=3))
    assert [x if isinstance(x, int) else x.path.stem for x in tuned.edges("auto", None, None)] == [
        "portrait-192x320-int8",
        3,
    ]
    assert tuned.edges("auto", "none", None)[0] is None
    assert tuned.edges("landscape", "auto", None)[0].path.stem == "portrait-192x320-int8", "also beside a model by name"
    assert tuned.edges("landscape", None, None)[0] is None
