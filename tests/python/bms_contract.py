"""Records everything under BMS/v1/# and holds each topic and payload against the AsyncAPI document of the contract.

    bms_contract.py CONTRACT.yaml HOST PORT SECONDS INTEGRATION        (seconds of the BMS's time)

A topic must match the address of a channel, and its point type the channel's list. A value must be a value message; a
metadata payload must be the message of that channel whose point type it names. Integrations publish values only, and
only on points whose metadata names them. Prints counts as JSON; findings go to stderr and make it fail.
"""

import json
import re
import sys
import threading

import paho.mqtt.client as mqtt
import yaml
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

URI = "urn:bms"


class Contract:
    """Channels, point types and message schemas."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            self.document = yaml.safe_load(file)
        resource = Resource.from_contents(self.document, default_specification=DRAFT202012)
        self.registry = Registry().with_resource(URI, resource)
        self.channels = [self._channel(n, c) for n, c in self.document["channels"].items()]
        self.validators = {}

    @staticmethod
    def _channel(name, channel):
        pattern = re.escape(channel["address"])
        for parameter, level in (("integration", "(?!PUB/)[^/]+"), ("pointType", "[^/]+"), ("tagPath", ".+")):
            pattern = pattern.replace(re.escape("{" + parameter + "}"), f"(?P<{parameter}>{level})")
        kinds = channel["parameters"]["pointType"]["enum"]
        return name, re.compile(f"^{pattern}$"), kinds, channel["messages"]

    def find(self, topic):
        """The channel of a topic: name, point type, integration, tag path, messages."""
        for name, pattern, kinds, messages in self.channels:
            match = pattern.match(topic)
            if match:
                groups = match.groupdict()
                if groups["pointType"] not in kinds:
                    raise ValueError(f"channel {name} has no point type {groups['pointType']}")
                return name, groups, messages
        raise ValueError("no channel has this address")

    def errors(self, reference, payload):
        """What a message's schema says against a payload."""
        message = self._at(reference)
        while "$ref" in message:
            message = self._at(message["$ref"])
        key = reference
        if key not in self.validators:
            schema = message["payload"]
            schema = {"$ref": URI + schema["$ref"]} if "$ref" in schema else rebased(schema)
            self.validators[key] = Draft202012Validator(schema, registry=self.registry)
        return [e.message for e in self.validators[key].iter_errors(payload)]

    def _at(self, reference):
        node = self.document
        for part in reference.removeprefix("#/").split("/"):
            node = node[part]
        return node


def rebased(schema):
    """References of an inline schema, made to point into the document."""
    if isinstance(schema, dict):
        return {k: URI + v if k == "$ref" else rebased(v) for k, v in schema.items()}
    if isinstance(schema, list):
        return [rebased(v) for v in schema]
    return schema


def record(host, port, plant_s):
    """Everything heard, in order, until the BMS's own time has moved on so far."""
    heard, done = [], threading.Event()
    times = {}

    def hear(_client, _userdata, message):
        heard.append((message.topic, message.payload, message.retain))
        if "/HeartbeatTimestampBms/" in message.topic and "/Value/" in message.topic:
            stamp = json.loads(message.payload)["timestamp"]
            if stamp - times.setdefault("first", stamp) >= plant_s * 1000.0:
                done.set()

    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv311)
    client.on_connect = lambda c, *_: c.subscribe("BMS/v1/#", qos=1)
    client.on_message = hear
    client.connect(host, port)
    client.loop_start()
    if not done.wait(60):
        sys.exit("the BMS's time does not move on as it should")
    client.loop_stop()
    client.disconnect()
    return heard


