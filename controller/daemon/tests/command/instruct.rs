//! What operators say: over the pages with tokens, on the host by the verb; carried out over DSX, kept over a `kill -9`, on tape.

use crate::common::ear::Ear;
use crate::common::{Party, Plant, Recipe, operators, turn, until};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(90);
/// The pressure of the CDU: what it is called, where the BMS says what is in force, and what that is without us.
const DP: &str = "CDU-01/differential-pressure";
const FINAL: &str = "hall-1/CDU-01/dp/finalSetpoint";
const OWN_KPA: f64 = 90.0;
/// How far it is accepted.
const ACCEPTED_KPA: f64 = 84.0;
const KIM: &str = "the token of kim";
const WALL: &str = "the token of a screen";
/// Everything is advised; what an operator accepts is commanded for an hour at most.
const POLICY: &str = "format = 1\nname = \"asks\"\n[mode]\ndefault = \"advisory\"\n[operator]\naccept = \"1 h\"\n\
                      [objective]\nelectricity = \"0.12 EUR/kWh\"\n";

struct Scene {
    plant: Plant,
    state: PathBuf,
    ear: Ear,
    policy: PathBuf,
    more: String,
}

impl Scene {
    fn start() -> Self {
        let plant = Plant::start("instruct", &Recipe::default());
        let state = PathBuf::from(&plant.controller_option("--state").unwrap()[1]);
        let ear = Ear::on(&plant.broker(), &["BMS/v1/#"]);
        let (policy, file) = (plant.place.join("policy.toml"), plant.place.join("operators.toml"));
        std::fs::write(&policy, POLICY).unwrap();
        std::fs::write(&file, operators(&[("kim", "operator", KIM), ("wall", "viewer", WALL)])).unwrap();
        let more =
            format!("--operators {} --tape {}", file.display(), plant.place.join("run.tape").display());
        Self { plant, state, ear, policy, more }
    }

    fn controller(&self) -> Party {
        let _ = std::fs::remove_file(self.state.join("http.addr"));
        self.plant.controller_under_with(&self.policy, &self.more)
    }

    fn address(&self) -> String {
        std::fs::read_to_string(self.state.join("http.addr")).unwrap_or_default().trim().to_owned()
    }

    /// Code and body of an answer.
    fn http(&self, method: &str, path: &str, token: Option<&str>, body: &str) -> Option<(u16, String)> {
        let address = self.address();
        let mut stream = TcpStream::connect(&address).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let token = token.map_or(String::new(), |t| format!("authorization: Bearer {t}\r\n"));
        let head = format!("{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{token}");
        write!(stream, "{head}content-length: {}\r\n\r\n{body}", body.len()).unwrap();
        let mut all = String::new();
        stream.read_to_string(&mut all).ok()?;
        let (head, body) = all.split_once("\r\n\r\n")?;
        Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
    }

    fn say(&self, token: Option<&str>, body: &Value) -> (u16, String) {
        self.http("POST", "/instructions", token, &body.to_string()).unwrap()
    }

    /// The row of the pressure.
    fn row(&self) -> Option<Value> {
        let (_, body) = self.http("GET", "/status", None, "")?;
        let status: Value = serde_json::from_str(&body).ok()?;
        status["actuators"].as_array()?.iter().find(|a| a["id"] == DP).cloned()
    }

    fn row_is(&self, is: impl Fn(&Value) -> bool) -> bool {
        self.row().is_some_and(|row| is(&row))
    }

    fn in_force(&self) -> f64 {
        self.ear.value(FINAL).and_then(|said| said.value).unwrap_or(OWN_KPA)
    }

