//! Synthetic sites: parameters come back, predictions hold, refusals come when they must and only then.

mod plant;
mod refusals;

use super::*;
use crate::dice::Dice;
use plant::{Kind, Synthetic};

#[test]
fn gains_of_a_random_plant_come_back() {
    for seed in 0..6 {
        let plant = Synthetic::draw(seed, Kind::Excited);
        let (site, table) = (plant.site(), plant.table());
        let found = identify(&site, &table);
        let model = found.model.unwrap_or_else(|| panic!("seed {seed}: {:?}", found.findings));
        for (n, loops) in plant.loops.iter().enumerate() {
            let output = model.output(&format!("supply-{n}")).unwrap();
            let input = model.inputs.iter().position(|i| i.name == format!("loop-{n}")).unwrap();
            let gain = model.steady_gain(output, input);
            assert!(
                (gain - loops.gain).abs() < 0.12 * loops.gain,
                "seed {seed} loop {n}: {gain}, true {}",
                loops.gain
            );
            let outcome = found.outputs.iter().find(|o| o.name == format!("supply-{n}")).unwrap();
            assert!(outcome.within(), "seed {seed}: {outcome:?}");
            // What cannot be foreseen is the noise and the drift of an hour.
            assert!(
                outcome.evidence.rmse < 2.0 * plant.unforeseen_k(),
                "seed {seed} loop {n}: {:?}",
                outcome.evidence
            );
        }
        assert!(found.answers.iter().all(|a| a.identifiable), "seed {seed}: {:?}", found.answers);
    }
}

#[test]
fn power_of_a_random_plant_is_foreseen() {
    for seed in 10..14 {
        let plant = Synthetic::draw(seed, Kind::Excited);
        let found = identify(&plant.site(), &plant.table());
        let of = |name: &str| found.outputs.iter().find(|o| o.name == name).unwrap();
        assert!(
            of("meters:it").within() && of("meters:facility").within(),
            "seed {seed}: {:#?}",
            found.findings
        );
        let gains = &of("meters:it").gains;
        let heat = gains.iter().filter(|g| g.input.starts_with("heat")).map(|g| g.gain).sum::<f64>();
        let groups = gains.iter().filter(|g| g.input.starts_with("heat")).count() as f64;
        assert!(
            (heat / groups - plant.it_gain).abs() < 0.05,
            "seed {seed}: {heat} over {groups}, true {}",
            plant.it_gain
        );
    }
}

/// Beside a straight line through the same data: what the model foresees is worth its evidence.
#[test]
fn a_forecast_covers_what_comes() {
    let plant = Synthetic::draw(21, Kind::Excited);
    let found = identify(&plant.site(), &plant.table());
    let temperatures = found.outputs.iter().filter(|o| o.unit == "degC");
    for output in temperatures {
        assert!(output.covered > 0.85, "{output:?}");
        assert!(output.evidence.cv_rmse_percent < 0.7 * output.evidence.persistence_percent, "{output:?}");
        assert!(output.evidence.nmbe_percent.abs() < 0.5, "{output:?}");
    }
}

#[test]
fn a_site_that_says_nothing_is_a_black_box() {
    let plant = Synthetic::draw(3, Kind::Excited);
    let found = identify(&plant.black_site(), &plant.table());
    let model = found.model.unwrap_or_else(|| panic!("{:?}", found.findings));
    assert_eq!(model.structure, crate::model::Structure::Black);
    for n in 0..plant.loops.len() {
        let outcome = found.outputs.iter().find(|o| o.name == format!("supply-{n}")).unwrap();
        assert!(outcome.within(), "{outcome:?}");
    }
}

#[test]
fn gaps_and_torn_values_do_not_matter() {
    let plant = Synthetic::draw(4, Kind::Excited);
    let mut table = plant.table();
    let mut dice = Dice(9);
    for column in &mut table.columns {
        for value in &mut column.values {
            if dice.draw() < 0.03 {
                *value = f64::NAN;
            } else if dice.draw() < 0.0005 {
                *value = 3.4e38;
            }
        }
    }
    let found = identify(&plant.site(), &table);
    assert!(found.model.is_some(), "{:?}", found.findings);
    assert!(found.findings.iter().any(|f| matches!(f, Finding::Wild { .. })));
    assert!(found.outputs.iter().filter(|o| o.unit == "degC").all(Outcome::within), "{:?}", found.outputs);
}

#[test]
fn the_same_table_gives_the_same_model() {
    let plant = Synthetic::draw(5, Kind::Excited);
    let (site, table) = (plant.site(), plant.table());
    let (a, b) = (identify(&site, &table), identify(&site, &table));
    assert_eq!(a.model, b.model);
}

#[test]
fn the_accepted_model_is_whole() {
    let plant = Synthetic::draw(6, Kind::Excited);
    let found = identify(&plant.site(), &plant.table());
    let model = found.model.unwrap();
    assert_eq!(model.check(), Ok(()));
    let back: Model = toml::from_str(&toml::to_string(&model).unwrap()).unwrap();
    assert_eq!(back, model);
}
