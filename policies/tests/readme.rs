//! The example of the README is a good policy.

mod common;

#[test]
fn the_example_reads() {
    let readme = include_str!("../README.md");
    let example = readme.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next());
    let policy = common::policy(example.unwrap());
    assert_eq!(policy.name, "evenings");
    assert_eq!((policy.limits.len(), policy.budgets.len(), policy.jobs.len()), (1, 1, 1));
    assert!(policy.grid.swing.is_some());
}
