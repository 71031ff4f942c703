"""What the checks of the packaging share: places, processes that end, and the way to say that a tool is missing.

Each check is a script of its own: `python3 tests/python/packaging/NAME.py BINARY`. It ends with 0 if all holds, with 1
and a sentence if not. What it could not check for want of a tool it says in a line that begins with `skipped:`.
"""

import atexit
import contextlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[3]
PACKAGING = ROOT / "packaging"
# Debian keeps servers outside of an ordinary user's PATH.
os.environ["PATH"] += os.pathsep + "/usr/sbin"


def binary():
    """The binary under test, as the first argument says."""
    return pathlib.Path(sys.argv[1]).resolve()


def skipped(what):
    print(f"skipped: {what}", flush=True)


def tool(name, for_what):
    """The path of a tool, or None and a line that says what is not checked without it."""
    found = shutil.which(name)
    if not found:
        skipped(f"no {name}: {for_what}")
    return found


def folder():
    """A temporary folder that goes when the script ends."""
    place = tempfile.TemporaryDirectory(prefix="headroom-packaging-")
    atexit.register(place.cleanup)
    return pathlib.Path(place.name)


def check(so, why):
    if not so:
        sys.exit(f"{pathlib.Path(sys.argv[0]).name}: {why}")


def run(*command, fine=(0,), limit=120, **more):
    """Runs a command to its end and gives its output; what it printed is shown if it did not end well."""
    done = subprocess.run([str(c) for c in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=limit, check=False, **more)
    check(done.returncode in fine, f"{' '.join(map(str, command))}: exit {done.returncode}\n{done.stdout[-4000:]}")
    return done.stdout


@contextlib.contextmanager
def process(*command, log, **more):
    """A process beside the script, which ends with it."""
    with open(log, "w", encoding="utf-8") as out:
        started = subprocess.Popen([str(c) for c in command], stdin=subprocess.DEVNULL, stdout=out,
                                   stderr=subprocess.STDOUT, **more)
    try:
        yield started
    finally:
        if started.poll() is None:
            started.send_signal(signal.SIGCONT)
            started.terminate()
            try:
                started.wait(20)
            except subprocess.TimeoutExpired:
                started.kill()
                started.wait()


def until(what, look, most=30.0):
    """Looks again and again until there is something; fails after `most` seconds."""
    end = time.monotonic() + most
    while time.monotonic() < end:
        found = look()
        if found:
            return found
        time.sleep(0.1)
    sys.exit(f"{pathlib.Path(sys.argv[0]).name}: not within {most:.0f} s: {what}")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def get(url, accept="*/*"):
    """A page of this machine, or None while it is not there."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers={"Accept": accept}), timeout=5) as page:
            return page.read().decode()
    except OSError:
        return None
