"""What `/healthz` tells about the booth."""

from __future__ import annotations

import json
import threading
import time
import urllib.request

from edge_bg import build, config


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
            end = time.monotonic() + 20
            while booth.sinks.delivered < 3:
                assert time.monotonic() < end
                time.sleep(0.02)
            url = booth.sinks._outlets[0].sink.url
            with urllib.request.urlopen(f"{url}healthz", timeout=5) as answer:
                told = json.loads(answer.read())
        finally:
            booth.stop()
            loop.join(10)
    assert told["healthy"] and told["source"] == "ok"
    assert (told["delegate"], told["wanted"]) == ("cpu", "external:libx.so")
    assert "cannot open shared object file" in told["fallbacks"][0]["reason"]
    assert told["stats"]["fallback.delegate"] == 1
    assert told["sinks"]["http"]["state"] == "ok"
