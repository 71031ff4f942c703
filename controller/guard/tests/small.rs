//! Modes (every transition), the agent's own checks, the hold-safe rule, and the words.
#![allow(clippy::float_cmp)]

use std::collections::BTreeSet;

use headroom_guard::{
    CapLimits, Clock, Grounds, HOLD_S, LockLimits, Mode, Reason, Verdict, Watch, cap, hold_safe, lock,
    transition,
};
use proptest::prelude::*;

const MODES: [Mode; 6] = [Mode::Off, Mode::Fallback, Mode::Shadow, Mode::Advisory, Mode::Hold, Mode::Active];

fn grounds(n: u8) -> Grounds {
    Grounds { evidence: n & 1 != 0, operator: n & 2 != 0 }
}

#[test]
fn every_transition() {
    // Rows: from; columns: to, in the order of MODES. '.' always, 'e' either ground, 'b' both, 'x' never.
    let table = ["..eexx", "..eexx", "...exx", "....xb", ".....e", "......"];
    for (from, row) in MODES.into_iter().zip(table) {
        for (to, rule) in MODES.into_iter().zip(row.chars()) {
            for n in 0..4 {
                let allowed = match rule {
                    '.' => true,
                    'e' => n > 0,
                    'b' => n == 3,
                    _ => false,
                };
                let got = transition(from, to, grounds(n));
                assert_eq!(got.is_ok(), allowed, "{from} to {to} with {n}");
                match got {
                    Ok(mode) => assert_eq!(mode, to),
                    Err(reason) if rule == 'x' => assert_eq!(reason, Reason::Mode(from)),
                    Err(reason) => assert_eq!(reason, Reason::Grounds),
                }
            }
        }
    }
    assert_eq!(Mode::default(), Mode::Off);
}

#[test]
fn who_may_write() {
    for mode in MODES {
        assert_eq!(mode.may_write(), mode == Mode::Active || mode == Mode::Hold);
        assert_eq!(mode.may_relax(), mode == Mode::Active);
    }
    let names: Vec<String> = MODES.iter().map(Mode::to_string).collect();
    assert_eq!(names, ["off", "fallback", "shadow", "advisory", "hold", "active"]);
}

const LIMITS: CapLimits = CapLimits { min_w: 200.0, max_w: 700.0, max_rise_w: 100.0 };

#[test]
fn one_cap() {
    let cases = [
        (300.0, 250.0, Verdict::Allow(250.0)),
        (300.0, 200.0, Verdict::Allow(200.0)),
        (300.0, 400.0, Verdict::Allow(400.0)),
        (300.0, 401.0, Verdict::Narrow(400.0, Reason::Ramp)),
        (300.0, 900.0, Verdict::Narrow(400.0, Reason::Ramp)),
        (650.0, 900.0, Verdict::Narrow(700.0, Reason::High)),
        (600.0, 700.0, Verdict::Allow(700.0)),
        (600.0, 701.0, Verdict::Narrow(700.0, Reason::High)),
        (700.0, 199.0, Verdict::Narrow(200.0, Reason::Low)),
        (50.0, 300.0, Verdict::Narrow(200.0, Reason::Ramp)),
    ];
    for (applied, requested, verdict) in cases {
        assert_eq!(cap(&LIMITS, Some(applied), requested), verdict);
    }
    for odd in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(cap(&LIMITS, Some(300.0), odd), Verdict::Refuse(Reason::NotANumber));
        assert_eq!(cap(&LIMITS, Some(odd), 300.0), Verdict::Refuse(Reason::NoReadBack));
        for broken in [
            CapLimits { min_w: odd, ..LIMITS },
            CapLimits { max_w: odd, ..LIMITS },
            CapLimits { max_rise_w: odd, ..LIMITS },
        ] {
            assert_eq!(cap(&broken, Some(300.0), 300.0), Verdict::Refuse(Reason::NotANumber));
        }
    }
    assert_eq!(cap(&LIMITS, None, 300.0), Verdict::Refuse(Reason::NoReadBack));
    for broken in [
        CapLimits { min_w: 701.0, ..LIMITS },
        CapLimits { min_w: -1.0, ..LIMITS },
        CapLimits { max_rise_w: -1.0, ..LIMITS },
    ] {
        assert_eq!(cap(&broken, Some(300.0), 300.0), Verdict::Refuse(Reason::Envelope));
    }
    let fixed = CapLimits { min_w: 0.0, max_w: 0.0, max_rise_w: 0.0 };
    assert_eq!(cap(&fixed, Some(0.0), 0.0), Verdict::Allow(0.0));
}

#[test]
fn one_lock() {
    let limits = LockLimits { min_mhz: 600, max_mhz: 1980 };
    let clock = |low_mhz, high_mhz| Clock { low_mhz, high_mhz };
    assert_eq!(lock(&limits, clock(600, 1980)), Verdict::Allow(clock(600, 1980)));
    assert_eq!(lock(&limits, clock(1500, 1500)), Verdict::Allow(clock(1500, 1500)));
    assert_eq!(lock(&limits, clock(210, 1500)), Verdict::Narrow(clock(600, 1500), Reason::Low));
    assert_eq!(lock(&limits, clock(210, 1980)), Verdict::Narrow(clock(600, 1980), Reason::Low));
    assert_eq!(lock(&limits, clock(210, 300)), Verdict::Narrow(clock(600, 600), Reason::Low));
    assert_eq!(lock(&limits, clock(210, 2100)), Verdict::Narrow(clock(600, 1980), Reason::High));
    assert_eq!(lock(&limits, clock(2000, 2100)), Verdict::Narrow(clock(1980, 1980), Reason::High));
    assert_eq!(lock(&limits, clock(1501, 1500)), Verdict::Refuse(Reason::Envelope));
    let broken = LockLimits { min_mhz: 1981, max_mhz: 1980 };
    assert_eq!(lock(&broken, clock(1500, 1500)), Verdict::Refuse(Reason::Envelope));
    let fixed = LockLimits { min_mhz: 900, max_mhz: 900 };
    assert_eq!(lock(&fixed, clock(900, 900)), Verdict::Allow(clock(900, 900)));
}

