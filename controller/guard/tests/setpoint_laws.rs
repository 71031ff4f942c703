//! Setpoints: what holds whatever the plant, the proposals and the data do.
#![allow(clippy::float_cmp)]

use headroom_guard::{Bound, Context, Envelope, Mode, Relax, SetpointState, Verdict, Watch, setpoint};
use proptest::prelude::*;

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        8 => 0.0..60.0f64,
        1 => prop_oneof![Just(f64::NAN), Just(f64::INFINITY), Just(f64::NEG_INFINITY), Just(1e300)],
    ]
}

fn bound() -> impl Strategy<Value = Bound> {
    prop_oneof![3 => Just(Bound::Free), 3 => number().prop_map(Bound::At), 1 => Just(Bound::Unknown)]
}

fn envelope() -> impl Strategy<Value = Envelope> {
    let relax = prop_oneof![Just(Relax::Up), Just(Relax::Down), Just(Relax::Both)];
    (relax, 5.0..30.0f64, 0.0..30.0f64, 0.0..0.1f64, 0.0..3.0f64, 0.0..30.0f64, 0.0..1.0f64).prop_map(
        |(relax, low, span, ramp_per_s, max_step, travel_per_day, band)| Envelope {
            low,
            high: low + span,
            relax,
            ramp_per_s,
            max_step,
            travel_per_day,
            deadband: band * max_step,
            read_back_max_age_s: 90.0,
        },
    )
}

prop_compose! {
    fn context()(
        dt_s in prop_oneof![9 => 0.0..120.0f64, 1 => number()],
        mode in prop_oneof![6 => Just(Mode::Active), 1 => Just(Mode::Hold), 1 => Just(Mode::Shadow)],
        floor in bound(), ceiling in bound(),
        flags in prop::array::uniform4(0u8..12),
        age in prop_oneof![9 => 0.0..80.0f64, 1 => 80.0..100.0f64],
        watch in prop::option::weighted(0.9, (40.0..90.0f64, -0.3..0.3f64, 0.0..3.0f64)),
    ) -> Context {
        Context {
            dt_s, mode, floor, ceiling, read_back: None, read_back_age_s: age,
            inputs_fresh: flags[0] > 0, relaxing_allowed: flags[1] > 0,
            interlock: flags[2] == 0, operator_owns: flags[3] == 0,
            watch: watch.map(|(value, trend_per_s, gain)| Watch { value, trend_per_s, hard_limit: 85.0, gain }),
        }
    }
}

/// One plant and what is asked of it: contexts, proposals, and how much of a command the plant takes up.
fn story() -> impl Strategy<Value = (Envelope, f64, Vec<(Context, f64, f64)>)> {
    let step = (context(), number(), prop_oneof![Just(1.0), 0.0..1.0f64]);
    (envelope(), 0.0..1.0f64, prop::collection::vec(step, 1..40))
        .prop_map(|(e, at, steps)| (e, e.low + at * (e.high - e.low), steps))
}

