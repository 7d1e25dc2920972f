"""What `/healthz` tells about the booth."""

from __future__ import annotations

import json
import threading
import time
import urllib.request

import pytest

from edge_bg import build, config
from edge_bg.web import metrics


def test_health_names_the_delegate_and_the_reason_for_a_fallback() -> None:
    made = config.from_dict(
        {
            "source": "synthetic",
            "model": {"threads": 1, "delegates": [{"library": "/nowhere/libx.so"}, "cpu"]},
            "sinks": ["http:0"],
        }
    )
    with build.open(made) as booth:
        loop = threading.Thread(target=booth.run)
        loop.start()
        try:
            end = time.monotonic() + 60
            while booth.sinks.delivered < 3:
                assert time.monotonic() < end
                time.sleep(0.02)
            url = booth.sinks._outlets[0].sink.url
            with urllib.request.urlopen(f"{url}healthz", timeout=60) as answer:
                told = json.loads(answer.read())
            with urllib.request.urlopen(f"{url}metrics", timeout=60) as answer:
                text = answer.read().decode()
        finally:
            booth.stop()
            loop.join(10)
    assert told["healthy"] and told["source"] == "ok"
    assert (told["delegate"], told["wanted"]) == ("cpu", "external:libx.so")
    assert "cannot open shared object file" in told["fallbacks"][0]["reason"]
    assert told["stats"]["fallback.delegate"] == 1
    assert told["sinks"]["http"]["state"] == "ok"
    parser = pytest.importorskip("prometheus_client.parser")
    samples = {
        (sample.name, *sample.labels.values()): sample.value
        for family in parser.text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert samples["edge_bg_healthy",] == samples["edge_bg_source_up",] == samples["edge_bg_delegate_fallback",] == 1
    assert samples["edge_bg_delegate_info", "cpu", "external:libx.so", told["model"]] == 1
    assert samples["edge_bg_events_total", "fallback.delegate"] == 1
    assert samples["edge_bg_sink_delivered_total", "http"] >= 3
    assert samples["edge_bg_stage_runs_total", "infer"] >= 3
    assert 0 < samples["edge_bg_stage_median_seconds", "infer"] < 5


def test_labels_are_escaped_and_missing_keys_left_out() -> None:
    text = metrics.render({"healthy": False, "delegate": 'a"b\\c\nd', "wanted": "cpu"})
    assert 'delegate="a\\"b\\\\c\\nd"' in text and "edge_bg_healthy 0\n" in text
    assert "sink" not in text and "None" not in text.replace('model="None"', "")
