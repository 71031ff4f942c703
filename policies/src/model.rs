//! The policy: what each section of the file says, with the defaults of sections and keys that are missing.
//!
//! A missing file section is a modest wish, not a refusal: the defaults compute and keep (`shadow`), promise no
//! price and ask for ordinary margins.

use crate::budget::Budget;
use crate::money::{CarbonIntensity, CarbonPrice, EnergyPrice, TokenPrice, WaterPrice};
use crate::operator::{OperatorWish, Promotion};
use crate::outlook::OutlookWish;
use crate::quantile::normal_quantile;
use crate::schedule::LocalClock;
use crate::words::{Amount, Spans, words};
use headroom_site::{Frequency, Power, Rate, Ratio, Span, TemperatureDelta};

/// The group of the GPU caps and clock locks; all other groups are words of the site's actuators.
pub const CAPS: &str = "caps";

/// What may come of a group's proposals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Mode {
    /// Nothing is computed.
    Off,
    /// Computed and kept in the journal.
    #[default]
    Shadow,
    /// Published to people and the BMS; no leases.
    Advisory,
    /// Commanded.
    Active,
    /// The last applied value is commanded on, unchanged.
    Hold,
}
words!(Mode: Off = "off", Shadow = "shadow", Advisory = "advisory", Active = "active", Hold = "hold");

/// Modes of the actuator groups.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Modes {
    /// Of every group not named. Default shadow.
    pub default: Mode,
    /// Of groups, in order of name.
    pub groups: Vec<GroupMode>,
}

/// Mode of one group.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupMode {
    /// [`CAPS`], or a group of the site's actuators.
    pub group: String,
    /// Its mode.
    pub mode: Mode,
    pub(crate) at: std::ops::Range<usize>,
}

/// How GPU power is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PowerStrategy {
    /// Caps stay as they are; budgets and temperature limits are still kept.
    Hold,
    /// Caps and clocks such that the GPUs of a job run steadily and alike.
    #[default]
    Steady,
}
words!(PowerStrategy: Hold = "hold", Steady = "steady");

/// How cooling is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CoolingStrategy {
    /// Setpoints stay as they are.
    Hold,
    /// Small steps toward saving until something downstream asks for cooling (ASHRAE Guideline 36, 5.1.14).
    TrimAndRespond,
    /// A PI loop on the room of the worst place for each setpoint, with a feed-forward of the load.
    Pid,
    /// As little cooling as leaves the wanted headroom everywhere.
    #[default]
    LeastHeadroom,
    /// The same wishes, their moves planned over the next hour on the model of the site.
    Predictive,
}
words!(CoolingStrategy: Hold = "hold", TrimAndRespond = "trim-and-respond", Pid = "pid", LeastHeadroom = "least-headroom",
    Predictive = "predictive");

/// `[strategy]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Strategy {
    /// Default steady.
    pub power: PowerStrategy,
    /// Default least-headroom.
    pub cooling: CoolingStrategy,
}

/// What gives way where watts and tokens disagree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Prefer {
    /// Watts are saved only where no token is lost.
    Tokens,
    /// Tokens are given up only where they earn less than the energy costs, and within the loss allowed.
    #[default]
    Balanced,
    /// The loss allowed is spent for the fewest watts.
    Watts,
}
words!(Prefer: Tokens = "tokens", Balanced = "balanced", Watts = "watts");

impl Prefer {
    /// Loss of tokens allowed where the policy names none.
    #[must_use]
    pub fn default_token_loss(self) -> Ratio {
        match self {
            Self::Tokens => Ratio::fraction(0.0),
            Self::Balanced => Ratio::percent(0.5),
            Self::Watts => Ratio::percent(3.0),
        }
    }
}

/// What the operator holds the plant to. None: not asked for.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Targets {
    /// Spread of the SM clock inside a job, standard deviation over mean.
    pub clock_spread: Option<Ratio>,
    /// Time a GPU may be throttled per day.
    pub throttled: Option<Span>,
    /// Facility energy over IT energy.
    pub pue: Option<f64>,
}

/// What users of served models are promised: 95 of 100 requests take no longer. None: not promised.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Promise {
    /// From the request to its first token.
    pub first_token: Option<Span>,
    /// From one token to the next.
    pub per_token: Option<Span>,
}

impl Promise {
    /// What is promised here, else there.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            first_token: self.first_token.or(other.first_token),
            per_token: self.per_token.or(other.per_token),
        }
    }
}

/// `[objective]`. A price not named is zero: that thing costs (or earns) nothing.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Objective {
    /// Currency of all prices (ISO 4217); empty if there are none.
    pub currency: String,
    /// Of electricity.
    pub electricity: EnergyPrice,
    /// Earned per token.
    pub tokens: TokenPrice,
    /// Of water evaporated or drained.
    pub water: WaterPrice,
    /// Of carbon.
    pub carbon: CarbonPrice,
    /// Carbon of the grid's energy.
    pub carbon_intensity: CarbonIntensity,
    /// Targets.
    pub targets: Targets,
    /// Promised of every job that an inference engine serves, unless its own `[[job]]` says otherwise.
    pub promise: Promise,
    /// Default balanced.
    pub prefer: Prefer,
    /// Share of the tokens that may be lost to save watts. Default by `prefer`.
    pub max_token_loss: Ratio,
}

impl Objective {
    /// What a joule costs with its carbon, money/J.
    #[must_use]
    pub fn energy_cost_per_joule(&self) -> f64 {
        self.electricity.per_joule() + self.carbon.per_kg() * self.carbon_intensity.kg_per_joule()
    }
}

