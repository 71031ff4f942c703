"""Both units under a real systemd, with every sandbox that they ask for.

A systemd is started as the first process of namespaces of its own, on an overlay of this machine's file system, with /sys and
/proc/sys read-only as in any container; nothing of this machine's own services is started, and nothing is left. In it stand the
installed package, a plant on real wires, the controller and an agent. Where no systemd can be started so, it is skipped.

Holds: both services become active, which they do only after a tick; the controller has no capability, a filter of system
calls, and may read the clock's error but not set the clock; the agent hears its GPUs and its limits hold; a controller that
hangs is ended by the watchdog and comes back; told to end, both end well.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from common import PACKAGING, binary, check, folder, run, skipped, tool

# $1: folder of the overlay, $2: the package, $3: what is tried inside.
BOOT = r"""
set -eu
mount -t tmpfs tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/all"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/all"
cp "$2" "$1/all/mnt/headroom.deb"
cp "$3" "$1/all/mnt/trial"
cd "$1/all"
rm -rf etc/systemd/system
mkdir -p etc/systemd/system var/lib/trial
printf '[Unit]\nWants=trial.service\nAfter=trial.service\nAllowIsolate=yes\n' > etc/systemd/system/default.target
printf '[Unit]\nSuccessAction=exit\nFailureAction=exit\n[Service]\nType=oneshot\nTimeoutStartSec=100\nStandardOutput=tty\nStandardError=tty\nTTYPath=/dev/console\nExecStart=/bin/bash -c "/bin/bash /mnt/trial 2>&1 | sed -u s/^/@/"\n' \
  > etc/systemd/system/trial.service
for unit in timers.target systemd-udevd.service systemd-udev-trigger.service systemd-journal-flush.service systemd-tmpfiles-setup-dev.service \
  systemd-modules-load.service systemd-sysctl.service systemd-random-seed.service systemd-timesyncd.service systemd-firstboot.service \
  dev-hugepages.mount dev-mqueue.mount sys-kernel-debug.mount sys-kernel-tracing.mount proc-sys-fs-binfmt_misc.automount; do
  ln -s /dev/null etc/systemd/system/$unit
done
mount -t proc proc proc
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount -t sysfs -o ro sysfs sys
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs tmp
mount -t tmpfs tmpfs dev
for n in null zero random urandom full tty; do touch dev/$n; mount --bind /dev/$n dev/$n; done
mkdir dev/pts dev/shm dev/mqueue dev/hugepages
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
mount -t tmpfs tmpfs dev/shm
ln -s pts/ptmx dev/ptmx
touch dev/console
mount --bind "$(tty)" dev/console
mount -t tmpfs tmpfs sys/fs/cgroup 2>/dev/null || true
mount -t cgroup2 cgroup2 sys/fs/cgroup
if command -v ip >/dev/null; then ip link set lo up; fi
mkdir -p mnt/old
pivot_root . mnt/old
cd /
umount -l /mnt/old
exec env -i PATH="$PATH" container=test /lib/systemd/systemd --system --show-status=0 --log-level=err --log-target=console
"""

TRIAL = r"""
set -u
said() { echo "== $*"; }
trap 'said end' EXIT
set -e
dpkg --force-depends -i /mnt/headroom.deb >/dev/null 2>&1
# The plant, and the commands that it prints for the others.
cat > /run/systemd/system/plant.service <<UNIT
[Service]
Environment=TMPDIR=/var/lib/trial
ExecStart=/usr/bin/headroom demo --plant-only --gpus 256 --speed 1 --out /var/lib/trial/out
StandardOutput=file:/var/lib/trial/plant.log
UNIT
chmod 755 /var/lib/trial
systemctl daemon-reload
systemctl start plant
for i in $(seq 200); do grep -q ' run --site' /var/lib/trial/plant.log && break; sleep 0.1; done
agent=$(grep -m 1 ' agent --site' /var/lib/trial/plant.log)
word() { grep -o -- "$1[ =][^ ]*" <<<"$agent" | head -n 1 | sed "s/^$1[ =]//"; }
place=$(dirname "$(word --site)")
chmod -R a+rX "$place"
mkdir -p /etc/headroom
cp "$place"/*.toml /etc/headroom/
cp /usr/share/doc/headroom/examples/policies/balanced.toml /etc/headroom/policy.toml
echo "HEADROOM_OPTIONS=\"--clock $(word --clock)\"" > /etc/default/headroom
{ echo "HEADROOM_AGENT_OPTIONS=\"--clock $(word --clock) --nvml $(word --nvml)\""
  echo "HEADROOM_NVML_PAGE=$(word HEADROOM_NVML_PAGE)"; echo "HEADROOM_NVML_HOST=$(word HEADROOM_NVML_HOST)"; } > /etc/default/headroom-agent
# The page of the harness stands for the driver, and is written to.
mkdir -p /run/systemd/system/headroom-agent.service.d
printf '[Service]\nReadWritePaths=/var/lib/trial\n' > /run/systemd/system/headroom-agent.service.d/page.conf
systemctl daemon-reload

said started
timeout 30 systemctl start headroom headroom-agent && systemctl is-active headroom headroom-agent
of() { systemctl show -P "$2" "$1"; }
pid=$(of headroom MainPID)
said controller
grep -E '^(Uid|CapEff|CapBnd|NoNewPrivs|Seccomp):' "/proc/$pid/status" | tr -s '\t ' ' '
said agent
grep -E '^(Uid|CapEff|CapBnd|NoNewPrivs|Seccomp):' "/proc/$(of headroom-agent MainPID)/status" | tr -s '\t ' ' '

said clock
sed -e 's/^Type=.*/Type=oneshot/' -e '/^\(ExecStartPre\|WatchdogSec\|Restart\|NotifyAccess\)/d' -e 's#^ExecStart=.*#ExecStart=/usr/bin/env python3 -B /mnt/clock.py#' \
  -e 's#^\[Service\]#[Service]\nStandardOutput=file:/var/lib/trial/clock#' /usr/lib/systemd/system/headroom.service > /run/systemd/system/clock.service
