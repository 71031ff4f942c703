//! What a controller was told on real wires, kept on tape and decided again: by the real program, in another process.

use crate::common::{CURTAILED, Place, Plant, Recipe, turn};
use std::path::Path;
use std::process::{Command, Output};

fn headroom(args: &[String]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_headroom")).args(args).output().unwrap()
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn path(path: &Path) -> String {
    path.display().to_string()
}

/// A plant whose controller runs twice for a minute and a half of plant time each: the second time it is killed.
fn taped(plant: &Plant, tape: &Path) {
    let _agents = plant.agents();
    for run in 0..2 {
        let mut controller = plant.controller_with(&format!("--tape {}", tape.display()));
        plant.pass(60.0);
        // What an operator wants is told like everything else.
        let released = Path::new(&plant.controller_option("--state").unwrap()[1]).join("released");
        std::fs::write(&released, "").unwrap();
        plant.pass(40.0);
        std::fs::remove_file(&released).unwrap();
        plant.pass(20.0);
        assert!(controller.runs(), "{}", controller.text());
        if run == 0 {
            assert!(controller.terminate().success(), "{}", controller.text());
        } else {
            controller.kill();
        }
    }
}

#[test]
fn every_decision_comes_again_bit_for_bit() {
    let _turn = turn();
    let keep = Place::new("replay-files");
    let plant = Plant::start("replay", &Recipe { scenario: CURTAILED, ..Recipe::default() });
    let (tape, site) = (keep.join("run.tape"), keep.join("site.toml"));
    taped(&plant, &tape);
    std::fs::copy(plant.site_path(), &site).unwrap();
    let state = plant.controller_option("--state").unwrap()[1].clone();
    let journal = Path::new(&state).join("journal.jsonl");
    let with = |policy: Option<&str>, site: &Path| -> Vec<String> {
        let [_, own] = plant.controller_option("--policy").unwrap();
        let mut args = vec!["replay".to_owned(), path(&tape), "--site".to_owned(), path(site)];
        args.extend(["--policy".to_owned(), policy.map_or(own, str::to_owned)]);
        args.extend(plant.controller_option("--mode").into_iter().flatten());
        args.extend(["--journal".to_owned(), path(&journal)]);
        args
    };

    let same = headroom(&with(None, &site));
    let text = words(&same);
    assert!(
        same.status.success() && text.contains("of 2 runs decided again, each bit for bit as it was"),
        "{text}"
    );
    let records = text.lines().find(|l| l.contains("records of the journal")).unwrap();
    let numbers: Vec<u64> = records.split_whitespace().filter_map(|w| w.parse().ok()).collect();
    assert!(numbers[0] == numbers[1] && numbers[0] > 20, "{records}");

    // Another policy says something else, and that is said; another site is refused.
    let other = headroom(&with(Some("hold"), &site));
    assert_eq!(other.status.code(), Some(1), "{}", words(&other));
    assert!(words(&other).contains("decide otherwise") && words(&other).contains("under another policy"));
    let changed = std::fs::read_to_string(&site).unwrap().replacen("name = \"", "name = \"not-", 1);
    let elsewhere = keep.join("elsewhere.toml");
    std::fs::write(&elsewhere, changed).unwrap();
    let refused = headroom(&with(None, &elsewhere));
    assert!(
        !refused.status.success() && words(&refused).contains("another site file"),
        "{}",
        words(&refused)
    );

    damage_is_named(&tape, &journal);
    // A tape is a convenience: the plant has its controller without it.
    std::fs::remove_file(&journal).unwrap();
    let controller = &mut plant.controller_with(&format!("--tape {}", tape.display()));
    plant.pass(20.0);
    assert!(controller.runs() && controller.text().contains("no tape is kept"), "{}", controller.text());
}

/// Journal and tape are whole; a byte changed in the middle shows in both.
fn damage_is_named(tape: &Path, journal: &Path) {
    let verify = |files: [&Path; 2]| headroom(&["verify".to_owned(), path(files[0]), path(files[1])]);
    let whole = verify([journal, tape]);
    assert!(whole.status.success(), "{}", words(&whole));
    assert!(words(&whole).contains("records follow from each other"), "{}", words(&whole));
    assert!(words(&whole).contains("ticks of 2 runs are as they were written"), "{}", words(&whole));
    for (file, said) in [(tape, "is damaged"), (journal, "does not follow from the line before it")] {
        let mut bytes = std::fs::read(file).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(file, &bytes).unwrap();
        let broken = verify([journal, tape]);
        assert!(broken.status.code() == Some(1) && words(&broken).contains(said), "{}", words(&broken));
    }
}
