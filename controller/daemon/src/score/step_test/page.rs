//! The step test as one HTML page in the style of the scoreboard, which needs nothing else.
//!
//! Responsible for: the page; every plot stands beside a table with its numbers. Not for: what is reckoned (`answers`).

use super::StepTest;
use super::answers::{Answer, foremost};
use super::run::Output;
use super::tables::{self, made_of, output, step_details, summary, verdicts};
use crate::score::html::{curves, legend, offline, table};
use crate::score::strategy::Id;
use maud::{Markup, html};

/// How the plots are to be read.
const READING: &str = "A curve is the run with the step less its twin without it, so that weather and work cancel; of each kind of setpoint \
                       the actuator that answers most. Where nothing is moved, what is measured is shown less its setpoint.";

/// The page.
pub(super) fn page(test: &StepTest) -> String {
    let ids: Vec<Id> = test.strategies.iter().map(|s| s.strategy).collect();
    let steps = test.strategies.first().map_or(0, |s| s.steps.len());
    let body = html! {
        p { (made_of(test)) "." }
        section aria-labelledby="verdict" {
            h2 id="verdict" { "Verdict" }
            ul { @for (line, tested) in verdicts(test).iter().zip(&test.strategies) {
                li class=[(tested.oscillates || tested.passes_a_limit).then_some("bad")] { (line) }
            } }
            (table(&summary(test)))
        }
        section aria-labelledby="answers" {
            h2 id="answers" { "Answers" }
            p.soft { (READING) }
            (legend(&ids))
            @for n in 0..steps { (step(test, n)) }
        }
    };
    offline("Headroom step test", "", &body)
}

fn step(test: &StepTest, n: usize) -> Markup {
    let first = &test.strategies[0].steps[n];
    html! {
        details open[n == 1] {
            summary { (first.step) ": " (first.what) }
            @if let Some(grid) = step_details(test, n) { (table(&grid)) }
            @for m in 0..first.moves.len() {
                h3 { (first.moves[m].way) }
                div.pair {
                    @for (p, (name, unit, curves)) in panels(test, n, m).iter().enumerate() {
                        div {
                            h3 { (name) " [" (unit) "]" }
                            (curves::plot(&format!("step-{n}-{m}-{p}"), &format!("{}, {}: {name} [{unit}]", first.step, first.moves[m].way), curves))
                        }
                    }
                }
            }
        }
    }
}

/// Strategy, hours and values of each curve.
type Curves = Vec<(Id, Vec<f64>, Vec<f64>)>;

/// One plot for each kind and output that any strategy answers with: name, unit, curves.
fn panels(test: &StepTest, n: usize, m: usize) -> Vec<(String, &'static str, Curves)> {
    let per_h = 3600.0 / test.cooling_period_s;
    let mut panels: Vec<((String, Output), &'static str, Curves)> = Vec::new();
    for tested in &test.strategies {
        for answer in foremost(&tested.steps[n].moves[m].answers) {
            let key = (answer.kind.clone(), answer.output);
            let hours = (1..=answer.curve.len()).map(|k| k as f64 / per_h).collect();
            let curve = (tested.strategy, hours, answer.curve.clone());
            match panels.iter_mut().find(|p| p.0 == key) {
                Some(panel) => panel.2.push(curve),
                None => panels.push((key, answer.unit, vec![curve])),
            }
        }
    }
    let still = |key: &(String, Output)| {
        let of = |a: &&Answer| a.kind == key.0 && a.output == key.1 && tables::is_answer(a);
        !test.strategies.iter().any(|t| foremost(&t.steps[n].moves[m].answers).iter().any(of))
    };
    panels.retain(|p| !still(&p.0));
    panels.into_iter().map(|((kind, what), unit, c)| (format!("{kind}, {}", output(what)), unit, c)).collect()
}
