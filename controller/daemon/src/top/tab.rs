//! The views, in their order.

/// A view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Tab {
    #[default]
    Overview,
    Cooling,
    Power,
    Gpus,
    Trends,
}

impl Tab {
    /// All of them; the key of each is its place, from 1.
    pub(super) const ALL: [Self; 5] = [Self::Overview, Self::Cooling, Self::Power, Self::Gpus, Self::Trends];

    /// Its place, from 0.
    pub(super) fn place(self) -> usize {
        Self::ALL.iter().position(|t| *t == self).unwrap_or(0)
    }

    /// The one so many places further, round and round.
    pub(super) fn further(self, by: usize) -> Self {
        Self::ALL[(self.place() + by) % Self::ALL.len()]
    }

    /// Its name.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Cooling => "Cooling",
            Self::Power => "Power",
            Self::Gpus => "GPUs",
            Self::Trends => "Trends",
        }
    }
}