/// By how much `out` gives more cooling away than `from`; for `Both` any distance counts.
fn relaxed(relax: Relax, from: f64, out: f64) -> f64 {
    match relax {
        Relax::Up => out - from,
        Relax::Down => from - out,
        Relax::Both => (out - from).abs(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens((envelope, start, steps) in story()) {
        let mut state = SetpointState::default();
        let (mut at, mut time, mut walked, mut sent) = (start, 0.0, 0.0, None);
        for (mut context, proposed, taken) in steps {
            context.read_back = Some(at);
            let verdict = setpoint(&envelope, &mut state, &context, proposed);
            if context.dt_s.is_finite() { time += context.dt_s.max(0.0); }
            prop_assert!(state.moved().is_finite());
            let Some(out) = verdict.value() else { sent = None; continue };
            // Inside the range, within the step from what stands, and never a non-number.
            prop_assert!(proposed.is_finite() && envelope.low <= out && out <= envelope.high);
            prop_assert!((out - at).abs() <= state.allowance() + 1e-9);
            prop_assert!(state.allowance() <= envelope.max_step);
            if matches!(verdict, Verdict::Allow(_)) { prop_assert_eq!(out, proposed); }
            // In doubt never more relaxed than what stands.
            let calm = context.watch.is_some_and(|w| w.room().is_some());
            let sure = calm && context.inputs_fresh && context.relaxing_allowed && context.mode == Mode::Active;
            if !sure { prop_assert!(relaxed(envelope.relax, at, out) <= 1e-12); }
            // Hold-safe for a minute, wherever it relaxes.
            if relaxed(envelope.relax, at, out) > 0.0 {
                let watch = context.watch.unwrap();
                let end = watch.value + watch.trend_per_s.max(0.0) * 60.0
                    + watch.gain * relaxed(envelope.relax, at, out);
                prop_assert!(end <= watch.hard_limit + 1e-9);
            }
            // Between what stands (or is on its way) and what was proposed, unless drawn to a bound of the moment.
            let known = |bound| matches!(bound, Bound::At(v) if v.is_finite());
            if !known(context.floor) && !known(context.ceiling) {
                let (inside, sent) = (proposed.clamp(envelope.low, envelope.high), sent.unwrap_or(at));
                prop_assert!(out >= at.min(inside).min(sent) - 1e-9 && out <= at.max(inside).max(sent) + 1e-9);
            }
            sent = Some(out);
            walked += (at - out).abs() * taken;
            at += (out - at) * taken;
        }
        // Over any story the plant moved no more than the ramp and one step.
        prop_assert!(walked <= envelope.max_step + envelope.ramp_per_s * time + 1e-6);
    }

    #[test]
    fn knowing_less_never_permits_more((envelope, start, steps) in story(), which in 0usize..9) {
        let mut state = SetpointState::default();
        let (mut at, mut sent) = (start, start);
        for (mut context, proposed, taken) in steps {
            context.read_back = Some(at);
            let mut poorer = context;
            match which {
                0 => poorer.inputs_fresh = false,
                1 => poorer.watch = None,
                2 => poorer.relaxing_allowed = false,
                3 => poorer.mode = Mode::Hold,
                4 => poorer.read_back = None,
                5 => poorer.read_back_age_s += 50.0,
                6 => if let Some(watch) = &mut poorer.watch { watch.value += 5.0 },
                7 => if let Some(watch) = &mut poorer.watch { watch.trend_per_s = f64::NAN },
                _ => if let Some(watch) = &mut poorer.watch { watch.gain += 1.0 },
            }
            if context.mode == Mode::Shadow { poorer.mode = Mode::Shadow; }
            let less = setpoint(&envelope, &mut state.clone(), &poorer, proposed).value();
            let full = setpoint(&envelope, &mut state, &context, proposed).value();
            if let Some(less) = less {
                prop_assert!(full.is_some());
                let full = full.unwrap();
                let (less, full) = (relaxed(envelope.relax, at, less), relaxed(envelope.relax, at, full));
                // Where both directions relax, staying on the way to what was sent before is no further than before.
                let before = if envelope.relax == Relax::Both { (sent - at).abs() } else { 0.0 };
                prop_assert!(less <= full.max(before) + 1e-9, "{less} {full}");
            }
            sent = full.unwrap_or(at);
            at += (sent - at) * taken;
        }
    }

    #[test]
    fn a_known_floor_and_ceiling_hold_or_draw_in((envelope, start, steps) in story()) {
        let mut state = SetpointState::default();
        let mut at = start;
        for (mut context, proposed, taken) in steps {
            context.read_back = Some(at);
            let Some(out) = setpoint(&envelope, &mut state, &context, proposed).value() else { continue };
            let value = |bound| match bound { Bound::At(v) if v.is_finite() => Some(v), _ => None };
            let floor = value(context.floor).map_or(envelope.low, |f| f.clamp(envelope.low, envelope.high));
            prop_assert!(out >= floor || out >= at - 1e-12, "{out} under {floor}, from {at}");
            let ceiling = value(context.ceiling).map_or(envelope.high, |c| c.clamp(floor, envelope.high.max(floor)));
            prop_assert!(out <= ceiling.max(floor) + 1e-12 || out <= at + 1e-12, "{out} over {ceiling}, from {at}");
            if context.floor == Bound::Unknown { prop_assert!(out >= at - 1e-12); }
            if context.ceiling == Bound::Unknown { prop_assert!(out <= at + 1e-12); }
            at += (out - at) * taken;
        }
    }

    #[test]
    fn a_day_holds_its_movement(seed in prop::collection::vec(0.0..60.0f64, 200..400), travel in 0.0..10.0f64) {
        // Both directions relax, so nothing may exceed the budget in any 24 hours.
        let envelope = Envelope {
            low: 18.0, high: 45.0, relax: Relax::Both, ramp_per_s: 1.0 / 300.0, max_step: 0.5, travel_per_day: travel,
            deadband: 0.0, read_back_max_age_s: 90.0,
        };
        let mut state = SetpointState::default();
        let (mut at, mut log) = (30.0, Vec::new());
        for proposed in seed {
            let context = Context {
                dt_s: 900.0, mode: Mode::Active, read_back: Some(at), read_back_age_s: 1.0, floor: Bound::Free,
                ceiling: Bound::Free, inputs_fresh: true, relaxing_allowed: true, interlock: false, operator_owns: false,
                watch: Some(Watch { value: 60.0, trend_per_s: 0.0, hard_limit: 85.0, gain: 1.0 }),
            };
            let out = setpoint(&envelope, &mut state, &context, proposed).value().unwrap();
            log.push((out - at).abs());
            at = out;
        }
        for day in log.windows(96) {
            prop_assert!(day.iter().sum::<f64>() <= travel + 1e-9);
        }
    }
}
