//! The scenarios that ship.
//!
//! Responsible for: carrying every file of the folder in the binary. Not for: reading them.

macro_rules! shipped {
    ($($name:literal),* $(,)?) => {
        /// Names and texts.
        pub(super) const SHIPPED: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("../../scenarios/", $name, ".toml")))),*];
    };
}

shipped![
    "demo",
    "quiet",
    "broker-cut",
    "chiller-trip",
    "curtailment",
    "dry-cooler-site",
    "fabric-congestion",
    "feed-loss",
    "fouled-exchanger",
    "free-cooling-winter",
    "heat-wave",
    "leak",
    "load-steps",
    "mixed-skus",
    "operator-override",
    "pump-loss",
    "rough-data",
    "sick-gpus",
    "stuck-sensor",
    "tank-and-bess",
    "valve-stiction",
    "wrong-sensor",
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::path::Path;

    #[test]
    fn every_file_of_the_folder_is_carried_once() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
        let files: BTreeSet<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|e| e == "toml"))
            .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
            .collect();
        let carried: BTreeSet<String> = SHIPPED.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(files, carried);
        assert_eq!(SHIPPED.len(), carried.len());
    }
}
