//! Setpoints: each rule by example. What no rule may break stands in `setpoint_laws.rs`.
#![allow(clippy::float_cmp)]

use headroom_guard::{
    Bound, Context, Envelope, Mode, Reason, Relax, SetpointState, Verdict, Watch, setpoint,
};

/// A CDU supply temperature: 0.5 K a step, 1 K in 5 min.
const SUPPLY: Envelope = Envelope {
    low: 18.0,
    high: 45.0,
    relax: Relax::Up,
    ramp_per_s: 1.0 / 300.0,
    max_step: 0.5,
    travel_per_day: 20.0,
    deadband: 0.0,
    read_back_max_age_s: 90.0,
};

/// One thing less than good.
type Change = fn(&mut Context);

const CALM: Watch = Watch { value: 60.0, trend_per_s: 0.0, hard_limit: 85.0, gain: 1.0 };

fn good(read_back: f64) -> Context {
    Context {
        dt_s: 60.0,
        mode: Mode::Active,
        read_back: Some(read_back),
        read_back_age_s: 1.0,
        floor: Bound::Free,
        ceiling: Bound::Free,
        inputs_fresh: true,
        relaxing_allowed: true,
        watch: Some(CALM),
        interlock: false,
        operator_owns: false,
    }
}

/// A state that has stood at `at` long enough to have its whole step.
fn settled(envelope: &Envelope, at: f64) -> SetpointState {
    let mut state = SetpointState::default();
    for _ in 0..4 {
        assert_eq!(setpoint(envelope, &mut state, &good(at), at), Verdict::Allow(at));
    }
    assert_eq!(state.allowance(), envelope.max_step);
    state
}

fn ask(envelope: &Envelope, context: &Context, proposed: f64) -> Verdict {
    setpoint(envelope, &mut settled(envelope, 30.0), context, proposed)
}

#[test]
fn entry_is_bumpless_and_the_ramp_is_earned() {
    let mut state = SetpointState::default();
    assert_eq!(setpoint(&SUPPLY, &mut state, &good(30.0), 31.0), Verdict::Narrow(30.0, Reason::Ramp));
    let Verdict::Narrow(out, Reason::Ramp) = setpoint(&SUPPLY, &mut state, &good(30.0), 31.0) else {
        panic!("not narrowed");
    };
    assert!((out - 30.2).abs() < 1e-12);
    // The plant does not follow: the command goes no further than a step from it.
    for _ in 0..20 {
        let _ = setpoint(&SUPPLY, &mut state, &good(30.0), 40.0);
    }
    assert_eq!(setpoint(&SUPPLY, &mut state, &good(30.0), 40.0), Verdict::Narrow(30.5, Reason::Ramp));
}

#[test]
fn what_is_on_its_way_can_be_said_again() {
    let mut state = settled(&SUPPLY, 30.0);
    assert_eq!(setpoint(&SUPPLY, &mut state, &good(30.0), 30.5), Verdict::Allow(30.5));
    assert_eq!(setpoint(&SUPPLY, &mut state, &good(30.0), 30.5), Verdict::Allow(30.5));
    // It may be anywhere between 30 and 30.5, so a step back is counted from 30.5.
    assert_eq!(setpoint(&SUPPLY, &mut state, &good(30.0), 29.0), Verdict::Narrow(30.0, Reason::Ramp));
    assert!((state.moved() - 1.0).abs() < 1e-12);
}

#[test]
fn somebody_elses_move_is_followed_not_fought() {
    let mut state = settled(&SUPPLY, 30.0);
    assert_eq!(setpoint(&SUPPLY, &mut state, &good(30.0), 30.5), Verdict::Allow(30.5));
    let Verdict::Narrow(out, Reason::Ramp) = setpoint(&SUPPLY, &mut state, &good(35.0), 30.5) else {
        panic!("not narrowed");
    };
    assert!((out - 34.8).abs() < 1e-12, "{out}");
}

