"""The Debian package: built, linted, installed for real, used, removed and purged.

It is installed into an overlay of this machine's own file system, in a mount namespace of its own: dpkg runs with its
scripts as ever, and nothing of it is left here. Where that may not be, it is only unpacked and its binary run.

Holds: lintian has nothing to say; both services are neither enabled nor started; the installed binary runs, checks its
examples and has its man page; systemd calls the installed units OK; after removal only conffiles and state are left,
after a purge nothing.
"""

import os
import pathlib
import shutil
import subprocess
import tempfile

from common import PACKAGING, binary, check, folder, run, skipped, tool

# Runs inside: $1 is the package, $2 the folder of the overlay.
INSIDE = r"""
set -eu
mount -t tmpfs tmpfs "$2"
mkdir "$2/upper" "$2/work" "$2/all"
mount -t overlay overlay -o "lowerdir=/,upperdir=$2/upper,workdir=$2/work" "$2/all"
cp "$1" "$2/all/tmp/headroom.deb"
mount -t proc proc "$2/all/proc" 2>/dev/null || mount --rbind /proc "$2/all/proc"
mount --rbind /dev "$2/all/dev"
mount --bind "$2/upper" "$2/all/mnt"
cat > "$2/all/tmp/inside.sh"
exec chroot "$2/all" /bin/sh -eu /tmp/inside.sh
"""

STEPS = r"""
said() { echo "== $*"; }
# What was written over this machine, as it stands in the overlay; but for dpkg's own books and the user.
left() { (cd /mnt; find . -type f | sed 's/^[.]//' | grep -v -e '^/tmp/' -e /dpkg/ -e '^/var/cache/' -e '^/var/log/' -e '^/root' -e '^/run' \
  -e '^/etc/\(passwd\|group\|shadow\|gshadow\)' -e '^/etc/[.]pwd' | sort); }
dpkg --purge headroom >/dev/null 2>&1 || true
dpkg --force-depends -i /tmp/headroom.deb
said installed
left
said user
getent passwd headroom
said state
stat -c '%U %G %a' /var/lib/headroom
said enabled
ls /etc/systemd/system/*.wants/headroom*.service 2>/dev/null || echo none
said binary
headroom --version
headroom check /usr/share/doc/headroom/examples/sites/dsx-cdu/site.toml /usr/share/doc/headroom/examples/policies/*.toml
headroom check /usr/share/doc/headroom/examples/sites/modbus-chiller/map.toml
said man
if command -v man >/dev/null; then man -P cat headroom-run | head -n 1; else echo "skipped: no man"; fi
said security
for unit in headroom headroom-agent; do
  systemd-analyze security --offline=yes --no-pager --threshold=30 /usr/lib/systemd/system/$unit.service | tail -n 2
done
said verify
systemd-analyze verify --man=no /usr/lib/systemd/system/headroom.service /usr/lib/systemd/system/headroom-agent.service 2>&1 | grep headroom || true
said upgrade
touch /var/lib/headroom/journal.jsonl
echo 'HEADROOM_OPTIONS="--history-mib 128"' > /etc/default/headroom
dpkg --force-depends -i /tmp/headroom.deb
cat /etc/default/headroom
said removed
dpkg -r headroom
left
said purged
dpkg -P headroom
left
ls -d /etc/headroom /var/lib/headroom 2>/dev/null || true
said end
"""


def built(place):
    run(PACKAGING / "deb/build", binary(), place, env={**os.environ, "DEB_LEVEL": "0"})
    package = next(place.glob("headroom_*.deb"))
    names = run("dpkg-deb", "-c", package)
    for name in ("usr/bin/headroom", "usr/lib/headroom/libheadroom_nvml_abi.so", "usr/lib/systemd/system/headroom.service",
                 "usr/lib/systemd/system/headroom-agent.service", "usr/lib/sysusers.d/headroom.conf", "usr/share/man/man1/headroom.1.gz",
                 "usr/share/bash-completion/completions/headroom", "usr/share/headroom/prometheus/headroom.rules.yml"):
        check(f" ./{name}\n" in names, f"the package has no {name}")
    check("root/root" in names and not any("root/root" not in line for line in names.splitlines()), "files are not root's")
    return package


def linted(package):
    if tool("lintian", "the package is not linted"):
        # Pedantic tags are matters of taste.
        said = run("lintian", "--fail-on", "error,warning,info", "--allow-root", package, limit=180)
        check(not said.strip(), f"lintian: {said}")
        print("lintian: nothing to say")


def may_overlay(place):
    if os.geteuid() != 0 or not shutil.which("unshare"):
        return False
    probe = f'mount -t tmpfs tmpfs "{place}" && mkdir {place}/u {place}/w {place}/m && ' \
            f'mount -t overlay overlay -o lowerdir=/,upperdir={place}/u,workdir={place}/w {place}/m'
    done = subprocess.run(["unshare", "-m", "--propagation", "private", "sh", "-c", probe], capture_output=True, check=False)
    return done.returncode == 0


def sections(text):
    parts = text.split("== ")[1:]
    return {name.strip(): body.strip().splitlines() for name, _, body in (p.partition("\n") for p in parts)}


def installed(package, place):
    over = pathlib.Path(tempfile.mkdtemp(prefix="overlay-", dir=place))
    if not may_overlay(over):
        skipped("no overlay may be mounted here: the package is unpacked, not installed")
        run("dpkg-deb", "-x", package, place / "unpacked")
        run(place / "unpacked/usr/bin/headroom", "--version")
        return
    done = subprocess.run(["unshare", "-m", "--propagation", "private", "sh", "-c", INSIDE, "sh", str(package), str(over)],
                          input=STEPS, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=180, check=False)
    check(done.returncode == 0, f"inside the overlay:\n{done.stdout}")
    found = sections(done.stdout)
    check("end" in found, f"not to its end:\n{done.stdout}")
    files = [f for f in found["installed"] if f.startswith("/")]
    check("/usr/bin/headroom" in files and "/etc/default/headroom" in files, f"installed: {files}")
    check(":/usr/sbin/nologin" in "".join(found["user"]), f"the user: {found['user']}")
    check(found["state"] == ["headroom headroom 750"], f"the state folder: {found['state']}")
    check(found["enabled"] == ["none"], f"enabled unasked: {found['enabled']}")
    check(found["binary"][0].startswith("headroom "), f"the binary: {found['binary']}")
    check("headroom-run" in found["man"][0] or "skipped" in found["man"][0], f"man: {found['man']}")
    check(sum("OK" in line for line in found["security"]) == 2, f"security: {found['security']}")
    check(found["verify"] == [], f"verify: {found['verify']}")
    check(found["upgrade"][-1] == 'HEADROOM_OPTIONS="--history-mib 128"', f"an upgrade wrote over a conffile: {found['upgrade']}")
    left = [f for f in found["removed"] if f.startswith("/")]
    check(left == ["/etc/default/headroom", "/etc/default/headroom-agent", "/var/lib/headroom/journal.jsonl"], f"left: {left}")
    purged = [f for f in found["purged"] if f.startswith("/")]
    check(purged == [], f"left after a purge: {purged}")
    print(f"{len(files)} files installed, used (check, man), upgraded, removed and purged; conffiles and journal as they must")


def main():
    if not tool("dpkg-deb", "no Debian package is built"):
        return
    place = folder()
    package = built(place)
    print(f"{package.name}: {package.stat().st_size / 1e6:.1f} MB")
    linted(package)
    installed(package, place)


if __name__ == "__main__":
    main()
