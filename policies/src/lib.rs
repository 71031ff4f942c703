//! What is wanted: the policy file, its checks, and the policies shipped with Headroom.
//!
//! Responsible for: the keys a policy file may have and what they mean when they are missing; what a site
//! allows of it (never wider than the site's own limits); which budget is in force when; the shipped library.
//! Not for: how a wish is met (`controller/core`), or whether a command may go out (`controller/guard`).
//!
//! Rooms: [`model`] (the types and their defaults), `at_site` (what they mean for a site's things), [`schedule`] (time of day, days, summer time), [`budget`]
//! (what a branch may draw at an instant), [`money`] (prices), `outlook` (what tells the future), `read` (TOML to [`Policy`]), `check` (a policy
//! against a site), [`mod@library`].

mod at_site;
pub mod budget;
mod check;
mod check_power;
pub mod library;
pub mod model;
pub mod money;
mod operator;
mod outlook;
mod quantile;
mod read;
mod read_wishes;
pub mod schedule;
mod words;

pub use budget::{Branches, Budget, BudgetLimit};
pub use library::{Shipped, library, shipped};
pub use model::{
    CAPS, CoolingStrategy, Grid, GroupMode, HeadroomWish, JobWish, Limit, LimitOf, Mode, Modes, Objective,
    Policy, PowerStrategy, Prefer, Promise, Strategy, Swing, Targets,
};
pub use money::{CarbonIntensity, CarbonPrice, EnergyPrice, TokenPrice, WaterPrice};
pub use operator::{OperatorWish, Promotion};
pub use outlook::OutlookWish;
pub use read::read_policy;
pub use schedule::{Days, LocalClock, Schedule, SummerTime, TimeOfDay};
pub use words::Amount;
