//! The policies shipped with Headroom, by name: `headroom run --policy balanced` needs no file.

/// A shipped policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shipped {
    /// Its name: that of the file without `.toml`, and the policy's own.
    pub name: &'static str,
    /// The file.
    pub text: &'static str,
}

macro_rules! ship {
    ($($name:literal),+ $(,)?) => {
        &[$(Shipped { name: $name, text: include_str!(concat!("../library/", $name, ".toml")) }),+]
    };
}

/// All of them, the most careful first.
#[must_use]
pub fn library() -> &'static [Shipped] {
    ship!(
        "watch",
        "hold",
        "trim-and-respond",
        "pid",
        "balanced",
        "most-tokens",
        "fewest-watts",
        "grid-event",
        "predictive"
    )
}

/// The one of a name.
#[must_use]
pub fn shipped(name: &str) -> Option<Shipped> {
    library().iter().copied().find(|s| s.name == name)
}