#[test]
fn refusals_say_why_and_start_over() {
    let mut bad = SUPPLY;
    bad.low = 50.0;
    assert_eq!(ask_raw(&bad, &good(30.0)), Some(Reason::Envelope));
    let cases: [(Change, Reason); 12] = [
        (|c| c.interlock = true, Reason::Interlock),
        (|c| c.operator_owns = true, Reason::Operator),
        (|c| c.mode = Mode::Advisory, Reason::Mode(Mode::Advisory)),
        (|c| c.dt_s = f64::NAN, Reason::NotANumber),
        (|c| c.dt_s = f64::INFINITY, Reason::NotANumber),
        (|c| c.dt_s = -1.0, Reason::NotANumber),
        (|c| c.read_back_age_s = f64::NAN, Reason::NotANumber),
        (|c| c.read_back_age_s = -1.0, Reason::NotANumber),
        (|c| c.read_back_age_s = 90.1, Reason::ReadBackOld),
        (|c| c.read_back = None, Reason::NoReadBack),
        (|c| c.read_back = Some(f64::NAN), Reason::NoReadBack),
        (|c| c.read_back = Some(50.0), Reason::ReadBackOutside),
    ];
    for (change, reason) in cases {
        let mut context = good(30.0);
        change(&mut context);
        assert_eq!(ask_raw(&SUPPLY, &context), Some(reason));
        let mut state = settled(&SUPPLY, 30.0);
        let _ = setpoint(&SUPPLY, &mut state, &context, 30.2);
        assert_eq!(setpoint(&SUPPLY, &mut state, &good(30.0), 30.2), Verdict::Narrow(30.0, Reason::Ramp));
    }
    for proposed in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(ask(&SUPPLY, &good(30.0), proposed), Verdict::Refuse(Reason::NotANumber));
    }
    let mut edge = good(30.0);
    for age in [0.0, 90.0] {
        (edge.read_back_age_s, edge.dt_s) = (age, 0.0);
        assert_eq!(ask(&SUPPLY, &edge, 30.2), Verdict::Allow(30.2));
    }
}

fn ask_raw(envelope: &Envelope, context: &Context) -> Option<Reason> {
    let verdict = setpoint(envelope, &mut SetpointState::default(), context, 30.2);
    assert_eq!(verdict.value(), None);
    verdict.reason()
}

#[test]
fn an_envelope_must_make_sense() {
    assert!(SUPPLY.is_sound());
    let cases: [fn(&mut Envelope); 12] = [
        |e| e.low = f64::NAN,
        |e| e.low = f64::NEG_INFINITY,
        |e| e.high = f64::INFINITY,
        |e| e.high = 17.9,
        |e| e.ramp_per_s = -1.0,
        |e| e.ramp_per_s = f64::INFINITY,
        |e| e.max_step = f64::NAN,
        |e| e.travel_per_day = f64::INFINITY,
        |e| e.deadband = 0.51,
        |e| e.deadband = -0.1,
        |e| e.read_back_max_age_s = 0.0,
        |e| e.read_back_max_age_s = f64::INFINITY,
    ];
    for change in cases {
        let mut envelope = SUPPLY;
        change(&mut envelope);
        assert!(!envelope.is_sound(), "{envelope:?}");
    }
    let tight = Envelope { low: 30.0, high: 30.0, deadband: 0.5, ramp_per_s: 0.0, ..SUPPLY };
    assert!(tight.is_sound());
}

#[test]
fn the_range_is_never_left() {
    let near_top = Envelope { high: 30.2, ..SUPPLY };
    assert_eq!(ask(&near_top, &good(30.0), 33.0), Verdict::Narrow(30.2, Reason::High));
    let near_end = Envelope { low: 29.8, ..SUPPLY };
    assert_eq!(ask(&near_end, &good(30.0), 20.0), Verdict::Narrow(29.8, Reason::Low));
}

#[test]
fn in_doubt_it_may_only_hold_or_tighten() {
    let cases: [(Change, Reason); 8] = [
        (|c| c.mode = Mode::Hold, Reason::Mode(Mode::Hold)),
        (|c| c.inputs_fresh = false, Reason::InputsOld),
        (|c| c.relaxing_allowed = false, Reason::Relaxing),
        (|c| c.watch = None, Reason::HoldUnknown),
        (|c| c.watch = Some(Watch { trend_per_s: 0.5, ..CALM }), Reason::HoldUnsafe),
        (|c| c.watch = Some(Watch { value: f64::NAN, ..CALM }), Reason::HoldUnsafe),
        (|c| c.watch = Some(Watch { gain: f64::NAN, ..CALM }), Reason::HoldUnsafe),
        (|c| c.watch = Some(Watch { gain: -1.0, ..CALM }), Reason::HoldUnsafe),
    ];
    for (change, reason) in cases {
        let mut context = good(30.0);
        change(&mut context);
        assert_eq!(ask(&SUPPLY, &context, 30.3), Verdict::Narrow(30.0, reason));
        assert_eq!(ask(&SUPPLY, &context, 30.0), Verdict::Allow(30.0));
        assert_eq!(ask(&SUPPLY, &context, 29.7), Verdict::Allow(29.7));
        let flow = Envelope { relax: Relax::Down, ..SUPPLY };
        assert_eq!(ask(&flow, &context, 29.7), Verdict::Narrow(30.0, reason));
        assert_eq!(ask(&flow, &context, 30.3), Verdict::Allow(30.3));
        let neither = Envelope { relax: Relax::Both, ..SUPPLY };
        assert_eq!(ask(&neither, &context, 29.7), Verdict::Narrow(30.0, reason));
        assert_eq!(ask(&neither, &context, 30.3), Verdict::Narrow(30.0, reason));
    }
}

