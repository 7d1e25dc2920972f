"""The other ways to a booth: MQTT with a real broker, buttons and lamps at pins, and the command about photos."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import threading
import time

import pytest
from click.testing import CliRunner

from edge_bg.booth.gpio import lit
from edge_bg.booth.store import Store
from edge_bg.commands.photos import photos
from tests.booth.conftest import running
from tests.patience import wait_for


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def broker(tmp_path):
    """A mosquitto of our own; its port."""
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
    if program is None:
        pytest.skip("MOSQUITTO ABSENT: a real broker is talked to: apt install mosquitto")
    port = free_port()
    config = tmp_path / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n")
    process = subprocess.Popen([program, "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: _listens(port), "the broker")
        yield port
    finally:
        process.terminate()
        process.wait(10)


def _listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Home:
    """A home automation: what it hears, and what it says."""

    def __init__(self, port):
        from paho.mqtt import client as paho

        self.heard, self.came = {}, threading.Condition()
        self.client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id="home")
        self.client.on_message = self._hear
        self.client.on_connect = lambda client, *_: client.subscribe("#", 1)
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()

    def _hear(self, client, data, message):
        with self.came:
            self.heard[message.topic] = message.payload.decode()

    def state(self, name="hall"):
        return json.loads(self.heard.get(f"edge-bg/{name}/state", "{}"))

    def close(self):
        self.client.disconnect()
        self.client.loop_stop()


def test_home_assistant_sees_the_booth_and_presses_its_buttons(broker):
    mqtt = {"host": "127.0.0.1", "port": broker, "name": "hall"}
    home = Home(broker)
    try:
        with running({"control": True, "touch": 0, "mqtt": mqtt, "times": {"countdown": 0.3}}) as made:
            wait_for(lambda: home.heard.get("edge-bg/hall/availability") == "online", "the booth on the broker")
            wait_for(lambda: home.state().get("visit") == "attract", "its state")
            topic = "homeassistant/select/edge-bg-hall/background/config"
            select = json.loads(wait_for(lambda: home.heard.get(topic), "discovery"))
            assert "Blurred room" in select["options"] and select["command_topic"] == "edge-bg/hall/background/set"
            assert select["unique_id"] and select["device"]["identifiers"] == ["edge-bg-hall"]
            home.client.publish(select["command_topic"], "Blurred room", 1)
            wait_for(lambda: home.state().get("background_name") == "Blurred room", "the background")
            assert made.client().get("/state").json()["background"] == "blur"
            home.client.publish("edge-bg/hall/shutter/press", "", 1)
            wait_for(lambda: home.state().get("visit") == "live", "the visit's start")
            home.client.publish("edge-bg/hall/shutter/press", "", 1)
            wait_for(lambda: home.heard.get("edge-bg/hall/captured"), "a photo")
            home.client.publish("edge-bg/hall/privacy/set", "ON", 1)
            wait_for(lambda: home.state().get("live") == "private", "the closed camera")
            home.client.publish("edge-bg/hall/privacy/set", "OFF", 1)
            time.sleep(0.5)
            assert home.state()["live"] == "private", "only the operator opens it"
        wait_for(lambda: home.heard.get("edge-bg/hall/availability") == "offline", "good-bye")
    finally:
        home.close()


def test_a_broker_that_is_away_stops_nothing():
    with running({"control": True, "mqtt": {"host": "127.0.0.1", "port": free_port()}}) as made:
        assert made.client().get("/state").status_code == 200


def test_a_button_presses_the_shutter_and_a_lamp_shows_it():
    gpiozero = pytest.importorskip("gpiozero")
    from gpiozero.pins.mock import MockFactory

    before, gpiozero.Device.pin_factory = gpiozero.Device.pin_factory, MockFactory()
    try:
        pins = {"buttons": {"shutter": 17, "background": 22}, "lamps": {"capture": 27, "live": 5}}
        with running({"control": True, "gpio": pins, "times": {"countdown": 0.3}}) as made:
            factory = gpiozero.Device.pin_factory

            def press(number):
                factory.pin(number).drive_low()
                time.sleep(0.15)
                factory.pin(number).drive_high()

            flow = lambda: made.booth.control.state("guest")["flow"]["state"]  # noqa: E731
            wait_for(lambda: factory.pin(5).state, what="the lamp for live")
            press(22)
            wait_for(lambda: made.booth.control.state("guest")["background"] != "configured", what="another background")
            press(17)
            wait_for(lambda: flow() == "live", what="the visit's start")
            press(17)
            wait_for(lambda: flow() in ("counting", "capture", "approval"), what="the countdown")
            made.booth.control._ways[0].close()
            assert not factory.pin(5).state, "lamps go out with the booth"
    finally:
        gpiozero.Device.pin_factory = before


def test_lamps_by_their_states():
    state = {"flow": {"state": "counting", "count": 3}, "live": "live", "room": {"wrong": False}}
    assert [name for name in ("live", "ready", "countdown", "capture", "privacy", "fault") if lit(name, state)] == [
        "live",
        "countdown",
    ]


def test_the_command_lists_and_erases(tmp_path):
    folder, config = tmp_path / "photos", tmp_path / "booth.yaml"
    config.write_text(f"booth:\n  control: true\n  storage: {{folder: {folder}}}\n")
    store = Store(folder)
    for name in "ab":
        store.put(name * 22, {"photo.jpg": b"x" * 1000}, {"time": 1e9, "expires": 2e9})
    run = lambda *words: CliRunner().invoke(photos, [str(word) for word in words])  # noqa: E731
    listed = run("list", config).output
    assert "a" * 22 in listed and "kept until 2033" in listed and "2 kept in" in listed
    assert run("erase", config).exit_code == 2, "it has to be said what"
    assert "1 erased, 1 left" in run("erase", config, "a" * 22).output
    assert "1 erased, 0 left" in run("erase", config, "--all").output
    assert list(folder.iterdir()) == []
