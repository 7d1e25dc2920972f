"""The booth on an MQTT broker: states as they change, commands, and for Home Assistant what there is.

Topics begin with `edge-bg/NAME`: `availability` (online, offline), `state` (JSON), `captured` (the id of a photo that
is done), and the commands `background/set` (an id or a name), `shutter/press`, `room/learn`, `privacy/set` (`ON` closes
the camera; only the operator's page opens it again).
"""

from __future__ import annotations

import json
import logging
import threading
from typing import Any, Final

from edge_bg.config.booth import Mqtt as MqttPart
from edge_bg.errors import MissingDependency, bug

log = logging.getLogger("edge_bg.booth.mqtt")

EVERY: Final = 0.25  # seconds between looks for what changed
LONGEST: Final = 200  # characters of a command
SHOWN: Final = ("live", "background", "event", "flow", "room", "viewers")


class Mqtt:
    """Connects by itself, again and again; a broker that is away costs the booth nothing. `close` says good-bye."""

    def __init__(self, part: MqttPart, control: Any) -> None:
        try:
            from paho.mqtt import client as paho
            from paho.mqtt.enums import CallbackAPIVersion
        except ImportError:
            raise MissingDependency("booth.mqtt needs paho-mqtt", hint="pip install 'edge-bg[mqtt]'") from None
        self._part, self._control = part, control
        self._root = f"edge-bg/{part.name}"
        self._known: dict[str, Any] = {}
        self._names: tuple[str, ...] = ()
        self._ended = threading.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id=f"edge-bg-{part.name}")
        if part.username is not None:
            self._client.username_pw_set(part.username, part.password)
        if part.tls:
            self._client.tls_set()
        self._client.will_set(f"{self._root}/availability", "offline", 1, True)
        self._client.reconnect_delay_set(1, 60)
        self._client.on_connect = self._connected
        self._client.on_message = self._asked
        self._client.connect_async(part.host, part.port, 30)
        self._client.loop_start()
        self._thread = threading.Thread(target=self._run, name="edge-bg-mqtt", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Say that the booth is away, and leave; idempotent."""
        if self._ended.is_set():
            return
        self._ended.set()
        self._thread.join(1.0)
        if self._client.is_connected():
            self._client.publish(f"{self._root}/availability", "offline", 1, True).wait_for_publish(1.0)
        self._client.disconnect()
        self._client.loop_stop()

    # --- saying --------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._ended.wait(EVERY):
            if self._client.is_connected():
                try:
                    self._tell()
                except Exception as error:  # what is told late is better than nothing told any more
                    log.warning("%s", error, exc_info=bug(error))

    def _tell(self) -> None:
        state = self._control.state("operator")
        told = {key: state[key] for key in SHOWN}
        flow = told.pop("flow")
        told |= {"visit": flow["state"], "countdown": flow["count"], "covered": told["live"] == "covered"}
        told |= {"room": told["room"]["state"], "room_wrong": state["room"]["wrong"]}
        names = tuple(each["name"] for each in self._control.shelf("backgrounds"))
        selected = [each["name"] for each in self._control.shelf("backgrounds") if each["selected"]]
        told["background_name"] = selected[0] if selected else ""
        if told != self._known:
            if flow["photo"] and flow["state"] == "approval" and self._known.get("visit") != "approval":
                self._client.publish(f"{self._root}/captured", flow["photo"], 1)
            self._known = told
            self._client.publish(f"{self._root}/state", json.dumps(told), 1, True)
        if names != self._names:
            self._names = names
            self._discover()

    def _connected(self, client: Any, data: Any, flags: Any, reason: Any, properties: Any) -> None:
        if getattr(reason, "is_failure", False):
            log.warning("the MQTT broker refuses: %s", reason)
            return
        for topic in ("background/set", "shutter/press", "room/learn", "privacy/set"):
            client.subscribe(f"{self._root}/{topic}", 1)
        self._known, self._names = {}, ()
        client.publish(f"{self._root}/availability", "online", 1, True)
        log.info("MQTT: connected to %s:%d as %s", self._part.host, self._part.port, self._root)

    def _discover(self) -> None:
        """Tell Home Assistant what there is, by its discovery topics."""
        if not self._part.discovery:
            return
        root, name = self._root, self._part.name
        shared = {
            "availability_topic": f"{root}/availability",
            "device": {"identifiers": [f"edge-bg-{name}"], "name": f"Booth {name}", "manufacturer": "edge_bg"},
        }
        value = {"state_topic": f"{root}/state"}
        parts: dict[tuple[str, str], dict[str, Any]] = {
            ("select", "background"): {
                **value, "name": "Background", "command_topic": f"{root}/background/set",
                "options": list(self._names), "value_template": "{{ value_json.background_name }}",
            },
            ("button", "shutter"): {"name": "Shutter", "command_topic": f"{root}/shutter/press"},
            ("button", "learn"): {"name": "Learn the empty room", "command_topic": f"{root}/room/learn"},
            ("switch", "privacy"): {
                **value, "name": "Camera closed", "command_topic": f"{root}/privacy/set",
                "value_template": "{{ 'ON' if value_json.live == 'private' else 'OFF' }}",
            },
            ("sensor", "visit"): {**value, "name": "Visit", "value_template": "{{ value_json.visit }}"},
            ("sensor", "countdown"): {**value, "name": "Countdown", "value_template": "{{ value_json.countdown }}"},
            ("binary_sensor", "live"): _is(value, "Live", "value_json.live == 'live'"),
            ("binary_sensor", "covered"): _is(value, "Covered", "value_json.covered"),
            ("binary_sensor", "room_wrong"): _is(value, "Room looks different", "value_json.room_wrong"),
        }  # fmt: skip
        for (kind, key), part in parts.items():
            topic = f"{self._part.discovery}/{kind}/edge-bg-{name}/{key}/config"
            self._client.publish(topic, json.dumps({**part, **shared, "unique_id": f"edge-bg-{name}-{key}"}), 1, True)

    # --- doing ---------------------------------------------------------------------------------------------

    def _asked(self, client: Any, data: Any, message: Any) -> None:
        topic = message.topic.removeprefix(f"{self._root}/")
        text = message.payload[:LONGEST].decode("utf-8", "replace").strip()
        if message.retain:
            return  # a command of yesterday, kept by the broker
        # Commands may take their time, and paho's own thread has to answer the broker meanwhile.
        threading.Thread(target=self._do, args=(topic, text), name="edge-bg-mqtt-command", daemon=True).start()

    def _do(self, topic: str, text: str) -> None:
        try:
            if topic == "background/set":
                known = {each["name"]: each["id"] for each in self._control.shelf("backgrounds")}
                self._control.pick(known.get(text, text), "remote")
            elif topic == "shutter/press":
                self._control.step("shutter", "remote")
            elif topic == "room/learn":
                self._control.operator.learn()
            elif topic == "privacy/set" and text.upper() == "ON":
                self._control.privacy(True)
            elif topic == "privacy/set":
                log.warning("MQTT: only the operator's page opens the camera again")
        except Exception as error:
            log.warning("MQTT %s: %s", topic, error, exc_info=bug(error))


def _is(value: dict[str, str], name: str, test: str) -> dict[str, Any]:
    return {**value, "name": name, "value_template": f"{{{{ 'ON' if {test} else 'OFF' }}}}"}
