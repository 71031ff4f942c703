"""The brokers' example configurations, each as it is shipped, with certificates made for the occasion.

Holds, for mosquitto and NATS: who has no certificate of the plant's authority is refused; a node publishes as itself and
as nobody else, reads its own commands and nobody else's, whatever it subscribes to, and reaches neither BMS nor clock; the
controller hears and commands all. And, with mosquitto behind stunnel: a real agent and a real controller need no more
rights than these. EMQX is not to be had here: its rules are held to mosquitto's, word by word.
"""

import os
import pathlib
import re
import subprocess
import time

from common import PACKAGING, binary, check, folder, free_port, get, process, run, skipped, tool, until
from units import beside_a_plant

BROKERS = PACKAGING / "brokers"
HOST = "localhost"


class Clients:
    """mosquitto_pub and mosquitto_sub with certificates."""

    def __init__(self, place, certificates, port):
        self.place, self.certificates, self.port = place, certificates, port
        self.ears = 0

    def who(self, name):
        c = self.certificates
        return ["-h", HOST, "-p", str(self.port), "-V", "mqttv311", "--cafile", str(c / "ca.crt"),
                "--cert", str(c / f"{name}.crt"), "--key", str(c / f"{name}.key")]

    def say(self, name, topic, text, qos=1, *more):
        """True if the broker took the connection and the message; where it may not be published it says so too (MQTT 3.1.1)."""
        done = subprocess.run(["mosquitto_pub", *self.who(name), "-q", str(qos), "-t", topic, "-m", text, *more],
                              capture_output=True, text=True, timeout=10, check=False)
        return done.returncode == 0

    def ear(self, stack, name, *filters):
        """Hears filters; a function that gives what was heard, as lines `topic text`."""
        self.ears += 1
        log = self.place / f"ear-{self.ears}.log"
        words = ["mosquitto_sub", *self.who(name), "-q", "1", "-v", *(w for f in filters for w in ("-t", f))]
        stack.append(process(*words, log=log))
        stack[-1].__enter__()
        return lambda: [line for line in log.read_text().splitlines() if " " in line and "/" in line.split()[0]]


def certificates(place):
    names = ["controller", "controller-bms", "bms", "node-001", "node-002"]
    run(BROKERS / "certificates", place / "plant", HOST, *names)
    run(BROKERS / "certificates", place / "other", HOST, "node-001")
    (place / "plant/stranger.crt").write_text((place / "other/node-001.crt").read_text())
    (place / "plant/stranger.key").write_text((place / "other/node-001.key").read_text())
    return place / "plant"


def filled(path, place, changes):
    """A shipped file with places and ports of the test; each change must find something."""
    text = path.read_text()
    for old, new in changes.items():
        check(old in text, f"{path.name}: no `{old}`")
        text = text.replace(old, new)
    out = place / path.name
    out.write_text(text)
    return out


def mosquitto(place, certs, port, integration="HEADROOM"):
    acl = filled(BROKERS / "mosquitto/headroom.acl", place, {"BMS/v1/HEADROOM/": f"BMS/v1/{integration}/"})
    conf = filled(BROKERS / "mosquitto/headroom.conf", place, {
        "/etc/mosquitto/certs": str(certs), "/etc/mosquitto/headroom.acl": str(acl), "listener 8883": f"listener {port} 127.0.0.1"})
    if os.geteuid() == 0:  # it would become a user that may not read the test's folder
        conf.write_text(conf.read_text() + "user root\n")
    return ["mosquitto", "-c", conf]


def nats(place, certs, port):
    (place / "accounts.conf").write_text(run(BROKERS / "nats/accounts", "node-001", "node-002"))
    conf = filled(BROKERS / "nats/headroom.conf", place, {
        "/etc/nats/certs": str(certs), "/var/lib/nats/jetstream": str(place / "jetstream"), "0.0.0.0:8883": f"127.0.0.1:{port}",
        "127.0.0.1:4222": f"127.0.0.1:{free_port()}"})
    return ["nats-server", "-c", conf]


def refuses_strangers(clients):
    base = ["-h", HOST, "-p", str(clients.port), "-V", "mqttv311", "-t", "headroom/v1/s/time", "-m", "x"]
    ca = ["--cafile", str(clients.certificates / "ca.crt")]
    for what, words in {"without TLS": base, "without a certificate": base + ca}.items():
        done = subprocess.run(["mosquitto_pub", *words], capture_output=True, timeout=10, check=False)
        check(done.returncode != 0, f"a client {what} is let in")
    check(not clients.say("stranger", "headroom/v1/s/time", "x"), "a certificate of another authority is taken")


