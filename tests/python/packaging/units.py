"""The systemd units, and what the daemon tells a service manager.

Holds: systemd takes both units with the binary in its place and calls them OK or better; each option they name exists; the
controller and an agent, beside a plant on real wires, say READY=1 only after a tick, WATCHDOG=1 while they tick and not
while they hang, and STOPPING=1 when told to end; where a period is long, more patience is asked for.
"""

import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time

from common import PACKAGING, binary, check, folder, process, run, skipped, tool, until

UNITS = ["headroom.service", "headroom-agent.service"]
# The most that `systemd-analyze security` may count, in tenths: below 50 it says OK.
EXPOSURE = {"headroom.service": 20, "headroom-agent.service": 30}


def analysed(place):
    """Both units in a root of their own, with the units of this machine around them."""
    if not tool("systemd-analyze", "the units are not verified"):
        return
    root = place / "root"
    units = root / "usr/lib/systemd/system"
    host = next((p for p in ("/usr/lib/systemd/system", "/lib/systemd/system") if os.path.isdir(p)), None)
    shutil.copytree(host, units, symlinks=True)
    (root / "usr/bin").mkdir(parents=True)
    shutil.copy(binary(), root / "usr/bin/headroom")
    for unit in UNITS:
        shutil.copy(PACKAGING / "systemd" / unit, units)
        said = run("systemd-analyze", "verify", "--man=no", f"--root={root}", units / unit, fine=(0, 1))
        ours = [line for line in said.splitlines() if "headroom" in line]
        check(not ours, f"systemd-analyze verify {unit}:\n" + "\n".join(ours))
        text = run("systemd-analyze", "security", "--offline=yes", "--no-pager", f"--threshold={EXPOSURE[unit]}", units / unit)
        print(re.search(r"Overall exposure level.*", text)[0])


def options():
    """What the units call is there, and the clock may be looked at."""
    for unit in UNITS:
        text = (PACKAGING / "systemd" / unit).read_text()
        calls = re.findall(r"^ExecStart(?:Pre)?=/usr/bin/headroom (\w+) (.*)$", text, re.M)
        check(calls, f"{unit} calls nothing")
        for verb, rest in calls:
            known = run(binary(), verb, "--help")
            for option in re.findall(r"--[\w-]+", rest):
                check(option in known, f"{unit}: `headroom {verb}` has no {option}")
        filters = re.findall(r"^SystemCallFilter=(.*)$", text, re.M)
        check("adjtimex" in filters[-1] and "ProtectClock" not in re.sub("#.*", "", text),
              f"{unit}: adjtimex must be allowed again after @privileged is not")
        for exits in ("2", "3"):
            check(exits in re.search(r"^RestartPreventExitStatus=(.*)$", text, re.M)[1].split(), f"{unit}: exit {exits}")


class Manager:
    """What a service manager hears."""

    def __init__(self, place, name):
        self.path = str(place / f"{name}.sock")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)

    def hears(self, most):
        """The words of the next seconds."""
        words, end = [], time.monotonic() + most
        while (left := end - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                words += self.socket.recv(4096).decode().split("\n")
            except TimeoutError:
                break
        return [w for w in words if w]

    def waits(self, word, most=30):
        heard, end = [], time.monotonic() + most
        while word not in heard:
            check(time.monotonic() < end, f"no {word} within {most} s, but {heard}")
            heard += self.hears(0.2)
        return heard


def beside_a_plant(place):
    """The commands that start agents and controller, as the demo prints them: (environment, words)."""
    def printed():
        lines = (place / "plant.log").read_text().splitlines()
        return [line for line in lines if " --site " in line] if any(" run --site" in line for line in lines) else None

    for line in until("the plant says how to start the others", printed):
        words = shlex.split(line)
        env = dict(w.split("=", 1) for w in words if re.match(r"[A-Z_]+=", w))
        yield {**os.environ, **env}, [w for w in words if not re.match(r"[A-Z_]+=", w)]


def notifies(place, name, env, words, patience_us):
    manager = Manager(place, name)
    env = {**env, "NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": str(patience_us)}
    log = place / f"{name}.log"
    with process(*words, log=log, env=env) as running:
        heard = manager.waits("READY=1")
        asked = [int(w.split("=")[1]) for w in heard if w.startswith("WATCHDOG_USEC=")]
        check(heard.index("READY=1") >= len(asked) and "WATCHDOG=1" not in heard[:heard.index("READY=1")], f"{name}: {heard}")
        beats = manager.hears(3.5).count("WATCHDOG=1")
        check(beats >= 2, f"{name} ticks, but says WATCHDOG=1 {beats} times in 3.5 s\n{log.read_text()}")
        running.send_signal(signal.SIGSTOP)
        manager.hears(0.3)
        check(not manager.hears(2), f"{name} hangs and speaks")
        running.send_signal(signal.SIGCONT)
        manager.waits("WATCHDOG=1")
        running.terminate()
        manager.waits("STOPPING=1")
        try:
            code = running.wait(20)
        except subprocess.TimeoutExpired:
            sys.exit(f"{name} does not end within 20 s")
        check(code == 0, f"{name} ends with {code}\n{log.read_text()}")
    print(f"{name}: ready after a tick, {beats} beats in 3.5 s, none while it hangs, stopping when told")
    return asked


def notified(place):
    with process(binary(), "demo", "--plant-only", "--gpus", "256", "--speed", "1", "--out", place / "out",
                 log=place / "plant.log"):
        commands = list(beside_a_plant(place))
        agent = next(c for c in commands if c[1][1] == "agent")
        controller = next(c for c in commands if c[1][1] == "run")
        check(notifies(place, "agent", *agent, 30_000_000) == [], "an agent asks for more than 30 s")
        check(notifies(place, "controller", *controller, 1_000_000) == [3_000_000],
              "a controller of 1 s does not ask for 3 s where it has 1 s")


def main():
    place = folder()
    options()
    analysed(place)
    if hasattr(socket, "AF_UNIX"):
        notified(place)
    else:
        skipped("no Unix sockets")


if __name__ == "__main__":
    main()
