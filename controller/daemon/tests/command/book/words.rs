//! What is changed of a command that is shown, so that it runs here and ends soon; and which do not run here, and why.

/// What is done with a command.
pub(super) enum How {
    /// It runs and ends with 0, with these changes of its text.
    Runs(&'static [(&'static str, &'static str)]),
    /// The same, and 1 is as good: it says that something was found.
    Finds(&'static [(&'static str, &'static str)]),
    /// It runs until it is ended.
    Stands(&'static [(&'static str, &'static str)]),
    /// Another test runs it: its file and its name.
    Test(&'static str, &'static str),
    /// It does not run here, for this reason.
    Not(&'static str),
}
use How::{Finds, Not, Runs, Stands, Test};

const PACKAGING: &str = "tests/tests/packaging.rs";
const DEVICE: &str = "tests/tests/book_modbus.rs";
const AVAILABILITY: How = Test(
    "controller/daemon/tests/command/availability/mod.rs",
    "one_controller_goes_on_whatever_becomes_of_the_other_through_nats",
);
const BACKTEST: How = Test(
    "controller/daemon/tests/command/backtest.rs",
    "evidence_lets_a_group_command_and_without_it_only_advises",
);

/// The first whose beginning fits counts.
pub(super) const WORDS: &[(&str, How)] = &[
    // Of README, and what is long.
    (
        "cargo run --release -- demo",
        Test("controller/daemon/tests/command/demo.rs", "a_short_demo_scores_and_leaves_nothing"),
    ),
    ("tests/run", Not("it is what runs this test")),
    ("headroom score --all --seeds 1..3 --step \"10 s\" --out out", Runs(BOARD)),
    ("headroom score --all --seeds 1..3 --step \"10 s\" --markdown", Runs(BOARD)),
    ("headroom score --all --seeds 1,2", Runs(BOARD)),
    ("headroom score --all --strategies", Runs(BOARD)),
    (
        "headroom score --step-test",
        Finds(&[("--step-test", "--step-test --hours 0.25 --step \"10 s\""), ("--gpus 192", "--gpus 64")]),
    ),
    ("headroom score --scenario chiller-trip --hours 2", Runs(&[("--hours 2", "--hours 0.05 --gpus 64")])),
    ("cargo run --release -- score --hours 2", Runs(&[("--hours 2", "--hours 0.05 --gpus 64")])),
    ("headroom score --compare", Runs(&[("out/score.json", "before/score.json")])),
    ("headroom score --scenario quiet --gpus 64", BACKTEST),
    ("headroom identify learn/", BACKTEST),
    ("headroom backtest", BACKTEST),
    ("headroom run --site site.toml --policy careful.toml", BACKTEST),
    ("headroom score --scenario thursday.toml", Runs(&[("--gpus 256", "--gpus 256 --hours 0.05")])),
    ("headroom bench truth --gpus", Runs(&[("1000,10000,100000", "1000")])),
    ("headroom bench truth", Runs(&[("truth", "truth --gpus 1000")])),
    ("headroom faults --pairs", Finds(&[("100000", "12"), ("7576", "12")])),
    ("headroom faults --runs 4000", Finds(&[("4000", "12")])),
    ("headroom faults --rows", Finds(&[("3000", "12")])),
    ("headroom faults --list", Runs(&[])),
    ("headroom faults --only", Finds(&[])),
    ("headroom faults", Finds(&[("faults", "faults --runs 33")])),
    ("headroom calibrate --data DIR", Runs(&[("--data DIR ", "")])),
    ("headroom run --site site.toml --policy balanced --state a", AVAILABILITY),
    ("headroom run --site site.toml --policy balanced --state b", AVAILABILITY),
    ("headroom status --url http://127.0.0.1:9465", AVAILABILITY),
    // Until it is ended.
    ("headroom run --site book/examples", Test(DEVICE, "the_plant_obeys_and_lets_go")),
    (
        "headroom run",
        Stands(&[("--record seen.csv", "--record now.csv"), ("/var/lib/headroom/run.tape", "again.tape")]),
    ),
    ("headroom agent", Stands(&[])),
    ("headroom points --watch", Stands(&[])),
    ("headroom top --once", Runs(&[])),
    (
        "headroom top",
        Test(
            "controller/daemon/tests/command/top.rs",
            "it_shows_what_the_daemon_says_and_what_it_no_longer_says",
        ),
    ),
    ("headroom tap", Runs(&[("--for 30s", "--for 3s")])),
    ("headroom timeline", Runs(&[])),
    ("headroom points --bad", Finds(&[])),
    ("headroom discover dsx mqtt://bms", Runs(&[("--out site.toml", "--seconds 3 --out found.toml")])),
    ("headroom discover dsx", Runs(&[("--seconds 120", "--seconds 3"), ("site.toml", "again.toml")])),
    ("headroom discover modbus", Runs(&[("--to 200", "--to 40")])),
    // Beside a device of one's own.
    ("python3 -m pip", Not("tests/run installs it")),
    ("python3 book/examples/modbus-chiller/plant.py", Test(DEVICE, "the_plant_obeys_and_lets_go")),
    // Of packages.
    ("packaging/deb/build", Test(PACKAGING, "the_deb_is_installed_used_and_removed")),
    ("packaging/rpm/build", Test(PACKAGING, "the_rpm_is_installed_and_removed")),
    ("packaging/oci/build", Test(PACKAGING, "the_image_runs_the_demo")),
    ("packaging/brokers/certificates", Test(PACKAGING, "brokers_let_a_node_be_itself_only")),
    ("apt install", Not("it would install on this machine")),
    ("systemctl", Not("it would start a service of this machine")),
    ("podman", Not("the image's own test runs it by buildah, without a service")),
    ("helm install", Not("it wants a cluster; the chart's test renders it")),
    ("duckdb", Not("somebody else's program; pyarrow reads the same files in a test")),
    ("HEADROOM_", Not("a long measurement, by hand; shorter in a test of the same name")),
    ("tests/fuzz/run", Not("it wants a C++ compiler and minutes; its corpus runs in `decoders`")),
];

/// A scoreboard of a few minutes.
const BOARD: &[(&str, &str)] = &[
    ("--all", "--scenario quiet --hours 0.05"),
    ("1..3", "1"),
    ("1,2", "1"),
    ("--gpus 192", "--gpus 64"),
    ("book/src/scoreboard.md", "scoreboard.md"),
];
