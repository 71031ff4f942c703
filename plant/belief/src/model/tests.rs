//! The model's file, its check, and its filter.

use super::*;
use crate::dice::Dice;

/// One output that follows one setpoint with a gain and a pole, and heat at once.
fn model(gain: f64, pole: f64) -> Model {
    let entries = |rows, columns, entries| Sparse { rows, columns, entries };
    let signal = |name: &str, role| Signal {
        name: name.to_owned(),
        columns: vec![name.to_owned()],
        unit: "degC".to_owned(),
        role,
        range: (10.0, 40.0),
    };
    let input = |name: &str, term, stood| Input { name: name.to_owned(), term, stood };
    Model {
        format: FORMAT,
        site: "test".to_owned(),
        structure: Structure::Grey,
        period_s: 30.0,
        learned_unix_s: (0.0, 1e5),
        a: entries(1, 1, vec![(0, 0, pole)]),
        b: entries(1, 2, vec![(0, 0, gain * (1.0 - pole))]),
        c: entries(1, 1, vec![(0, 0, 1.0)]),
        d: entries(1, 2, vec![(0, 1, 2.0)]),
        state_noise: vec![0.0],
        signals: vec![signal("setpoint", Role::Setpoint), signal("heat", Role::Heat)],
        inputs: vec![input("setpoint", Term::Signal(0), 25.0), input("heat", Term::Signal(1), 1.0)],
        outputs: vec![Output {
            name: "supply".to_owned(),
            columns: vec!["supply".to_owned()],
            unit: "degC".to_owned(),
            stood: 26.0,
            range: (20.0, 30.0),
            noise: 0.01,
            drift: 1e-4,
            evidence: Evidence::default(),
        }],
    }
}

/// A loop that follows its setpoint late, one that follows its own and the first, and only as far as weather lets it, and
/// power that heat makes at once.
pub(super) fn two_loops() -> Model {
    let entries = |rows, columns, entries| Sparse { rows, columns, entries };
    let mut model = model(1.0, 0.5);
    let signal = |name: &str, role| Signal { name: name.to_owned(), role, ..model.signals[0].clone() };
    let signals = ["first", "second", "heat", "weather"].map(|name| {
        signal(name, if name.len() > 4 && name != "weather" { Role::Setpoint } else { Role::Weather })
    });
    let lift = Term::Above(Box::new(Term::Signal(3)), Box::new(Term::Signal(1)), 4.0);
    let terms = [Term::Signal(0), Term::Signal(1), Term::Signal(2), lift];
    let of = |(i, term): (usize, Term)| Input { name: format!("input {i}"), term, stood: 20.0 };
    model.inputs = terms.into_iter().enumerate().map(of).collect();
    model.signals = signals.to_vec();
    // a delay of one period and a pole; two poles in a row; heat alone
    model.a =
        entries(5, 5, vec![(1, 0, 0.3), (1, 1, 0.7), (2, 2, 0.9), (3, 2, 0.2), (3, 3, 0.8), (4, 4, 0.5)]);
    model.b = entries(5, 4, vec![(0, 0, 1.0), (2, 0, 0.03), (2, 1, 0.1), (3, 3, 0.05), (4, 2, 0.5)]);
    model.c = entries(3, 5, vec![(0, 1, 1.0), (1, 3, 1.0), (2, 4, 2.0)]);
    model.d = entries(3, 4, vec![(2, 1, -0.4), (2, 2, 1.0)]);
    model.state_noise = vec![0.0; 5];
    let output = model.outputs[0].clone();
    model.outputs =
        ["first", "second", "power"].map(|name| Output { name: name.to_owned(), ..output.clone() }).into();
    assert_eq!(model.check(), Ok(()));
    model
}

#[test]
fn a_model_is_the_same_after_its_file() {
    let model = model(0.9, 0.8);
    let text = toml::to_string(&model).unwrap();
    assert_eq!(toml::from_str::<Model>(&text).unwrap(), model);
    let wrong = text.replace("format = 1", "format = 1\nunknown = 3");
    assert!(toml::from_str::<Model>(&wrong).unwrap_err().to_string().contains("unknown"));
}

#[test]
fn what_does_not_fit_is_told() {
    let good = model(0.9, 0.8);
    assert_eq!(good.check(), Ok(()));
    let mut other = good.clone();
    other.format = 2;
    assert_eq!(other.check(), Err(ModelError::Format(2)));
    other = good.clone();
    other.a.entries[0].2 = 1.0;
    assert_eq!(other.check(), Err(ModelError::Unstable(0)));
    other = good.clone();
    other.inputs[1].term = Term::WetBulb(0, 2);
    assert_eq!(other.check(), Err(ModelError::Term(1)));
    other = good.clone();
    other.outputs[0].noise = f64::NAN;
    assert_eq!(other.check(), Err(ModelError::Number("list of outputs")));
    other = good;
    other.b.rows = 2;
    assert_eq!(other.check(), Err(ModelError::Size("B")));
}