cat > /mnt/clock.py <<PY
import ctypes, errno, time
libc = ctypes.CDLL(None, use_errno=True)
print("read", libc.adjtimex(ctypes.create_string_buffer(256)) >= 0)
try:
    time.clock_settime(time.CLOCK_REALTIME, time.time())
    print("set True")
except PermissionError:
    print("set False")
PY
systemctl daemon-reload
systemctl start clock || true
cat /var/lib/trial/clock

said heard
for i in $(seq 200); do
  heard=$(headroom status --format json | grep -o '"gpus_heard": *[0-9]*' | grep -o '[0-9]*$') || heard=0
  [ "$heard" = 64 ] && break
  sleep 0.1
done
echo "$heard"

said watchdog
kill -STOP "$pid"
for i in $(seq 200); do [ "$(of headroom NRestarts)" != 0 ] && [ "$(systemctl is-active headroom)" = active ] && break; sleep 0.1; done
echo "restarts $(of headroom NRestarts)"
systemctl is-active headroom
[ "$(of headroom MainPID)" != "$pid" ] && echo another

said stopped
systemctl stop headroom headroom-agent
of headroom Result
of headroom-agent Result
stat -c '%U %a %n' /var/lib/headroom /var/lib/headroom/journal.jsonl /var/lib/headroom-agent
headroom verify /var/lib/headroom/journal.jsonl
said good
"""


def may():
    if os.geteuid() != 0 or not pathlib.Path("/lib/systemd/systemd").exists():
        return "no root, or no systemd"
    if not (shutil.which("unshare") and shutil.which("script") and shutil.which("ip")):
        return "no unshare, script or ip"
    return None


def booted(place, package):
    over = pathlib.Path(tempfile.mkdtemp(prefix="boot-", dir=place))
    (place / "boot.sh").write_text(BOOT)
    (place / "trial").write_text(TRIAL)
    inside = f"unshare -m -p -u -i -n -C --fork --kill-child --propagation private sh {place}/boot.sh {over} {package} {place}/trial"
    # `script` gives it a terminal for its console.
    command = ["timeout", "--kill-after=5", "150", "script", "-qefc", inside, place / "boot.log"]
    done = subprocess.run([str(c) for c in command], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=180, check=False)
    text = (place / "boot.log").read_text(errors="replace").replace("\r", "")
    return re.sub(r"\x1b\[[0-9;]*m", "", text), done.returncode


def sections(text):
    # systemd's own words stand between those of the trial.
    parts = "\n".join(line[1:] for line in text.splitlines() if line.startswith("@")).split("== ")[1:]
    return {name.strip(): body.strip().splitlines() for name, _, body in (p.partition("\n") for p in parts)}


def main():
    why = may()
    if why:
        skipped(f"no systemd is started here: {why}")
        return
    if not tool("dpkg-deb", "there is no package to start"):
        return
    place = folder()
    run(PACKAGING / "deb/build", binary(), place, env={**os.environ, "DEB_LEVEL": "0"})
    text, code = booted(place, next(place.glob("*.deb")))
    found = sections(text)
    if "started" not in found and "end" not in found:
        skipped(f"no systemd can be started here (exit {code}): {text[-300:]}")
        return
    check("good" in found, f"not to its end:\n{text[-5000:]}")
    check(found["started"] == ["active", "active"], f"{found['started']}")
    controller, agent = " ".join(found["controller"]), " ".join(found["agent"])
    check("CapEff: 0000000000000000" in controller and "CapBnd: 0000000000000000" in controller and "Uid: 0" not in controller, controller)
    check("CapBnd: 0000000000200000" in agent, f"the agent has more than CAP_SYS_ADMIN: {agent}")
    check("Seccomp: 2" in controller and "Seccomp: 2" in agent and "NoNewPrivs: 1" in controller, f"{controller} {agent}")
    check(found["clock"] == ["read True", "set False"], f"the clock: {found['clock']}")
    check(found["heard"] == ["64"], f"GPUs heard: {found['heard']}")
    check(found["watchdog"][1:] == ["active", "another"], f"the watchdog: {found['watchdog']}")
    check(found["stopped"][:2] == ["success", "success"], f"stopped: {found['stopped']}")
    check("headroom 750 /var/lib/headroom" in found["stopped"], f"{found['stopped']}")
    print(f"under systemd: active after a tick, 64 GPUs heard, a hang ended by the watchdog ({found['watchdog'][0]}), both end well")


if __name__ == "__main__":
    sys.exit(main())
