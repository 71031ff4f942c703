//! Prints what may stand in a scenario file, as Markdown.

fn main() {
    print!("{}", headroom_sim::scenario::Scenario::reference());
}