def judge(contract, heard, integration):
    """Findings by message, and counts by kind."""
    findings, counts = {}, {"messages": len(heard), "topics": len({t for t, _, _ in heard})}
    granted, asked, waiting = set(), set(), {}

    def find(topic, what):
        findings.setdefault(f"{topic}: {what}", 0)
        findings[f"{topic}: {what}"] += 1

    for topic, raw, retained in heard:
        try:
            name, groups, messages = contract.find(topic)
        except ValueError as error:
            find(topic, error)
            continue
        try:
            payload = json.loads(raw, parse_constant=lambda c: find(topic, f"{c} is not JSON"))
        except ValueError as error:
            find(topic, f"payload: {error}")
            continue
        kind = "metadata" if "/Metadata/" in topic else "value"
        # Metadata waits in the broker for whoever comes later; a value must not, since its age is not seen.
        if kind == "metadata":
            waiting[topic] = waiting.get(topic, False) or retained
        elif retained:
            find(topic, "retained")
        if kind == "metadata":
            if payload.get("pointType") != groups["pointType"]:
                find(topic, f"payload says point type {payload.get('pointType')}")
            if payload.get("objectType") != topic.split("/")[4]:
                find(topic, f"payload says object type {payload.get('objectType')}")
            attempts = [contract.errors(m["$ref"], payload) for m in messages.values()]
            if all(attempts):
                find(topic, min(attempts, key=len))
            if "integration" in payload:
                granted.add(topic.replace("/PUB/Metadata/", f"/{payload['integration']}/Value/", 1))
        else:
            for message in messages.values():
                for error in contract.errors(message["$ref"], payload):
                    find(topic, error)
        if "integration" in groups:
            if groups["integration"] != integration:
                find(topic, "an integration that nobody knows")
            asked.add(topic)
            kind = "echo" if "Echo" in name + topic else "heartbeat" if "Heartbeat" in topic else "request"
            kind = f"our {kind}"
        counts[kind] = counts.get(kind, 0) + 1
    for topic in sorted(asked - granted):
        find(topic, "no metadata names this integration here")
    for topic in sorted(t for t, retained in waiting.items() if not retained):
        find(topic, "not retained")
    return findings, counts


def self_check(contract, integration):
    """Judges messages that are known to be wrong, so that silence means something."""
    good = b'{"value": 21.5, "timestamp": 1792000000123, "quality": 1}'
    ask = f"BMS/v1/{integration}/Value/CDU/LiquidTemperatureSpRequest/x/request"
    grant = {"objectType": "CDU", "pointType": "LiquidTemperatureSpRequest", "engUnit": "C"}
    grant |= {"objectName": "x", "objectId": "x", "integration": integration}
    names = (ask.replace(f"/{integration}/Value/", "/PUB/Metadata/"), json.dumps(grant).encode(), True)
    right = [names, (ask, good, False), ("BMS/v1/PUB/Value/CDU/LiquidTemperature/x/supply", good, False)]
    if found := judge(contract, right, integration)[0]:
        sys.exit(f"self-check: right messages are refused: {found}")
    wrong = [
        [("BMS/v1/PUB/Value/CDU/Colour/x/y", good, False)],
        [("BMS/v1/PUB/Value/Toaster/Status/x/y", good, False)],
        [("BMS/v1/PUB/Value/CDU/LiquidTemperature/x", good.replace(b"21.5", b'"21.5"'), False)],
        [("BMS/v1/PUB/Value/CDU/LiquidTemperature/x", good.replace(b"21.5", b"NaN"), False)],
        [("BMS/v1/PUB/Value/CDU/LiquidTemperature/x", b'{"value": 21.5}', False)],
        [("BMS/v1/PUB/Value/CDU/LiquidTemperature/x", good, True)],
        [names, (ask.replace(integration, "OTHER"), good, False)],
        [names, (ask.replace("x/request", "z/request"), good, False)],
        [(names[0], names[1].replace(b'"C"', b'"F"'), True)],
        [(names[0], names[1].replace(b'"objectId"', b'"id"'), True)],
        [(names[0], names[1], False)],
    ]
    for messages in wrong:
        if not judge(contract, messages, integration)[0]:
            sys.exit(f"self-check: wrong, and not found: {messages[-1]}")


def main():
    """Records and judges."""
    path, host, port, seconds, integration = sys.argv[1:6]
    contract = Contract(path)
    self_check(contract, integration)
    findings, counts = judge(contract, record(host, int(port), float(seconds)), integration)
    print(json.dumps(counts, sort_keys=True))
    for what, times in sorted(findings.items())[:40]:
        print(f"{what} ({times} times)", file=sys.stderr)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
