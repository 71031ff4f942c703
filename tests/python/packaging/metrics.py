"""Rules, dashboards and the book beside the real /metrics of a demo.

Holds: promtool takes rules and their tests; each alert says what to do and is tested both ways; every metric and label
that a rule or a dashboard names is in the table of book/src/metrics.md (which a test of the daemon holds to the code);
the page passes promtool, and shows nothing that the table lacks; a real Prometheus scrapes it, and every query answers.
"""

import json
import re
import subprocess
import urllib.parse

from common import PACKAGING, ROOT, binary, check, folder, free_port, get, process, run, tool, until

import yaml

PROMETHEUS = PACKAGING / "prometheus"
RULES = PROMETHEUS / "headroom.rules.yml"
PRIORITY = {"critical": "high", "warning": "medium", "info": "low"}
# Labels that come with a scrape, from Prometheus, or from an exporter beside us.
OUTSIDE = {"instance", "job", "exported_job", "alertname", "alertstate", "hpc_job", "UUID"}
# Dashboards' own variables, and what Prometheus gets in their place.
VARIABLES = {"$instance": ".*", "$__rate_interval": "1m"}
# These answer only where there is something to tell: nothing is at fault in the demo, its policy limits no ramp, no
# exporter stands beside it, and an hour ahead is foreseen only after a while.
RARE = {"headroom_die_headroom_seconds", "headroom_gpu_warned_seconds", "headroom_flow_unmetered_cubic_meters_per_second",
        "headroom_point_implausible", "headroom_health_finding", "headroom_site_may_draw_watts",
        "headroom_place_headroom_seconds", "headroom_clock_fault", 'horizon="3600"', "DCGM_", "ALERTS"}


def families():
    """Labels by sample name, from the book."""
    table = (ROOT / "book/src/metrics.md").read_text().split("<!-- families -->")[1].split("<!-- /families -->")[0]
    rows = re.findall(r"^\| `(headroom_\w+)` \| (\w+) \| \w* \| ([^|]*) \|", table, re.M)
    return {name: set(re.findall(r"`(\w+)`", labels)) for name, _, labels in rows}


def named(expr, book, where):
    """Every metric of an expression is in the book, and so is every label; the metrics."""
    text = re.sub(r'"(?:[^"\\]|\\.)*"', '""', expr)
    metrics = set(re.findall(r"(?<![\w:])headroom_\w+", text))
    for metric in metrics:
        check(metric in book, f"{where}: {metric} is not in the book\n{expr}")
    labels = set(re.findall(r'(\w+)\s*(?:=~|!~|!=|=)\s*""', text))
    for group in re.findall(r"(?:by|on|ignoring|without|group_left|group_right)\s*\(([^)]*)\)", text):
        labels |= set(re.findall(r"\w+", group))
    recorded = set(re.findall(r"\binstance\w*:headroom_\w+:\w+", text))
    known = set(OUTSIDE).union(*(book[m] for m in metrics)) if not recorded else labels
    check(labels <= known, f"{where}: labels {sorted(labels - known)} are on none of its metrics\n{expr}")
    return metrics


def queries():
    """(dashboard, panel, expression, legend) of every query."""
    for path in sorted((PACKAGING / "grafana").glob("*.json")):
        board = json.loads(path.read_text())
        check(board["uid"] == path.stem, f"{path.name}: its uid is {board['uid']}")
        ids = [p["id"] for p in board["panels"]]
        check(len(ids) == len(set(ids)), f"{path.name}: two panels have one id")
        for panel in board["panels"]:
            for target in panel.get("targets", []):
                yield path.name, panel["title"], target["expr"], target["legendFormat"]


def filled(expr):
    for variable, value in VARIABLES.items():
        expr = expr.replace(variable, value)
    check("$" not in re.sub(r'"\$\d"', "", expr), f"a variable that is not known: {expr}")
    return expr


def rules(book):
    groups = yaml.safe_load(RULES.read_text())["groups"]
    tests = yaml.safe_load((PROMETHEUS / "headroom.rules.test.yml").read_text())["tests"]
    shown = [(t["promql_expr_test"][0]["expr"], bool(t["promql_expr_test"][0]["exp_samples"])) for t in tests]
    alerts = 0
    for rule in (rule for group in groups for rule in group["rules"]):
        name = rule.get("alert") or rule["record"]
        named(rule["expr"], book, name)
        if "alert" not in rule:
            continue
        alerts += 1
        labels, notes = rule["labels"], rule["annotations"]
        check(PRIORITY.get(labels["severity"]) == labels["priority"], f"{name}: {labels}")
        check({"summary", "description", "action"} <= set(notes) and all(notes.values()), f"{name} says too little")
        told = {comes for expr, comes in shown if f'"{name}"' in expr}
        check(told == {True, False}, f"{name}: tested only for {told}")
    print(f"{alerts} alerts, each with a priority, an action and a test both ways")


