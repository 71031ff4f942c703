"""Reads every input register of a site file's devices and compares each with what the BMS shows on the bus then.

    read_modbus.py SITE.toml RATE

RATE is plant seconds per second. A register and a bus value of one point are samples of one measured value: they may
differ by the register's step, the last digit on the bus, and what the value did between the bus's last word before
the read and the words of the 2 s after it. Prints counts as JSON; findings go to stderr and make it fail.
"""

import json
import sys
import threading
import time
import tomllib

import paho.mqtt.client as mqtt
from pymodbus.client import ModbusTcpClient

TYPES = {
    "uint16": (1, ModbusTcpClient.DATATYPE.UINT16),
    "int16": (1, ModbusTcpClient.DATATYPE.INT16),
    "uint32": (2, ModbusTcpClient.DATATYPE.UINT32),
    "float32": (2, ModbusTcpClient.DATATYPE.FLOAT32),
}
ROUNDS = 3


class Bus:
    """What the BMS has said of each tag: (wall time, plant ms, value, last digit)."""

    def __init__(self, url):
        host, port = url.removeprefix("mqtt://").split(":")
        self.said, self.lock = {}, threading.Lock()
        client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv311)
        client.on_connect = lambda c, *_: c.subscribe("BMS/v1/PUB/Value/#")
        client.on_message = self.hear
        client.connect(host, int(port))
        client.loop_start()

    def hear(self, _client, _userdata, message):
        tag = message.topic.split("/", 6)[6].removeprefix("hall-1/")
        # Exact decimals: the last digit shows the resolution.
        body = json.loads(message.payload, parse_float=str, parse_int=str)
        text = body["value"]
        if text is None:
            return
        digits = len(text.partition(".")[2])
        with self.lock:
            self.said.setdefault(tag, []).append((time.monotonic(), int(body["timestamp"]), float(text), digits))

    def around(self, tag, at, rate):
        """Least and greatest value from the last word before the read to 2 s of plant time after it."""
        with self.lock:
            words = list(self.said.get(tag, []))
        before = [w for w in words if w[0] <= at]
        near = before[-2:] + [w for w in words if at < w[0] <= at + 2.0 / rate + 0.3]
        digits = max((w[3] for w in words), default=0)
        return ([w[2] for w in near], 10.0**-digits) if before else (None, None)


def decode(client, register, words):
    """The value of a register in its unit."""
    count, kind = TYPES[register["type"]]
    order = {"ABCD": "big", "CDAB": "little"}[register["byte-order"]]
    raw = client.convert_from_registers(words[:count], kind, word_order=order)
    return raw * register["scale"]


def read_device(device):
    """(name, value, resolution, wall time) of every input register."""
    host, port = device["url"].removeprefix("tcp://").split(":")
    client = ModbusTcpClient(host, port=int(port))
    if not client.connect():
        sys.exit(f"{device['id']}: no connection")
    out = []
    for register in device["register"]:
        if register["space"] != "input":
            continue
        count = TYPES[register["type"]][0]
        answer = client.read_input_registers(register["address"], count=count, device_id=device["unit"])
        if answer.isError():
            sys.exit(f"{device['id']} {register['name']}: {answer}")
        step = 0.0 if register["type"] == "float32" else register["scale"]
        out.append((register["name"], decode(client, register, answer.registers), step, time.monotonic()))
    client.close()
    return out


def main():
    """Reads a few times, and compares."""
    with open(sys.argv[1], "rb") as file:
        site = tomllib.load(file)
    rate = float(sys.argv[2])
    bus = Bus(site["mqtt"][0]["url"])
    # Every value is repeated within 100 s.
    time.sleep(110.0 / rate)
    reads = []
    for _ in range(ROUNDS):
        for device in site["modbus"]:
            reads += [(device["id"], *r) for r in read_device(device)]
        time.sleep(10.0 / rate)
    findings, worst = [], 0.0
    names = {(d, n) for d, n, *_ in reads}
    for device, name, value, step, at in reads:
        near, digit = bus.around(name, at, rate)
        if near is None:
            findings.append(f"{device} {name}: never heard on the bus")
            continue
        # Both sides round: half a step of each, and a whole one where a side cuts off.
        room = step + digit + 1e-6 * abs(value)
        excess = max(min(near) - value, value - max(near), 0.0)
        worst = max(worst, excess / room)
        if excess > room:
            findings.append(f"{device} {name}: register {value:.6g}, bus {near}, room {room:.3g}")
    counts = {"devices": len(site["modbus"]), "registers": len(names), "reads": len(reads), "worst": round(worst, 3)}
    print(json.dumps(counts))
    for finding in findings[:40]:
        print(finding, file=sys.stderr)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
