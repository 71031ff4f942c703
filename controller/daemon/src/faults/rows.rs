//! The failure table: what can fail, how soon it is to be noticed, and where that is tested.
//!
//! Responsible for: the thirty-three rows. Not for: how a fault is put into a plant ([`super::kinds`]).

use super::kinds;
use std::fmt;

/// How soon a fault is to be noticed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Limit {
    /// As the table says it.
    pub(super) words: &'static str,
    /// The same in seconds of a plant that is looked at once a second; none where the table states none.
    pub(super) seconds: Option<f64>,
}

/// The next sample of a sensor, whenever that comes.
pub(super) const ONE_SAMPLE: &str = "1 sample";

/// A test of the repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Test {
    pub(super) file: &'static str,
    pub(super) name: &'static str,
}

/// A row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub(super) id: u8,
    pub(super) fault: &'static str,
    pub(super) limit: Limit,
    /// Tests beside this campaign.
    pub(super) tests: &'static [Test],
    /// What is not tested anywhere, and why.
    pub(super) gap: Option<&'static str>,
}

impl Row {
    /// The row of an id.
    pub(super) fn find(id: u8) -> Option<&'static Self> {
        ROWS.iter().find(|row| row.id == id)
    }

    /// Rows that are put into virtual time.
    pub(super) fn here() -> impl Iterator<Item = &'static Self> {
        ROWS.iter().filter(|row| kinds::of_row(row.id).next().is_some())
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>2} {}", self.id, self.fault)
    }
}

const fn limit(words: &'static str, seconds: f64) -> Limit {
    Limit { words, seconds: Some(seconds) }
}

const fn test(file: &'static str, name: &'static str) -> Test {
    Test { file, name }
}

const fn row(id: u8, fault: &'static str, limit: Limit, tests: &'static [Test]) -> Row {
    Row { id, fault, limit, tests, gap: None }
}

const fn but(row: Row, gap: &'static str) -> Row {
    Row { gap: Some(gap), ..row }
}

const MODBUS: &str = "drivers/src/modbus/tests/conformance.rs";
const KILL: &str = "controller/daemon/tests/command/kill.rs";
const LADDER: &str = "controller/daemon/tests/command/ladder.rs";
const CRASH: &str = "controller/daemon/src/agent/tests/crash/mod.rs";
const LEASE: &str = "controller/guard/tests/lease.rs";
const JOURNAL: &str = "controller/daemon/src/journal.rs";
const AGENT_LEASE: &str = "controller/daemon/src/agent/tests/lease.rs";
const CLIENT: &str = "drivers/src/mqtt/client/tests/conformance.rs";