def rights(clients, controller_on_bms):
    """Everything that may and may not, with a last true message as the end of each wait."""
    node, stack = "headroom/v1/s/node", []
    try:
        controller = clients.ear(stack, "controller", f"{node}/+/telemetry", f"{node}/+/status")
        second = clients.ear(stack, "node-002", f"{node}/node-002/command", "headroom/v1/s/time")
        curious = clients.ear(stack, "node-001", f"{node}/node-001/command", f"{node}/node-002/command")
        greedy = clients.ear(stack, "node-001", f"{node}/+/command", f"{node}/+/telemetry", "BMS/v1/PUB/#", "#")
        bms = clients.ear(stack, "bms", "BMS/v1/HEADROOM/#")
        plant = clients.ear(stack, controller_on_bms, "BMS/v1/PUB/#")
        until("the ears are there", lambda: clients.say("controller", "headroom/v1/s/time", "mark") and second(), 15)
        time.sleep(0.5)
        # As somebody else, first; then as oneself.
        for topic in (f"{node}/node-002/telemetry", f"{node}/node-002/status", f"{node}/node-002/command", f"{node}/node-001/command",
                      "headroom/v1/s/time", "BMS/v1/HEADROOM/Value/CDU/x/CDU-01", "BMS/v1/PUB/Value/CDU/x/CDU-01"):
            clients.say("node-001", topic, "forged")
        check(clients.say("node-001", f"{node}/node-001/telemetry", "true", 0), "a node may not report")
        check(clients.say("node-001", f"{node}/node-001/status", "birth", 1, "-r"), "a node may not say that it is there")
        for n in ("node-001", "node-002"):
            check(clients.say("controller", f"{node}/{n}/command", f"order-{n}"), "the controller may not command")
        check(clients.say(controller_on_bms, "BMS/v1/HEADROOM/Value/CDU/x/CDU-01", "request"), "the controller may not ask")
        check(clients.say("bms", "BMS/v1/PUB/Value/CDU/x/CDU-01", "value"), "the BMS may not speak")

        def all_there():
            return (f"{node}/node-001/telemetry true" in controller() and f"{node}/node-001/status birth" in controller()
                    and f"{node}/node-002/command order-node-002" in second() and f"{node}/node-001/command order-node-001" in curious()
                    and any(h.endswith(" request") for h in bms()) and any(h.endswith(" value") for h in plant()))
        until("what may be heard is heard", all_there, 15)
        time.sleep(0.5)
        heard = {"controller": controller(), "node-002": second(), "node-001": curious(), "bms": bms(), "plant": plant()}
        for who, lines in heard.items():
            check(not any("forged" in line for line in lines), f"{who} hears what node-001 forged: {lines}")
        others = [line for line in curious() + greedy() if "node-002" in line or "BMS/" in line or "telemetry" in line]
        check(not others, f"node-001 reads what is not its own: {others}")
        late = clients.ear(stack, "controller", f"{node}/+/status")
        until("a retained birth", lambda: f"{node}/node-001/status birth" in late(), 10)
    finally:
        for one in reversed(stack):
            one.__exit__(None, None, None)


def one(name, server, place, certs, controller_on_bms):
    if not tool(name, "its configuration is not tried"):
        return
    mine = place / name
    mine.mkdir()
    port = free_port()
    with process(*server(mine, certs, port), log=mine / "broker.log") as running:
        clients = Clients(mine, certs, port)
        until("the broker", lambda: running.poll() is None and clients.say(controller_on_bms, "BMS/v1/HEADROOM/x", "x"), 15)
        refuses_strangers(clients)
        rights(clients, controller_on_bms)
    print(f"{name}: strangers refused; nodes speak and hear as themselves only; controller and BMS as they must")