    fn headroom(&self, words: &[&str]) -> (Option<i32>, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_headroom")).args(words).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        (output.status.code(), text + &String::from_utf8_lossy(&output.stderr))
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn operators_accept_hold_and_take_back() {
    let _turn = turn();
    let s = Scene::start();
    let (_agents, mut controller) = (s.plant.agents(), s.controller());
    until(SOON, "less pressure is advised", || {
        s.row_is(|row| row["goal"].as_f64().is_some_and(|goal| goal < ACCEPTED_KPA))
    });
    refusals_say_why(&s);
    suppositions_are_answered(&s);
    assert!((s.in_force() - OWN_KPA).abs() < 0.1, "nothing was accepted: {}", s.in_force());

    let accept = json!({ "actuator": DP, "word": "accept", "value": ACCEPTED_KPA, "why": "as discussed" });
    assert_eq!(s.say(Some(KIM), &accept).0, 200);
    until(SOON, "it is commanded", || s.in_force() < OWN_KPA - 1.0);
    assert!(s.row_is(|row| row["mode"] == "active" && row["instruction"]["by"] == "kim"));
    until(2 * SOON, "it goes as far as was accepted", || s.in_force() < ACCEPTED_KPA + 0.6);
    s.plant.pass(240.0);
    assert!(s.in_force() > ACCEPTED_KPA - 0.1, "and no further: {}", s.in_force());
    let status: Value = serde_json::from_str(&s.http("GET", "/status", None, "").unwrap().1).unwrap();
    let active = status["actuators"].as_array().unwrap().iter().filter(|a| a["mode"] == "active");
    assert_eq!(active.count(), 1, "it alone");

    // A hold in a group that only advises is nothing that is commanded: the plant has its own again.
    let state = text(&s.state);
    let (code, said) = s.headroom(&["instruct", DP, "hold", "--why", "a leak", "--state", state]);
    assert!(code == Some(0) && said.contains("held") && said.contains("a leak"), "{said}");
    until(SOON, "the plant has its own", || (s.in_force() - OWN_KPA).abs() < 0.1);

    controller.kill();
    let mut again = s.controller();
    until(SOON, "what was said outlives the controller", || {
        s.row_is(|row| {
            row["instruction"]["word"] == "hold" && row["why"].as_str().unwrap().contains("holds it")
        })
    });
    let (code, said) = s.headroom(&["instruct", DP, "auto", "--state", state]);
    assert!(code == Some(0) && said.contains("automatic again"), "{said}");
    until(SOON, "advice goes on", || s.row_is(|row| row["why"].as_str().unwrap().starts_with("relax")));
    everything_is_on_record(&s);
    assert!(again.terminate().success(), "{}", again.text());
    every_decision_comes_again(&s);
}

fn refusals_say_why(s: &Scene) {
    let hold = json!({ "actuator": DP, "word": "hold" });
    let mut far = json!({ "actuator": DP, "word": "accept", "value": 4000.0 });
    for (token, body, code, why) in [
        (None, &hold, 401, "no token, or nobody's"),
        (Some("guessed"), &hold, 401, "no token, or nobody's"),
        (Some(WALL), &hold, 403, "wall may only look"),
        (Some(KIM), &json!({ "actuator": "nix", "word": "hold" }), 404, "no setpoint is called `nix`"),
        (Some(KIM), &json!({ "actuator": DP, "word": "accept" }), 400, "how far may it go?"),
        (Some(KIM), &far, 400, "outside of what the policy allows"),
        (Some(KIM), &json!({ "actuator": DP, "word": "shout" }), 400, "unknown variant"),
        (Some(KIM), &json!({ "actuator": DP, "word": "hold", "for_s": 1e300 }), 400, "for_s"),
    ] {
        let (got, said) = s.say(token, body);
        assert!(got == code && said.contains(why), "{body}: {got} {said}");
    }
    far["why"] = "x".repeat(100_000).into();
    assert_eq!(s.say(Some(KIM), &far).0, 413);
    assert!(!s.state.join("instructions.jsonl").exists(), "nothing was taken");
    let (code, said) = s.headroom(&["instruct", "nix", "hold", "--state", text(&s.state)]);
    assert!(code == Some(1) && said.contains(DP), "{said}");
    let (code, said) = s.headroom(&["check", text(&s.plant.place.join("operators.toml"))]);
    assert_eq!(code, Some(0), "{said}");
}

fn suppositions_are_answered(s: &Scene) {
    let url = format!("http://{}", s.address());
    let ask = |words: &[&str]| {
        let (code, said) = s.headroom(&[&["what-if"], words, &["--url", &url, "--format", "json"]].concat());
        assert_eq!(code, Some(0), "{words:?}: {said}");
        serde_json::from_str::<Value>(&said).unwrap()
    };
    let less = ask(&["setpoint", DP, "-10"]);
    let [before, after] = ["before_k", "after_k"].map(|k| less["full_load"][k].as_f64().unwrap());
    assert!(after < before && less["gpus"].as_u64().unwrap() > 0, "{less}");
    assert!(less["facility_most_w"].as_f64().unwrap() < 0.0 && less["currency"] == "EUR", "{less}");
    let same = ask(&["setpoint", DP, &OWN_KPA.to_string()]);
    assert!(
        (same["full_load"]["after_k"].as_f64().unwrap() - same["full_load"]["before_k"].as_f64().unwrap())
            .abs()
            < 0.2
    );
    let lost = ask(&["lose-pump", "CDU-01", "--pumps", "3"]);
    let of = |answer: &Value| answer["full_load"]["after_k"].as_f64().unwrap();
    assert!(of(&lost) < of(&less), "a third of the flow is more than a few kPa: {lost}");
    let cut = ask(&["cut", "20"]);
    let branch = &cut["branch"];
    let [now, then] = ["now_w", "then_w"].map(|k| branch[k].as_f64().unwrap());
    assert!(
        then <= 0.81 * now && then > 0.6 * now && !branch["jobs"].as_array().unwrap().is_empty(),
        "{cut}"
    );
    for (words, why) in [
        (
            vec!["setpoint", "CDU-01/diferential-pressure", "80"],
            "did you mean `CDU-01/differential-pressure`",
        ),
        (vec!["setpoint", DP, "4000"], "the site file allows"),
        (vec!["lose-pump", "FWS"], "ask for that instead"),
        (vec!["cut", "120"], "above 0 and below 100"),
    ] {
        let (code, said) = s.headroom(&[&["what-if"], words.as_slice(), &["--url", &url]].concat());
        assert!(code == Some(1) && said.contains(why), "{words:?}: {said}");
    }
}

fn everything_is_on_record(s: &Scene) {
    let (_, body) = s.http("GET", "/instructions", None, "").unwrap();
    let page: Value = serde_json::from_str(&body).unwrap();
    let words: Vec<&str> =
        page["said"].as_array().unwrap().iter().map(|said| said["word"].as_str().unwrap()).collect();
    assert_eq!((words, &page["takes"]), (vec!["auto", "hold", "accept"], &json!(true)));
    let file = s.state.join("instructions.jsonl");
    let (code, said) = s.headroom(&["verify", text(&file)]);
    assert!(code == Some(0) && said.contains("3 records follow"), "{said}");
}

fn every_decision_comes_again(s: &Scene) {
    let (tape, site) = (s.plant.place.join("run.tape"), s.plant.site_path());
    let words = ["replay", text(&tape), "--site", text(&site), "--policy", text(&s.policy)];
    let (code, said) = s.headroom(&words);
    assert!(code == Some(0) && said.contains("each bit for bit as it was"), "{said}");
}
