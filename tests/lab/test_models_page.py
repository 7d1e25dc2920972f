"""docs/lab/models.md is what the cards say, and says when a model was never measured or failed."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from edge_bg.lab.modelpage import page, trimmed
from edge_bg.network.card import find, models

ROOT = Path(__file__).resolve().parents[2]


def test_page_is_up_to_date() -> None:
    run = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "make_models_page"), "--check"], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr


def test_page_says_what_matters_of_every_model() -> None:
    text = page(models(), {}, {})
    for card in models():
        assert f"## {card.name}\n" in text and f"`{card.model.name}`" in text
        assert str(card.about["licence"]) in text and str(card.about["training_data"]) in text
        assert all(str(limit) in text for limit in card.about["limits"])


def test_a_model_without_or_with_a_failed_measurement_is_marked() -> None:
    card = find("landscape")
    assert "**Never measured.**" in page([replace(card, measured=None)], {}, {})
    failed = replace(card, measured={"iou": 0.3, "verdict": "failed", "reason": "IoU 0.36"})
    assert "**Failed its gate**: IoU 0.36" in page([failed], {}, {})


def figures(sha256: str) -> dict[str, object]:
    iou = {"mean": 0.5, "low": 0.4, "high": 0.6, "median": 0.5, "p10": 0.3, "n": 7}
    entry = {
        "sha256": sha256, "conditions": {"dark": {"iou": iou, "ap": 0.25, "boundary_f": 0.125}},
        "groups": {"skin": {"dark skin": iou}}, "flicker": None,
    }  # fmt: skip
    return {"command": "c", "date": "d", "data": "7 pictures", "models": {"landscape-144x256-int8": entry}}


def test_figures_of_another_file_are_not_shown() -> None:
    card = find("landscape")
    assert "| dark | 0.500 [0.400, 0.600] | 0.250 | 0.125 |" in page([card], figures(card.sha256), {})
    assert "| skin: dark skin | 7 | 0.500 [0.400, 0.600] |" in page([card], figures(card.sha256), {})
    assert "| dark |" not in page([card], figures("0" * 64), {})


def test_trimmed_binds_figures_to_the_file() -> None:
    card = find("landscape")
    iou = {"mean": 0.5}
    summary = {
        "models": {
            card.path.stem: {
                "conditions": {"dark": {"iou": iou, "ap": {"ap": 0.2, "0.50": 1}, "boundary_f": {"mean": 0.1}}},
                "groups": {"skin": {"x": {"iou": iou}}},
                "videos": None,
            }
        }
    }
    (made,) = trimmed(summary, [card]).values()
    assert made["sha256"] == card.sha256
    assert made["conditions"]["dark"] == {"iou": iou, "ap": 0.2, "boundary_f": 0.1}