#[test]
fn relaxing_goes_as_far_as_a_minute_alone_allows() {
    let mut context = good(30.0);
    context.watch = Some(Watch { value: 84.0, trend_per_s: 0.01, hard_limit: 85.0, gain: 2.0 });
    assert_eq!(ask(&SUPPLY, &context, 30.5).reason(), Some(Reason::HoldUnsafe));
    assert!((ask(&SUPPLY, &context, 30.5).value().unwrap() - 30.2).abs() < 1e-9);
    let flow = Envelope { relax: Relax::Down, ..SUPPLY };
    assert!((ask(&flow, &context, 29.5).value().unwrap() - 29.8).abs() < 1e-9);
    context.watch = Some(Watch { value: 85.0, trend_per_s: -1.0, hard_limit: 85.0, gain: 0.0 });
    assert_eq!(ask(&SUPPLY, &context, 30.5), Verdict::Narrow(30.0, Reason::HoldUnsafe));
    context.watch = Some(Watch { value: 84.0, trend_per_s: -1.0, hard_limit: 85.0, gain: 0.0 });
    assert_eq!(ask(&SUPPLY, &context, 30.5), Verdict::Allow(30.5));
}

#[test]
fn floor_and_ceiling_bound_and_draw_in() {
    let mut context = good(30.0);
    (context.floor, context.ceiling) = (Bound::At(29.9), Bound::At(30.1));
    assert_eq!(ask(&SUPPLY, &context, 20.0), Verdict::Narrow(29.9, Reason::Floor));
    assert_eq!(ask(&SUPPLY, &context, 40.0), Verdict::Narrow(30.1, Reason::Ceiling));
    // Bounds outside the range change nothing.
    (context.floor, context.ceiling) = (Bound::At(3.0), Bound::At(90.0));
    assert_eq!(ask(&SUPPLY, &context, 30.4), Verdict::Allow(30.4));
    // On the edge each bound has its own name.
    (context.floor, context.ceiling) = (Bound::At(30.1), Bound::At(30.1));
    assert_eq!(ask(&SUPPLY, &context, 20.0), Verdict::Narrow(30.1, Reason::Floor));
    assert_eq!(ask(&SUPPLY, &context, 40.0), Verdict::Narrow(30.1, Reason::Ceiling));
    let narrow = Envelope { low: 29.9, high: 30.1, ..SUPPLY };
    (context.floor, context.ceiling) = (Bound::At(29.9), Bound::At(30.1));
    assert_eq!(ask(&narrow, &context, 20.0), Verdict::Narrow(29.9, Reason::Low));
    assert_eq!(ask(&narrow, &context, 40.0), Verdict::Narrow(30.1, Reason::High));
    (context.floor, context.ceiling) = (Bound::Free, Bound::At(29.9));
    assert_eq!(ask(&narrow, &context, 40.0), Verdict::Narrow(29.9, Reason::Ceiling));
    // What stands outside walks in by the ramp, whatever was proposed.
    (context.floor, context.ceiling) = (Bound::At(32.0), Bound::Free);
    assert_eq!(ask(&SUPPLY, &context, 25.0), Verdict::Narrow(30.5, Reason::Ramp));
    (context.floor, context.ceiling) = (Bound::Free, Bound::At(28.0));
    assert_eq!(ask(&SUPPLY, &context, 35.0), Verdict::Narrow(29.5, Reason::Ramp));
    // Where it may not walk, it is let go.
    (context.floor, context.ceiling) = (Bound::At(32.0), Bound::Free);
    context.inputs_fresh = false;
    assert_eq!(ask(&SUPPLY, &context, 33.0), Verdict::Refuse(Reason::InputsOld));
    let first = |envelope: &Envelope, context: &Context| {
        setpoint(envelope, &mut SetpointState::default(), context, 30.0)
    };
    assert_eq!(first(&SUPPLY, &context), Verdict::Refuse(Reason::InputsOld));
    let flow = Envelope { relax: Relax::Down, ..SUPPLY };
    (context.floor, context.ceiling) = (Bound::Free, Bound::At(28.0));
    assert_eq!(ask(&flow, &context, 25.0), Verdict::Refuse(Reason::InputsOld));
    assert_eq!(first(&flow, &context), Verdict::Refuse(Reason::InputsOld));
    // Without doubt the first call waits for its ramp.
    context.inputs_fresh = true;
    assert_eq!(first(&flow, &context), Verdict::Narrow(30.0, Reason::Ramp));
}