/// `[headroom]`: wanted distance to the limits, on top of what uncertainty asks for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HeadroomWish {
    /// GPU die below its maximum operating temperature. Default 10 K.
    pub gpu: TemperatureDelta,
    /// GPU memory below its maximum. Default 8 K.
    pub memory: TemperatureDelta,
    /// Temperature points inside their limits. Default 1 K.
    pub point: TemperatureDelta,
    /// Other points inside their limits, as a share of the limit's value. Default 2 %.
    pub other: Ratio,
    /// One-sided probability with which a limit is kept. Default 0.95.
    pub confidence: f64,
    /// Share of each budget not planned for. Default 2 %.
    pub budget_reserve: Ratio,
}

impl Default for HeadroomWish {
    fn default() -> Self {
        Self {
            gpu: TemperatureDelta::kelvin(10.0),
            memory: TemperatureDelta::kelvin(8.0),
            point: TemperatureDelta::kelvin(1.0),
            other: Ratio::percent(2.0),
            confidence: 0.95,
            budget_reserve: Ratio::percent(2.0),
        }
    }
}

impl HeadroomWish {
    /// Standard deviations to keep from a limit for the wanted confidence: the normal quantile of it
    /// (0.95 -> 1.645, 0.99 -> 2.326, 0.999 -> 3.090).
    #[must_use]
    pub fn k_sigma(&self) -> f64 {
        normal_quantile(self.confidence)
    }
}

/// What a `[[limit]]` narrows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LimitOf {
    /// The point with this id.
    Point(String),
    /// The actuator with this id.
    Actuator(String),
}

/// One `[[limit]]`: narrower than the site's, never wider.
#[derive(Debug, Clone, PartialEq)]
pub struct Limit {
    /// Of what.
    pub of: LimitOf,
    /// Never below.
    pub min: Option<Amount>,
    /// Never above.
    pub max: Option<Amount>,
    /// Wanted distance to both, for a point.
    pub margin: Option<Amount>,
    /// Fastest change for an actuator: amount per second, by dimension of the amount.
    pub ramp: Option<Amount>,
    pub(crate) at: Spans,
}

/// Slow enough swings: peak to peak inside a band of frequencies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Swing {
    /// Lowest and highest frequency of the band.
    pub band: (Frequency, Frequency),
    /// Largest peak-to-peak amplitude inside it.
    pub amplitude: Power,
}

/// `[grid]`: how the site may move toward the grid.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Grid {
    /// Fastest rise of the site's power (W/s). None: not limited.
    pub ramp_up: Option<Rate>,
    /// Fastest fall (W/s, positive). None: not limited.
    pub ramp_down: Option<Rate>,
    /// Swing mask. None: not limited.
    pub swing: Option<Swing>,
    /// How long before a known change of a budget to begin with it. Default 10 min.
    pub notice: Span,
}

impl Default for Grid {
    fn default() -> Self {
        Self { ramp_up: None, ramp_down: None, swing: None, notice: Span::from_s(600.0) }
    }
}

/// One `[[job]]`.
#[derive(Debug, Clone, PartialEq)]
pub struct JobWish {
    /// Id, in the site's words.
    pub id: String,
    /// Instead of the site's; higher is served first when power is short.
    pub priority: Option<i64>,
    /// SM clock below which its GPUs are not slowed while any lower job can still give.
    pub floor_clock: Option<Frequency>,
    /// SM clock above which its GPUs are never run.
    pub ceiling_clock: Option<Frequency>,
    /// Promised to its users, instead of the objective's.
    pub promise: Promise,
    pub(crate) at: Spans,
}

/// A policy file.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Policy {
    /// Name.
    pub name: String,
    /// For people.
    pub description: String,
    /// Local time of the schedules. Default UTC.
    pub clock: LocalClock,
    /// Modes.
    pub modes: Modes,
    /// Strategies.
    pub strategy: Strategy,
    /// What good means.
    pub objective: Objective,
    /// Wanted distance to the limits.
    pub headroom: HeadroomWish,
    /// Narrower limits.
    pub limits: Vec<Limit>,
    /// Budgets.
    pub budgets: Vec<Budget>,
    /// Toward the grid.
    pub grid: Grid,
    /// What tells the future.
    pub outlook: OutlookWish,
    /// What the word of an operator may do.
    pub operator: OperatorWish,
    /// What a group has to show before it commands.
    pub promotion: Promotion,
    /// Jobs.
    pub jobs: Vec<JobWish>,
}

impl Modes {
    /// Mode of a group.
    #[must_use]
    pub fn of(&self, group: &str) -> Mode {
        self.groups.iter().find(|g| g.group == group).map_or(self.default, |g| g.mode)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn confidence_becomes_sigmas() {
        // Quantiles as tabulated.
        for (confidence, k) in [
            (0.5, 0.0),
            (0.841_344_746_068_543, 1.0),
            (0.95, 1.644_853_626_951),
            (0.975, 1.959_963_984_540),
            (0.99, 2.326_347_874_041),
            (0.999, 3.090_232_306_168),
        ] {
            let wish = HeadroomWish { confidence, ..HeadroomWish::default() };
            assert!((wish.k_sigma() - k).abs() < 1e-7, "{confidence}: {}", wish.k_sigma());
        }
    }

    #[test]
    fn carbon_adds_to_the_price_of_energy() {
        let o = Objective {
            electricity: EnergyPrice::per_kwh(0.12),
            carbon: CarbonPrice::per_tonne(80.0),
            carbon_intensity: CarbonIntensity::grams_per_kwh(350.0),
            ..Objective::default()
        };
        assert!((o.energy_cost_per_joule() * 3.6e6 - (0.12 + 0.08 * 0.35)).abs() < 1e-12);
    }
}
