"""Records everything under BMS/v1/# and holds each topic and payload against the AsyncAPI document of the contract.

    bms_contract.py CONTRACT.yaml HOST PORT SECONDS INTEGRATION

A topic must match the address of a channel, and its point type the channel's list. A value must be a value message; a
metadata payload must be the message of that channel whose point type it names. Integrations publish values only, and
only on points whose metadata names them. Prints counts as JSON; findings go to stderr and make it fail.
"""

import json
import re
import sys
import threading
import time

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


def record(host, port, seconds):
    """Everything heard, in order."""
    heard, ready = [], threading.Event()
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv311)
    client.on_connect = lambda c, *_: c.subscribe("BMS/v1/#", qos=1)
    client.on_subscribe = lambda *_: ready.set()
    client.on_message = lambda _c, _u, m: heard.append((m.topic, m.payload, m.retain))
    client.connect(host, port)
    client.loop_start()
    if not ready.wait(10):
        sys.exit("no answer to the subscription")
    time.sleep(seconds)
    client.loop_stop()
    client.disconnect()
    return heard


def judge(contract, heard, integration):
    """Findings by message, and counts by kind."""
    findings, counts = {}, {"messages": len(heard), "topics": len({t for t, _, _ in heard})}
    granted, asked = {}, set()

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
        if retained:
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
                granted[topic.replace("/PUB/Metadata/", f"/{payload['integration']}/Value/", 1)] = True
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
    for topic in sorted(asked - set(granted)):
        find(topic, "no metadata names this integration here")
    return findings, counts


def main():
    """Records and judges."""
    path, host, port, seconds, integration = sys.argv[1:6]
    contract = Contract(path)
    findings, counts = judge(contract, record(host, int(port), float(seconds)), integration)
    print(json.dumps(counts, sort_keys=True))
    for what, times in sorted(findings.items())[:40]:
        print(f"{what} ({times} times)", file=sys.stderr)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
