//! Jobs that an inference engine serves, nodes that are read from a page: what they get, and each way to say it wrong.

use super::{GOOD, findings};
use crate::file::read_site;
use crate::model::{EngineQuantity, Source};
use std::path::Path;

const SERVED: &str = r#"
[[prometheus]]
id = "chat-0"
url = "http://127.0.0.1:8000/metrics"
engine = "vllm"
poll = "60 s"
[[prometheus]]
id = "chat-1"
url = "http://127.0.0.1:8001/metrics"
engine = "tgi"
[[job]]
id = "chat"
kind = "serving"
served-by = ["chat-0", "chat-1"]
labels = { model_name = "llama" }
[[job]]
id = "code"
kind = "serving"
served-by = ["chat-0"]
labels = { model_name = "coder" }
"#;

#[test]
fn a_job_gets_the_points_of_its_pages() {
    let text = format!("{GOOD}{SERVED}");
    let site = read_site("site.toml", &text, Path::new(".")).map_err(|f| format!("{f:#?}")).unwrap();
    let of = |job: &str| site.points.iter().filter(|p| p.of == job).count();
    // TGI keeps no time to first token: four points fewer.
    assert_eq!((of("chat"), of("code")), (12 + 8, 12));
    let tokens: Vec<_> = site.jobs[1].tokens.iter().map(|p| site.points[p.index()].id.as_str()).collect();
    assert_eq!(tokens, ["chat/chat-0/generation-tokens", "chat/chat-1/generation-tokens"]);
    let p95 = site.point("code/chat-0/time-to-first-token-p95").map(|p| &site.points[p.index()]).unwrap();
    let Source::Engine { page: 0, quantity, labels } = &p95.source else { panic!("{p95:?}") };
    assert_eq!((quantity, labels["model_name"].as_str()), (&EngineQuantity::ALL[5], "coder"));
    assert_eq!((p95.unit.symbol, p95.counter), ("s", false));
    assert!(p95.stale_after.s() > 179.0, "three readings of the page: {:?}", p95.stale_after);
}

#[test]
fn each_mistake_is_found_at_its_line() {
    let cases = [
        ("engine = \"vllm\"", "engine = \"vlm\"", "unknown inference engine", "did you mean `vllm`", "vlm"),
        ("engine = \"vllm\"\n", "", "does not say whose it is", "vllm, sglang, tgi, triton", "\"chat-1\"]"),
        ("\"chat-1\"]", "\"chat-2\"]", "unknown prometheus page", "did you mean", "\"chat-2\"]"),
        ("\"chat-1\"]", "\"chat-0\"]", "named twice", "once", "served-by"),
        (
            "labels = { model_name = \"coder\" }\n",
            "",
            "serves another job as well",
            "labels =",
            "[\"chat-0\"]",
        ),
        ("served-by = [\"chat-0\"]\n", "", "select nothing", "served-by", "coder"),
        (
            "kind = \"serving\"\nserved-by = [\"chat-0\"]",
            "kind = \"training\"\nserved-by = [\"chat-0\"]",
            "serves no training job",
            "tokens",
            "[\"chat-0\"]",
        ),
    ];
    for (from, to, what, remedy, at) in cases {
        let text = format!("{GOOD}{SERVED}").replacen(from, to, 1);
        let found = findings(&text);
        let hit =
            found.iter().find(|f| f.what.contains(what)).unwrap_or_else(|| panic!("{what}: {found:#?}"));
        assert!(hit.remedy.contains(remedy), "{hit:#?}");
        let line = text.lines().nth(hit.line - 1).unwrap();
        assert!(line.contains(at), "{what}: `{line}`");
    }
}

const PAGED: &str = "\n[[dcgm]]\nid = \"page\"\nurl = \"http://127.0.0.1:9400/metrics\"\npoll = \"2 s\"\n";

#[test]
fn a_node_that_is_read_from_a_page_is_read_only_and_heard_for_two_collections() {
    let text =
        format!("{GOOD}{PAGED}").replacen("sku = \"H100-SXM\"\n", "sku = \"H100-SXM\"\ndcgm = \"page\"\n", 1);
    let site = read_site("site.toml", &text, Path::new(".")).map_err(|f| format!("{f:#?}")).unwrap();
    assert!(site.nodes[0].read_only());
    assert!((site.heard_for(&site.nodes[0]).s() - 64.0).abs() < 1e-9);
    let agent = crate::model::Node { dcgm: None, ..site.nodes[0].clone() };
    assert!((site.heard_for(&agent).s() - 5.0).abs() < 1e-9);
    let cases = [
        ("dcgm = \"page\"", "dcgm = \"pgae\"", "unknown dcgm page", "did you mean"),
        ("dcgm = \"page\"\n", "", "no node is read from dcgm page `page`", "dcgm = \"page\""),
        ("poll = \"2 s\"", "poll = \"60 s\"", "less often than it is collected", "shorter"),
        ("poll = \"2 s\"", "collect = \"0 s\"", "`dcgm.collect` is zero", "above zero"),
    ];
    for (from, to, what, remedy) in cases {
        let found = findings(&text.replacen(from, to, 1));
        let hit =
            found.iter().find(|f| f.what.contains(what)).unwrap_or_else(|| panic!("{what}: {found:#?}"));
        assert!(hit.remedy.contains(remedy), "{hit:#?}");
    }
}
