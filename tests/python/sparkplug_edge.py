"""A Sparkplug B edge node made of pysparkplug: sparkplug_edge.py HOST PORT GROUP EDGE HOST_ID [node|parts]

Reads words from stdin, one action a line; prints what it hears as JSON, one line each.

  node    pysparkplug's own EdgeNode with a device `d`: `data NAME VALUE`, `leave` (the device), `bye`
  parts   its payloads, numbered by hand, so that they can be lost, doubled and exchanged: `birth`, `data NAME VALUE`,
          `lose` (a number), `twice NAME VALUE`, `swap NAME VALUE VALUE`, `old NAME VALUE MS`, `null NAME`; answers a
          rebirth with a birth and a command with the value it asks for
"""

import json
import sys
import threading

from pysparkplug import (
    Client, DataType, DBirth, DData, Device, EdgeNode, Message, MessageType, Metric, NBirth, NDeath, QoS, Topic,
    get_current_timestamp as now,
)

HOST, PORT, GROUP, EDGE, HOST_ID = sys.argv[1], int(sys.argv[2]), *sys.argv[3:6]
MODE = sys.argv[6] if len(sys.argv) > 6 else "parts"
TYPES = {"Flow": (DataType.DOUBLE, 7), "SP": (DataType.FLOAT, 8), "Count": (DataType.INT16, 9), "Run": (DataType.BOOLEAN, 10)}
values = {"Flow": 50.0, "SP": 30.0, "Count": -3, "Run": True}
lock = threading.RLock()


def say(**what):
    print(json.dumps(what), flush=True)


def typed(name, text):
    kind = TYPES[name][0]
    if kind is DataType.BOOLEAN:
        return text in ("1", "1.0", "True", "true")
    return int(float(text)) if kind is DataType.INT16 else float(text)


def state(_client, message):
    say(state=message.payload.online, timestamp=message.payload.timestamp, retained=message.retain)


STATE = Topic(message_type=MessageType.STATE, sparkplug_host_id=HOST_ID)


def run_node():
    metric = lambda name: Metric(now(), name, TYPES[name][0], value=values[name])
    node = EdgeNode(GROUP, EDGE, [Metric(now(), "CPU", DataType.FLOAT, value=12.5)], client=Client(f"edge-{EDGE}"))
    node.register(Device("d", [metric(n) for n in TYPES], cmd_callback=lambda _edge, message: say(dcmd=str(message.payload))))
    node.subscribe(STATE, QoS.AT_LEAST_ONCE, state)
    node.connect(HOST, port=PORT, keepalive=5)
    for line in sys.stdin:
        words = line.split()
        if words[0] == "data":
            node.update_device("d", [Metric(now(), words[1], TYPES[words[1]][0], value=typed(words[1], words[2]))])
        elif words[0] == "leave":
            node.deregister("d")
        elif words[0] == "bye":
            node.disconnect()
            return


class Parts:
    def __init__(self):
        self.seq, self.bd_seq = 0, 5
        self.client = Client(f"edge-{EDGE}")
        self.client.set_will(self.message(MessageType.NDEATH, NDeath(now(), self.bd_metric()), device=None))
        for kind, device, then in ((MessageType.NCMD, None, self.ncmd), (MessageType.DCMD, "d", self.dcmd)):
            self.client.subscribe(Topic(GROUP, kind, EDGE, device), QoS.AT_LEAST_ONCE, then)
        self.client.subscribe(STATE, QoS.AT_LEAST_ONCE, state)
        self.client.connect(HOST, port=PORT, keepalive=5, callback=lambda _: say(connected=True))

    def bd_metric(self):
        return Metric(now(), "bdSeq", DataType.INT64, value=self.bd_seq)

    def message(self, kind, payload, device="d"):
        return Message(Topic(GROUP, kind, EDGE, device), payload, QoS.AT_MOST_ONCE, False)

    def number(self):
        self.seq = (self.seq + 1) % 256
        return self.seq

    def birth(self):
        self.seq = 0
        node = NBirth(now(), 0, (self.bd_metric(), Metric(now(), "CPU", DataType.FLOAT, value=12.5)))
        self.client.publish(self.message(MessageType.NBIRTH, node, None), include_dtypes=True)
        all_of_it = tuple(Metric(now(), n, t, value=values[n], alias=a) for n, (t, a) in TYPES.items())
        self.client.publish(self.message(MessageType.DBIRTH, DBirth(now(), self.number(), all_of_it)), include_dtypes=True)

    def data(self, name, seq, value, at=None, old=False):
        kind, alias = TYPES[name]
        metric = Metric(at or now(), None, kind, value=value, alias=alias, is_historical=old, is_null=value is None)
        return self.message(MessageType.DDATA, DData(now(), seq, (metric,)))

    def ncmd(self, _client, message):
        asked = [m.name for m in message.payload.metrics if m.value is True]
        say(ncmd=asked, qos=int(message.qos), retained=message.retain)
        if "Node Control/Rebirth" in asked:
            with lock:
                self.birth()

    def dcmd(self, _client, message):
        for m in message.payload.metrics:
            name = next((n for n, (_, a) in TYPES.items() if a == m.alias), m.name)
            say(dcmd=name, value=m.value, by_alias=m.alias is not None, datatype=int(m.datatype))
            values[name] = m.value
            with lock:
                self.client.publish(self.data(name, self.number(), m.value))

    def do(self, words):
        publish = self.client.publish
        if words[0] == "birth":
            self.birth()
            say(born=True)
        elif words[0] == "data":
            values[words[1]] = typed(words[1], words[2])
            publish(self.data(words[1], self.number(), values[words[1]]))
        elif words[0] == "lose":
            self.number()
        elif words[0] == "twice":
            message = self.data(words[1], self.number(), typed(words[1], words[2]))
            publish(message)
            publish(message)
        elif words[0] == "swap":
            first, second = (self.data(words[1], self.number(), typed(words[1], w)) for w in words[2:4])
            publish(second)
            publish(first)
        elif words[0] == "old":
            publish(self.data(words[1], self.number(), typed(words[1], words[2]), int(words[3]), True))
        elif words[0] == "null":
            publish(self.data(words[1], self.number(), None))


if MODE == "node":
    run_node()
else:
    parts = Parts()
    for line in sys.stdin:
        with lock:
            parts.do(line.split())