#[test]
fn steady_gains_are_those_of_the_matrices() {
    let model = model(0.9, 0.8);
    assert!((model.steady_gain(0, 0) - 0.9).abs() < 1e-12);
    assert!((model.steady_gain(0, 1) - 2.0).abs() < 1e-12);
}

/// The plant does otherwise than the model: another gain, and an offset that nobody told.
#[test]
fn steady_error_vanishes_beside_a_wrong_model() {
    let mut dice = Dice(7);
    let mut filter = ModelFilter::new(&model(0.6, 0.9));
    let (mut x, mut last) = (0.0, 0.0);
    for k in 0..2000 {
        let setpoint = if k < 300 { 25.0 } else { 28.0 };
        x = 0.8 * x + 0.2 * (setpoint - 25.0);
        let y = 26.0 + 3.0 + x + 0.1 * dice.normal();
        filter.step(&[setpoint, 1.0], &[Some(y)]);
        last = 26.0 + 3.0 + x;
    }
    let now = filter.now()[0];
    assert!((now.value - last).abs() < 0.1, "{now:?} {last}");
    let ahead = filter.ahead(&vec![vec![28.0, 1.0]; 120]);
    assert!((ahead[119][0].value - last).abs() < 0.1);
    assert!(ahead[119][0].sigma > ahead[0][0].sigma, "further ahead is less sure");
}

#[test]
fn what_is_missing_is_passed_over() {
    let mut filter = ModelFilter::new(&model(1.0, 0.8));
    assert!(filter.now()[0].sigma.is_infinite());
    filter.step(&[25.0, f64::NAN], &[None]);
    assert!(filter.now()[0].sigma.is_infinite() && filter.now()[0].value.is_finite());
    for _ in 0..50 {
        filter.step(&[25.0, 1.0], &[Some(30.0)]);
    }
    let before = filter.now()[0];
    assert!((before.value - 30.0).abs() < 0.05);
    for _ in 0..20 {
        filter.step(&[f64::NAN, 1.0], &[None]);
        assert_eq!(filter.innovations()[0], None);
    }
    let after = filter.now()[0];
    assert!((after.value - 30.0).abs() < 0.05 && after.sigma > before.sigma);
}

/// What a filter says of itself: innovations of its own plant have the variance that it foresees.
#[test]
fn innovations_are_as_wide_as_foreseen() {
    let model = model(1.0, 0.8);
    let (noise, drift) = (model.outputs[0].noise.sqrt(), model.outputs[0].drift.sqrt());
    let (mut sum, mut count) = (0.0, 0.0);
    for seed in 0..20 {
        let mut dice = Dice(seed);
        let mut filter = ModelFilter::new(&model);
        let (mut x, mut d) = (0.0, 0.0);
        for k in 0..400 {
            let setpoint = 25.0 + f64::from(k / 60 % 2);
            let y = 26.0 + x + d + noise * dice.normal();
            filter.step(&[setpoint, 1.0], &[Some(y)]);
            x = 0.8 * x + 0.2 * (setpoint - 25.0);
            d += drift * dice.normal();
            if let Some(e) = filter.innovations()[0].filter(|_| k > 50) {
                sum += e * e;
                count += 1.0;
            }
        }
    }
    let nis = sum / count;
    // 7000 squares of a standard normal number: 1 +- 0.017.
    assert!((nis - 1.0).abs() < 0.06, "{nis}");
}

#[test]
fn terms_are_what_they_say() {
    let s = [20.0, 0.5, 15.0, f64::NAN];
    let signal = |i: usize| Box::new(Term::Signal(i));
    let wet = Term::WetBulb(0, 1).of(&s);
    // Stull's own example: 20 degC and 50 % give 13.7 degC.
    assert!((wet - 13.7).abs() < 0.1, "{wet}");
    assert_eq!(Term::Above(signal(2), signal(0), 2.0).of(&s).to_bits(), 0.0_f64.to_bits());
    assert!((Term::Above(signal(0), signal(2), 2.0).of(&s) - 7.0).abs() < 1e-12);
    assert!((Term::Power(signal(0), 3.0, 10.0).of(&s) - 80.0).abs() < 1e-9);
    assert!(
        (Term::Power(signal(2), -2.0, 300.0).of(&s) - 7500.0).abs() < 1e-6,
        "never beyond a fifth of the reference"
    );
    assert!((Term::Product(signal(0), signal(2), 10.0).of(&s) - 30.0).abs() < 1e-12);
    for missing in [
        Term::Above(signal(3), signal(0), 0.0),
        Term::Power(signal(3), 1.5, 1.0),
        Term::Sum(vec![Term::Signal(3)]),
    ] {
        assert!(missing.of(&s).is_nan(), "{missing:?}");
    }
}
