"""The OCI image: built without a network, unpacked, and run as it would be.

Holds: it is one layer with the binary and no shell, of a user that is not root; its root file system, mounted read-only, in
namespaces of its own and with nothing but /proc, /dev/null and an empty /tmp beside it, runs `headroom demo` to its score as that user;
the library of the harness loads, as the driver's would. Containers are not started by a runtime: few test machines let one.
"""

import json
import os
import shutil
import subprocess
import tarfile

from common import PACKAGING, binary, check, folder, run, skipped, tool

# $1 is the root, the rest is run in it.
INSIDE = r"""
set -eu
root=$1; shift
mount --rbind "$root" "$root"
mount -o remount,bind,ro "$root"
mount -t tmpfs tmpfs "$root/tmp"
mount -t proc proc "$root/proc"
mount -t tmpfs tmpfs "$root/dev"
touch "$root/dev/null"
mount --bind /dev/null "$root/dev/null"
if command -v ip >/dev/null; then ip link set lo up; fi
exec chroot --userspec=65532:65532 "$root" "$@"
"""


def archive(place):
    """The archive's configuration and its root, unpacked; or None."""
    if not (shutil.which("buildah") or shutil.which("podman")):
        skipped("neither buildah nor podman: the image is not built, its files are laid out only")
        return None
    store = f"--storage-driver vfs --root {place}/store --runroot {place}/running"
    out = place / "headroom.tar"
    # A build in a machine without rights of its own may fail for reasons that are not the image's.
    done = subprocess.run([PACKAGING / "oci/build", binary(), out, "headroom:test"], env={**os.environ, "OCI_STORE": store},
                          capture_output=True, text=True, timeout=120, check=False)
    refused = any(word in done.stderr.lower() for word in ("not permitted", "permission denied", "no space left", "unshare"))
    if done.returncode != 0 and (os.geteuid() != 0 or refused):
        skipped(f"no image can be built here: {done.stderr[-200:]}")
        return None
    check(done.returncode == 0, f"packaging/oci/build: {done.stderr[-2000:]}")
    with tarfile.open(out) as tar:
        def blob(digest):
            return tar.extractfile("blobs/" + digest.replace(":", "/"))
        manifest = json.load(blob(json.load(tar.extractfile("index.json"))["manifests"][0]["digest"]))
        config = json.load(blob(manifest["config"]["digest"]))
        check(len(manifest["layers"]) == 1, f"{len(manifest['layers'])} layers")
        root = place / "unpacked"
        root.mkdir()
        with tarfile.open(fileobj=blob(manifest["layers"][0]["digest"]), mode="r:*") as layer:
            names = layer.getnames()
            layer.extractall(root, **({"filter": "tar"} if hasattr(tarfile, "tar_filter") else {}))
    size = out.stat().st_size / 1e6
    return config["config"], root, names, size


def laid_out(place):
    run(PACKAGING / "oci/rootfs", binary(), place / "rootfs")
    return place / "rootfs"


def may_unshare():
    return os.geteuid() == 0 and shutil.which("unshare") and subprocess.run(
        ["unshare", "-m", "-p", "--fork", "true"], capture_output=True, check=False).returncode == 0


def main():
    if not tool("ldd", "no image is laid out"):
        return
    place = folder()
    built = archive(place)
    if built:
        config, root, names, size = built
        check(config["User"] == "65532:65532" and config["Entrypoint"] == ["/usr/bin/headroom"], f"{config}")
        check(not any(name.endswith(("/sh", "/bash", "/apt", "/ls")) for name in names), "a shell in the image")
        print(f"an image of one layer, {size:.1f} MB, user {config['User']}")
    else:
        root = laid_out(place)
    if not may_unshare():
        skipped("no namespaces may be made here: the image's files are not run")
        return
    namespaces = ["-m", "-p", "--fork", "--propagation", "private"]
    if shutil.which("ip"):
        namespaces.append("-n")
    inside = ["unshare", *namespaces, "sh", "-c", INSIDE, "sh", root, "/usr/bin/headroom"]
    version = run(*inside, "--version")
    check(version == run(binary(), "--version"), f"another version: {version}")
    demo = run(*inside, "demo", "--gpus", "256", "--hours", "0.02", "--speed", "max", env={"PATH": os.environ["PATH"]})
    check("facility energy" in demo and "5 processes" in demo, f"the demo in the image: {demo[-2000:]}")
    print("as 65532, read-only, beside /proc and /tmp alone: the demo runs to its score")


if __name__ == "__main__":
    main()