/// The table.
pub(super) const ROWS: [Row; 33] = [
    row(1, "sensor stuck", limit("60 s", 60.0), &[]),
    row(2, "NaN, infinite, out of range", limit(ONE_SAMPLE, 2.0), &[]),
    row(3, "bias or drift", limit("15 min", 900.0), &[]),
    row(4, "late, missing", limit("10 s", 10.0), &[]),
    row(5, "out of order, duplicate", limit("1 message", 2.0), &[]),
    row(6, "source clock step or skew", limit("1 message", 2.0), &[]),
    row(7, "our own clock jumps", limit("1 tick", 2.0), &[]),
    row(8, "Modbus exception", limit("1 poll", 5.0), &[test(MODBUS, "every_exception")]),
    but(
        row(
            9,
            "Modbus time-out",
            limit("2 s", 2.0),
            &[test(MODBUS, "libmodbus_is_slow_and_late"), test(MODBUS, "an_answer_that_comes_twice")],
        ),
        "transactions are the driver's; here a device is silent behind its gateway",
    ),
    but(
        row(
            10,
            "half-open TCP",
            limit("2 s", 2.0),
            &[
                test(CLIENT, "a_silent_broker_is_found_by_keep_alive"),
                test("drivers/src/mqtt/client/tests.rs", "nobody_there_never_blocks"),
            ],
        ),
        "sockets are the driver's",
    ),
    row(
        11,
        "wrong word order, scale, address",
        limit("1 poll", 5.0),
        &[
            test(MODBUS, "pymodbus_writes_words_in_four_orders"),
            test("controller/daemon/tests/command/identify.rs", "swapped_points_are_refused"),
        ],
    ),
    row(
        12,
        "write accepted but not applied, or clamped",
        limit("3 s", 3.0),
        &[test(LADDER, "what_ignores_is_held_and_let_go_and_a_trip_lets_go_at_once")],
    ),
    but(
        row(
            13,
            "partial multi-register write",
            limit("1 tick", 2.0),
            &[test(
                "drivers/src/modbus/tests/writing.rs",
                "the_timer_is_written_before_the_setpoint_each_time",
            )],
        ),
        "a cut at each request is not tried: the timer goes first, so what is left ends by itself",
    ),
    row(14, "broker down", limit("3 s", 3.0), &[test(KILL, "a_dead_broker_costs_nothing_but_time")]),
    row(
        15,
        "broker slow or overloaded",
        limit("2 s", 2.0),
        &[test(
            "controller/daemon/tests/command/ingest.rs",
            "through_a_real_broker_nothing_is_lost_and_its_age_is_known",
        )],
    ),
    row(
        16,
        "stale, queued or replayed command",
        limit("1 message", 2.0),
        &[test(LEASE, "stale_duplicate_replayed_commands_are_never_accepted")],
    ),
    row(
        17,
        "agent crash, hang",
        limit("3 s", 3.0),
        &[
            test(CRASH, "no_cap_is_orphaned"),
            test(KILL, "a_dead_agent_started_again_knows_what_its_first_life_found"),
        ],
    ),
    row(
        18,
        "controller crash",
        limit("30 s, by the BMS", 30.0),
        &[test(KILL, "a_dead_controller_leaves_limits_and_cooling_as_they_were_without_it")],
    ),
    row(19, "controller hang, slow tick", limit("30 s, by the BMS", 30.0), &[]),
    but(
        row(20, "guard crash", limit("2 s", 2.0), &[]),
        "the guard is a library of the controller and of each agent: rows 17 and 18 are its crash",
    ),
    row(
        21,
        "two controllers",
        limit("1 message", 2.0),
        &[test(LEASE, "the_deposed_never_writes_after_its_successor")],
    ),
    but(
        row(22, "two guards", limit("1 poll", 5.0), &[]),
        "there is one guard in each controller: row 21; a second writer on a device's wire is not tried",
    ),
    row(23, "disk full, EIO, fsync error", limit("1 write", 11.0), &[]),
    row(
        24,
        "journal torn or altered",
        limit("start", 0.0),
        &[test(JOURNAL, "goes_on_after_a_torn_line"), test(JOURNAL, "every_changed_byte_shows")],
    ),
    row(
        25,
        "policy file bad",
        limit("load", 1.0),
        &[
            test("policies/tests/mistakes.rs", "never_panics_on_a_bent_policy"),
            test("policies/tests/mistakes.rs", "all_findings_in_one_run_in_order"),
        ],
    ),
    row(26, "operator override at the BMS", limit("1 poll", 5.0), &[]),
    row(27, "communication loss to the BMS", limit("10 s", 10.0), &[]),
    row(
        28,
        "GPU off the bus",
        limit("2 s", 2.0),
        &[test("controller/daemon/tests/command/agent/mod.rs", "a_hung_driver_does_not_keep_it_from_ending")],
    ),
    row(
        29,
        "power-limit set refused or reset",
        limit("1 report", 2.0),
        &[
            test(AGENT_LEASE, "a_cap_that_somebody_lifts_is_set_again_while_the_lease_holds"),
            test(AGENT_LEASE, "what_is_not_in_force_is_not_called_applied"),
        ],
    ),
    row(30, "partition of any subset", limit("10 s", 10.0), &[]),
    row(31, "malicious publisher", limit("1 message", 2.0), &[]),
    row(
        32,
        "flood, duplicate client id",
        limit("5 s", 5.0),
        &[test("drivers/src/mqtt/agents.rs", "two_agents_under_one_name_are_named_and_a_restart_is_not")],
    ),
    row(33, "all agents return at once", Limit { words: "-", seconds: None }, &[]),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn every_row_is_tested_somewhere_or_says_why_not() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        for (k, row) in ROWS.iter().enumerate() {
            assert_eq!(usize::from(row.id), k + 1);
            for test in row.tests {
                let text = std::fs::read_to_string(root.join(test.file)).unwrap_or_default();
                assert!(
                    text.contains(&format!("fn {}(", test.name)),
                    "row {row}: no `{}` in {}",
                    test.name,
                    test.file
                );
            }
            let here = kinds::of_row(row.id).next().is_some();
            assert!(here || !row.tests.is_empty() || row.gap.is_some(), "row {row} is tested nowhere");
        }
    }
}