def behind_stunnel(place, certs):
    """A real agent and controller with the rights of the example, behind the example's TLS."""
    if not all([tool("stunnel", "agents over TLS are not tried"), tool("mosquitto", "no broker for stunnel")]):
        return
    mine = place / "stunnel"
    (mine / "broker").mkdir(parents=True)
    port, doors = free_port(), {name: free_port() for name in ("bms", "controller", "node-001")}
    stack = [process(*mosquitto(mine / "broker", certs, port), log=mine / "broker.log")]
    for name, door in doors.items():
        conf = filled(BROKERS / "stunnel/headroom.conf", mine, {
            "127.0.0.1:1883\nconnect": f"127.0.0.1:{door}\nconnect", "broker:8883": f"{HOST}:{port}", "checkHost = broker": f"checkHost = {HOST}",
            "/etc/headroom/tls/node": str(certs / name), "/etc/headroom/tls/ca": str(certs / "ca")}).rename(mine / f"{name}.conf")
        stack.append(process("stunnel", conf, log=mine / f"{name}.log"))
    url = {name: f"mqtt://127.0.0.1:{door}" for name, door in doors.items()}
    plant = [binary(), "demo", "--plant-only", "--gpus", "256", "--speed", "1", "--broker", url["bms"], "--out", mine / "out"]
    try:
        for each in stack:
            each.__enter__()
        time.sleep(0.5)
        stack.append(process(*plant, log=mine / "plant.log"))
        stack[-1].__enter__()
        commands = list(beside_a_plant(mine))
        started = {"node-001": next(c for c in commands if c[1][1] == "agent"), "controller": next(c for c in commands if c[1][1] == "run")}
        for name, (env, words) in started.items():
            site = pathlib.Path(words[words.index("--site") + 1])
            mine_own = site.with_name(f"site-{name}.toml")
            mine_own.write_text(site.read_text().replace(url["bms"], url[name]))
            words[words.index("--site") + 1] = str(mine_own)
            stack.append(process(*words, log=mine / f"run-{name}.log", env=env))
            stack[-1].__enter__()
        state = pathlib.Path(started["controller"][1][started["controller"][1].index("--state") + 1])

        def figures():
            address = state / "http.addr"
            page = get(f"http://{address.read_text().strip()}/metrics") if address.is_file() else None
            found = dict(re.findall(r"^headroom_(gpus_heard|points_good|commands_issued_total|points) ([\d.e+]+)$", page or "", re.M))
            heard = float(found.get("gpus_heard", 0)), float(found.get("points_good", 0))
            return found if heard[0] >= 8 and heard[1] > 20 else None
        found = until("the controller hears an agent and the BMS", figures, 40)
        # One certificate, one node: the host plays eight, and seven are not heard.
        check(float(found["gpus_heard"]) == 8, f"heard of one node's certificate: {found}")
        agent = mine / "run-node-001.log"
        check("panicked" not in agent.read_text(), agent.read_text())
    finally:
        for each in reversed(stack):
            each.__exit__(None, None, None)
    print(f"behind stunnel: a controller with {found['points_good']} good points of the BMS, and 8 GPUs of the one node that has a certificate")


def emqx():
    """The rules of EMQX are mosquitto's."""
    acl, who, ours = (BROKERS / "mosquitto/headroom.acl").read_text(), "all", set()
    for line in acl.splitlines():
        word, _, rest = line.partition(" ")
        if word == "user":
            who = rest
        elif word in ("pattern", "topic"):
            right, _, topic = rest.partition(" ")
            ours.add(("all" if word == "pattern" else who, right, topic.replace("%u", "${username}")))
    text = (BROKERS / "emqx/headroom-acl.conf").read_text()
    rules = re.findall(r'^\{allow, (?:(all)|\{user, "([\w-]+)"\}), (publish|subscribe), \["([^"]+)"\]\}\.$', text, re.M)
    theirs = {(a or user, {"publish": "write", "subscribe": "read"}[right], topic) for a, user, right, topic in rules}
    check(ours == theirs, f"not the same rules: {sorted(ours ^ theirs)}")
    lines = [line for line in text.splitlines() if line and not line.startswith("%%")]
    check(len(lines) == len(rules) + 1 and lines[-1] == "{deny, all}.", "a rule of EMQX that is not understood")
    conf = (BROKERS / "emqx/headroom.conf").read_text()
    check(conf.count("{") == conf.count("}") and "fail_if_no_peer_cert = true" in conf and "no_match = deny" in conf, "emqx/headroom.conf")
    print(f"EMQX: {len(rules)} rules, the same as mosquitto's")
    skipped("EMQX itself is not run: it is in no registry that the tests use")


def main():
    emqx()
    if not all([tool("openssl", "no certificates"), tool("mosquitto_pub", "no client of a broker")]):
        return
    place = folder()
    certs = certificates(place)
    one("mosquitto", mosquitto, place, certs, "controller")
    one("nats-server", nats, place, certs, "controller-bms")
    behind_stunnel(place, certs)


if __name__ == "__main__":
    main()