def dashboards(book, place):
    all_queries = list(queries())
    for board, panel, expr, legend in all_queries:
        metrics = named(expr, book, f"{board}, {panel}")
        labels = set(re.findall(r"{{(\w+)}}", legend))
        known = OUTSIDE.union(*(book[m] for m in metrics))
        check(labels <= known, f"{board}, {panel}: its legend names {sorted(labels - known)}")
    as_rules = [{"record": f"query:n{n}", "expr": filled(q[2])} for n, q in enumerate(all_queries)]
    (place / "queries.yml").write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": as_rules}]}))
    if tool("promtool", "rules and queries are not parsed"):
        run("promtool", "check", "rules", RULES)
        run("promtool", "test", "rules", PROMETHEUS / "headroom.rules.test.yml")
        run("promtool", "check", "rules", place / "queries.yml")
    print(f"{len(all_queries)} queries of dashboards name only metrics and labels that there are")
    return all_queries


def page(text, book):
    """Nothing on the page that the book lacks."""
    seen = {}
    for name, labels in re.findall(r"^(headroom_\w+)(?:\{(.*)\})? ", text, re.M):
        seen.setdefault(name, set()).update(re.findall(r'(\w+)="', re.sub(r'="(?:[^"\\]|\\.)*"', '="', labels)))
    for name, labels in seen.items():
        check(labels == book.get(name), f"the page has {name}{sorted(labels)}, the book {book.get(name)}")
    print(f"{len(seen)} of {len(book)} families on the page of a demo, each as in the book")


def asks(url, expr):
    answer = json.loads(get(f"{url}/api/v1/query?" + urllib.parse.urlencode({"query": expr})) or "{}")
    check(answer.get("status") == "success", f"{expr}: {answer}")
    return answer["data"]["result"]


def scraped(target, all_queries, place):
    """A real Prometheus beside the demo."""
    if not tool("prometheus", "nothing is scraped"):
        return
    config = yaml.safe_load((PROMETHEUS / "scrape.yml").read_text())
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config["rule_files"] = [str(RULES)]
    job = config["scrape_configs"][0]
    job["scrape_interval"] = "1s"
    job["static_configs"] = [{"targets": [target.removeprefix("http://").rstrip("/")]}]
    (place / "prometheus.yml").write_text(yaml.safe_dump(config))
    url = f"http://127.0.0.1:{free_port()}"
    with process("prometheus", f"--config.file={place}/prometheus.yml", f"--storage.tsdb.path={place}/data",
                 f"--web.listen-address={url.removeprefix('http://')}", log=place / "prometheus.log"):
        until("Prometheus is ready", lambda: get(f"{url}/-/ready"))
        until("six scrapes", lambda: asks(url, "count_over_time(headroom_ticks_total[1m]) >= 6"), 40)
        groups = json.loads(get(f"{url}/api/v1/rules"))["data"]["groups"]
        bad = [r for g in groups for r in g["rules"] if r["health"] != "ok"]
        check(not bad, f"rules that Prometheus cannot evaluate: {bad}")
        # Minutes of the plant are seconds here, so alerts with a delay may only be pending.
        firing = {r["labels"]["alertname"] for r in asks(url, 'ALERTS{alertstate="firing"}')}
        check(not firing, f"in a demo that is well these fire: {firing}")
        empty = []
        for board, panel, expr, _ in all_queries:
            if not asks(url, filled(expr)) and not any(word in expr for word in RARE):
                empty.append(f"{board}, {panel}: {expr}")
        check(not empty, "queries without an answer:\n" + "\n".join(empty))
    print(f"{sum(len(g['rules']) for g in groups)} rules evaluated and {len(all_queries)} queries answered by Prometheus")


def main():
    book, place = families(), folder()
    check(len(book) > 50, f"the table of the book has {len(book)} rows")
    rules(book)
    all_queries = dashboards(book, place)
    demo = [binary(), "demo", "--gpus", "256", "--hours", "4", "--speed", "60", "--out", place / "out"]
    log = place / "demo.log"
    with process(*demo, log=log) as running:
        def address():
            check(running.poll() is None, f"the demo ended: {log.read_text()}")
            return re.search(r"http://127\.0\.0\.1:\d+/", log.read_text())
        url = until("the demo says where it is seen", address)[0]
        plain = until("the demo has its first jobs", lambda: (t := get(url + "metrics")) and "headroom_pue" in t
                      and "headroom_job_time_to" in t and "headroom_meter_lag" in t and t, 60)
        open_metrics = get(url + "metrics", "application/openmetrics-text")
        check(open_metrics.endswith("# EOF\n") and "# UNIT" in open_metrics, "no OpenMetrics for whoever asks for it")
        check("# EOF" not in plain and "# UNIT" not in plain, "the plain page is none")
        page(plain, book)
        if tool("promtool", "the page is not linted"):
            said = lint(plain)
            check(not said, f"promtool check metrics: {said}")
            print("promtool check metrics: nothing to say")
        scraped(url, all_queries, place)


def lint(text):
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=30,
                          check=False)
    return (done.stdout + done.stderr).strip()


if __name__ == "__main__":
    main()