#[test]
fn a_minute_alone() {
    assert!(hold_safe(0.1, 79.0, 85.0, 60.0));
    assert!(!hold_safe(0.1, 79.1, 85.0, 60.0));
    assert!(hold_safe(0.0, 85.0, 85.0, 60.0));
    // A fall is not counted on.
    assert!(!hold_safe(-1.0, 85.1, 85.0, 60.0));
    assert!(hold_safe(9.0, 85.0, 85.0, 0.0));
    assert!(!hold_safe(0.0, 60.0, 85.0, -1.0));
    for odd in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert!(!hold_safe(odd, 60.0, 85.0, 60.0));
        assert!(!hold_safe(0.0, odd, 85.0, 60.0));
        assert!(!hold_safe(0.0, 60.0, odd, 60.0));
        assert!(!hold_safe(0.0, 60.0, 85.0, odd));
    }
    let watch = Watch { value: 80.0, trend_per_s: 0.05, hard_limit: 85.0, gain: 2.0 };
    assert_eq!(watch.room(), Some(1.0));
    assert_eq!(Watch { gain: 0.0, ..watch }.room(), Some(f64::INFINITY));
    assert_eq!(Watch { value: 82.0, gain: 0.0, ..watch }.room(), Some(0.0));
    assert_eq!(Watch { value: 82.1, ..watch }.room(), None);
    assert_eq!(Watch { gain: -0.1, ..watch }.room(), None);
    assert_eq!(Watch { gain: f64::INFINITY, ..watch }.room(), None);
    assert_eq!(HOLD_S, 60.0);
}

#[test]
fn every_reason_speaks_for_itself() {
    let all = [
        Reason::NotANumber,
        Reason::Envelope,
        Reason::Interlock,
        Reason::Operator,
        Reason::Mode(Mode::Hold),
        Reason::Grounds,
        Reason::NoReadBack,
        Reason::ReadBackOld,
        Reason::ReadBackOutside,
        Reason::Low,
        Reason::High,
        Reason::Floor,
        Reason::Ceiling,
        Reason::FloorUnknown,
        Reason::CeilingUnknown,
        Reason::Contradiction,
        Reason::Ramp,
        Reason::Travel,
        Reason::Deadband,
        Reason::InputsOld,
        Reason::Relaxing,
        Reason::HoldUnknown,
        Reason::HoldUnsafe,
        Reason::Budget,
        Reason::NotYetFree,
        Reason::Shape,
    ];
    let words: BTreeSet<String> = all.iter().map(Reason::to_string).collect();
    assert_eq!(words.len(), all.len());
    assert!(words.iter().all(|text| text.len() > 15));
    assert!(words.contains("mode hold does not allow it"));
}

#[test]
fn verdicts_open() {
    assert_eq!((Verdict::Allow(1.0).value(), Verdict::Allow(1.0).reason()), (Some(1.0), None));
    let narrow = Verdict::Narrow(1.0, Reason::High);
    assert_eq!((narrow.value(), narrow.reason()), (Some(1.0), Some(Reason::High)));
    let refuse: Verdict = Verdict::Refuse(Reason::Low);
    assert_eq!((refuse.value(), refuse.reason()), (None, Some(Reason::Low)));
}

fn any_f64() -> impl Strategy<Value = f64> {
    prop_oneof![4 => 0.0..1000.0f64, 1 => any::<f64>()]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_cap_stays_in_range_and_never_exceeds_what_was_asked(
        min_w in any_f64(), max_w in any_f64(), max_rise_w in any_f64(), applied in any_f64(), asked in any_f64(),
    ) {
        let limits = CapLimits { min_w, max_w, max_rise_w };
        let verdict = cap(&limits, Some(applied), asked);
        if let Some(out) = verdict.value() {
            prop_assert!(asked.is_finite() && applied.is_finite());
            prop_assert!(min_w <= out && out <= max_w && out <= asked.max(min_w));
            prop_assert!(out <= (applied + max_rise_w).max(min_w));
        }
        prop_assert_eq!(cap(&limits, None, asked).value(), None);
    }

    #[test]
    fn worse_is_never_safe_where_better_is_not(
        trend in -1.0..1.0f64, value in 0.0..120.0f64, limit in 0.0..120.0f64, more in 0.0..5.0f64,
    ) {
        if !hold_safe(trend, value, limit, HOLD_S) {
            prop_assert!(!hold_safe(trend + more, value, limit, HOLD_S));
            prop_assert!(!hold_safe(trend, value + more, limit, HOLD_S));
            prop_assert!(!hold_safe(trend, value, limit - more, HOLD_S));
            prop_assert!(!hold_safe(trend, value, limit, HOLD_S + more));
        }
    }
}
