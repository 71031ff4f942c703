"""The RPM package: built, installed below a folder, its binary run, removed.

Its scripts are not run: they want the system around them. Holds: what is installed is what the Debian package has; the
options are kept by an upgrade; nothing is left but those.
"""

import os

from common import PACKAGING, binary, check, folder, run, tool


def main():
    if not (tool("rpmbuild", "no RPM package is built") and tool("rpm", "no RPM package is built")):
        return
    place = folder()
    run(PACKAGING / "rpm/build", binary(), place / "out", env={**os.environ, "RPM_PAYLOAD": "w1.gzdio"})
    package = next((place / "out").rglob("headroom-*.rpm"))
    config = run("rpm", "-qp", "--configfiles", package).split()
    check(config == ["/etc/default/headroom", "/etc/default/headroom-agent"], f"configuration: {config}")
    root = place / "root"
    there = ["rpm", "--root", root, "--dbpath", "/var/lib/rpm", "--nodeps", "--noscripts"]
    root.mkdir()
    run(*there, "-i", package)
    check(run(root / "usr/bin/headroom", "--version").startswith("headroom "), "the installed binary does not run")
    check((root / "usr/share/zsh/site-functions/_headroom").is_file(), "no completions for zsh")
    (root / "etc/default/headroom").write_text('HEADROOM_OPTIONS="--history-mib 128"\n')
    run(*there, "-U", "--force", package)
    check("128" in (root / "etc/default/headroom").read_text(), "an upgrade wrote over the options")
    run(*there, "-e", "headroom")
    left = sorted(str(f.relative_to(root)) for f in root.rglob("*") if f.is_file() and "lib/rpm" not in str(f))
    check(all(f.startswith("etc/default/headroom") for f in left), f"left: {left}")
    print(f"{package.name}: {package.stat().st_size / 1e6:.1f} MB, installed, upgraded and removed; left: {left}")


if __name__ == "__main__":
    main()