#[test]
fn unknown_bounds_are_not_approached() {
    for unknown in [Bound::Unknown, Bound::At(f64::NAN), Bound::At(f64::INFINITY)] {
        let mut context = good(30.0);
        context.floor = unknown;
        assert_eq!(ask(&SUPPLY, &context, 29.8), Verdict::Narrow(30.0, Reason::FloorUnknown));
        assert_eq!(ask(&SUPPLY, &context, 30.2), Verdict::Allow(30.2));
        let mut context = good(30.0);
        context.ceiling = unknown;
        assert_eq!(ask(&SUPPLY, &context, 29.8), Verdict::Allow(29.8));
        assert_eq!(ask(&SUPPLY, &context, 30.2), Verdict::Narrow(30.0, Reason::CeilingUnknown));
    }
}

#[test]
fn contradictions_end_at_the_floor_inside_the_range() {
    let mut context = good(30.0);
    (context.floor, context.ceiling) = (Bound::At(30.2), Bound::At(29.8));
    for proposed in [20.0, 30.0, 40.0] {
        assert_eq!(ask(&SUPPLY, &context, proposed), Verdict::Narrow(30.2, Reason::Contradiction));
    }
    let narrow = Envelope { low: 29.9, high: 30.1, ..SUPPLY };
    (context.floor, context.ceiling) = (Bound::At(31.0), Bound::Free);
    assert_eq!(ask(&narrow, &context, 30.0), Verdict::Narrow(30.1, Reason::Contradiction));
    (context.floor, context.ceiling) = (Bound::Free, Bound::At(20.0));
    assert_eq!(ask(&narrow, &context, 30.0), Verdict::Narrow(29.9, Reason::Contradiction));
}

#[test]
fn small_changes_wait() {
    let wide = Envelope { deadband: 0.3, ..SUPPLY };
    assert_eq!(ask(&wide, &good(30.0), 30.29), Verdict::Narrow(30.0, Reason::Deadband));
    assert_eq!(ask(&wide, &good(30.0), 29.71), Verdict::Narrow(30.0, Reason::Deadband));
    assert_eq!(ask(&wide, &good(30.0), 30.31), Verdict::Allow(30.31));
    // On its way to 30.5 it is not called back to where it has come by now.
    let mut state = settled(&wide, 30.0);
    assert_eq!(setpoint(&wide, &mut state, &good(30.0), 30.5), Verdict::Allow(30.5));
    assert_eq!(setpoint(&wide, &mut state, &good(30.4), 30.5), Verdict::Allow(30.5));
    assert_eq!(setpoint(&wide, &mut state, &good(30.45), 30.4), Verdict::Narrow(30.5, Reason::Deadband));
    let exact = Envelope { deadband: 0.25, ..SUPPLY };
    assert_eq!(ask(&exact, &good(30.0), 30.25), Verdict::Allow(30.25));
    // What stands on a bound stands inside it.
    for (floor, ceiling, proposed) in
        [(Bound::At(30.0), Bound::Free, 30.1), (Bound::Free, Bound::At(30.0), 29.9)]
    {
        let mut context = good(30.0);
        (context.floor, context.ceiling) = (floor, ceiling);
        assert_eq!(ask(&wide, &context, proposed), Verdict::Narrow(30.0, Reason::Deadband));
    }
    // A floor is not a small change.
    let mut context = good(30.0);
    context.floor = Bound::At(30.1);
    assert_eq!(ask(&wide, &context, 30.0), Verdict::Narrow(30.1, Reason::Floor));
}

