//! The shipped policies are good, by themselves and at a site.

mod common;

use headroom_policies::{CAPS, CoolingStrategy, Mode, PowerStrategy, Prefer, library, read_policy, shipped};

#[test]
fn every_shipped_policy_is_clean() {
    let mut site = common::site();
    // The spare feed of the test site has no budget, of which no policy can take a share.
    site.power.retain(|p| p.id != "spare");
    for s in library() {
        let policy = read_policy(s.name, s.text).map_err(|f| format!("{f:#?}")).unwrap();
        assert_eq!(policy.name, s.name);
        assert!(!policy.description.is_empty());
        assert_eq!(policy.check_against(&site, s.name, s.text), vec![]);
    }
}

#[test]
fn every_file_of_the_folder_is_shipped() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/library");
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .map(|f| f.trim_end_matches(".toml").to_owned())
        .collect();
    files.sort();
    let mut shipped: Vec<&str> = library().iter().map(|s| s.name).collect();
    shipped.sort_unstable();
    assert_eq!(files, shipped);
}

#[test]
fn the_names_mean_what_they_say() {
    let read = |name: &str| common::policy(shipped(name).unwrap().text);
    let balanced = read("balanced");
    assert_eq!(balanced.modes.of(CAPS), Mode::Active);
    assert_eq!(balanced.modes.of("cdu"), Mode::Active);
    assert_eq!(balanced.strategy.power, PowerStrategy::Steady);
    assert_eq!(balanced.strategy.cooling, CoolingStrategy::LeastHeadroom);
    let predictive = read("predictive");
    assert_eq!(predictive.strategy.cooling, CoolingStrategy::Predictive);
    assert_eq!(
        (predictive.objective.prefer, predictive.modes.default),
        (balanced.objective.prefer, Mode::Active)
    );
    // A step toward `balanced` differs from it in nothing but how cooling is decided.
    for (name, cooling) in
        [("trim-and-respond", CoolingStrategy::TrimAndRespond), ("pid", CoolingStrategy::Pid)]
    {
        let mut step = read(name);
        assert_eq!(step.strategy.cooling, cooling);
        (step.name, step.description) = (balanced.name.clone(), balanced.description.clone());
        step.strategy.cooling = balanced.strategy.cooling;
        assert_eq!(step, balanced, "{name}");
    }
    let hold = read("hold");
    assert_eq!((hold.modes.default, hold.strategy.power), (Mode::Hold, PowerStrategy::Hold));
    assert_eq!(read("watch").modes.default, Mode::Shadow);
    let (tokens, watts) = (read("most-tokens"), read("fewest-watts"));
    assert_eq!((tokens.objective.prefer, watts.objective.prefer), (Prefer::Tokens, Prefer::Watts));
    assert!(tokens.objective.max_token_loss < balanced.objective.max_token_loss);
    assert!(balanced.objective.max_token_loss < watts.objective.max_token_loss);
    assert!(tokens.headroom.gpu > balanced.headroom.gpu && balanced.headroom.gpu > watts.headroom.gpu);
    let grid = read("grid-event");
    assert!(!grid.budgets.is_empty() && grid.grid.ramp_up.is_some());
    assert!(shipped("balancd").is_none());
}