#[test]
fn a_day_of_movement_ends_relaxing_not_tightening() {
    let lazy = Envelope { travel_per_day: 0.7, ..SUPPLY };
    for (relax, away) in [(Relax::Up, 1.0), (Relax::Down, -1.0)] {
        let lazy = Envelope { relax, ..lazy };
        let mut state = settled(&lazy, 30.0);
        let first = 30.0 + 0.5 * away;
        assert_eq!(setpoint(&lazy, &mut state, &good(30.0), first), Verdict::Allow(first));
        let mut next = good(first);
        next.dt_s = 600.0;
        let verdict = setpoint(&lazy, &mut state, &next, first + 0.5 * away);
        assert_eq!(verdict.reason(), Some(Reason::Travel));
        assert!((verdict.value().unwrap() - (30.0 + 0.7 * away)).abs() < 1e-9);
        let at = verdict.value().unwrap();
        let back = at - 0.3 * away;
        next.read_back = Some(at);
        assert_eq!(setpoint(&lazy, &mut state, &next, back), Verdict::Allow(back));
        next.read_back = Some(back);
        assert_eq!(setpoint(&lazy, &mut state, &next, at), Verdict::Narrow(back, Reason::Travel));
        // Still used up after 23 hours, free again after 25.
        next.dt_s = 3600.0;
        for _ in 0..23 {
            assert_eq!(setpoint(&lazy, &mut state, &next, at), Verdict::Narrow(back, Reason::Travel));
        }
        for _ in 0..2 {
            let _ = setpoint(&lazy, &mut state, &next, back);
        }
        assert_eq!(setpoint(&lazy, &mut state, &next, at), Verdict::Allow(at));
    }
}

#[test]
fn wear_gives_way_to_the_bounds_of_the_moment() {
    let lazy = Envelope { travel_per_day: 0.5, ..SUPPLY };
    let mut state = settled(&lazy, 30.0);
    assert_eq!(setpoint(&lazy, &mut state, &good(30.0), 30.5), Verdict::Allow(30.5));
    let mut context = good(30.5);
    context.dt_s = 600.0;
    assert_eq!(setpoint(&lazy, &mut state, &context, 30.8), Verdict::Narrow(30.5, Reason::Travel));
    context.floor = Bound::At(30.8);
    assert_eq!(setpoint(&lazy, &mut state, &context, 30.5), Verdict::Narrow(30.8, Reason::Floor));
}

#[test]
fn the_day_turns_by_the_hour() {
    for (dt_s, calls_a_day) in [(3600.0, 24), (600.0, 149)] {
        let mut state = settled(&SUPPLY, 30.0);
        let mut context = good(30.0);
        // The settling took four minutes: complete the hour.
        context.dt_s = 3600.0 - 240.0;
        let _ = setpoint(&SUPPLY, &mut state, &context, 30.5);
        assert_eq!(state.moved(), 0.5);
        (context.dt_s, context.read_back) = (dt_s, Some(30.5));
        for call in 0..calls_a_day {
            let _ = setpoint(&SUPPLY, &mut state, &context, 30.5);
            assert_eq!(state.moved(), 0.5, "{call}");
        }
        let _ = setpoint(&SUPPLY, &mut state, &context, 30.5);
        assert_eq!(state.moved(), 0.0);
    }
}

#[test]
fn a_time_that_is_none_turns_nothing() {
    for dt_s in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1e9] {
        let mut state = settled(&SUPPLY, 30.0);
        let _ = setpoint(&SUPPLY, &mut state, &good(30.0), 30.5);
        let mut context = good(30.5);
        context.dt_s = dt_s;
        assert_eq!(setpoint(&SUPPLY, &mut state, &context, 30.5), Verdict::Refuse(Reason::NotANumber));
        assert_eq!(state.moved(), 0.5);
    }
}

#[test]
fn the_ramp_is_spent_by_falls_as_by_rises() {
    for moved in [30.4, 29.6] {
        let mut state = settled(&SUPPLY, 30.0);
        let _ = setpoint(&SUPPLY, &mut state, &good(moved), moved);
        assert!((state.allowance() - 0.3).abs() < 1e-9);
    }
}

#[test]
fn a_long_silence_clears_the_day() {
    let mut state = settled(&SUPPLY, 30.0);
    let _ = setpoint(&SUPPLY, &mut state, &good(30.0), 30.5);
    assert_eq!(state.moved(), 0.5);
    let mut late = good(30.5);
    late.dt_s = 1e7;
    let _ = setpoint(&SUPPLY, &mut state, &late, 30.5);
    assert_eq!(state.moved(), 0.0);
    let _ = setpoint(&SUPPLY, &mut state, &good(30.5), 30.9);
    late.dt_s = 3500.0;
    let _ = setpoint(&SUPPLY, &mut state, &late, 30.9);
    assert!(state.moved() > 0.39);
}
