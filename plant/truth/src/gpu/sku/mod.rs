//! GPU products as data: limits, power, thermal ladder, sensor.
//!
//! Responsible for: what a product is, the products that ship, and finding one by name.
//! Not for: the text of a product file (`read`), or anything that happens in time (see `fleet`).
//!
//! The figures and their sources stand in `plant/truth/skus/*.toml`, one file per product. Anyone can bring a file of
//! their own: [`Sku::read`] gives the product, or every finding with its line and remedy.

mod read;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

pub use headroom_site::doc::Finding;

use super::sensor::SensorSpec;

/// Temperature at which `leak_w` is stated \[degC\].
pub(crate) const LEAK_REFERENCE_C: f64 = 38.0;

/// What carries the heat away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Medium {
    /// Water at a cold plate.
    Liquid,
    /// Air through a heat sink.
    Air,
}

/// A cold plate or a heat sink: R(flow) = fixed + convective flow^-exponent, in front of a heat capacity.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cooler {
    /// What flows through it.
    pub medium: Medium,
    /// Resistance that flow does not change \[K/W of module power\].
    pub fixed_kpw: f64,
    /// Convective resistance at design flow \[K/W of module power\].
    pub convective_kpw: f64,
    /// Exponent of flow in the convective part.
    pub exponent: f64,
    /// Heat capacity of the metal and what is in it \[J/K\].
    pub capacity_jpk: f64,
    /// Share of module power that reaches it; the rest goes to the air straight from the board.
    pub captured: f64,
}

impl Cooler {
    /// R(flow) \[K/W\]. `flow` is the fraction of design flow; below 1 % natural convection is left.
    #[must_use]
    pub fn resistance_kpw(&self, flow: f64) -> f64 {
        self.fixed_kpw + self.convective_kpw * flow.max(0.01).powf(-self.exponent)
    }
}

/// Spread between GPUs of one product: half-widths, as fractions (two standard deviations).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// Switching power at the same load. 2 to 6 % between the 8 GPUs of a node is seen in the field.
    pub power: f64,
    /// Leakage.
    pub leakage: f64,
    /// Thermal resistance from die to cooler.
    pub thermal: f64,
    /// What the board's power sensor reads per true watt.
    pub sensor_gain: f64,
}

impl Spread {
    /// All GPUs alike.
    pub const NONE: Self = Self { power: 0.0, leakage: 0.0, thermal: 0.0, sensor_gain: 0.0 };
}

/// A GPU product. Watts are of the whole module, kelvin per watt are per watt of module power.
#[derive(Debug, Clone, PartialEq)]
pub struct Sku {
    /// Short name, as in `h100-sxm`.
    pub id: String,
    /// Other short names.
    pub aliases: Vec<String>,
    /// Product name as the driver gives it.
    pub name: String,
    /// Default power limit \[W\].
    pub tdp_w: f64,
    /// Lowest settable power limit \[W\].
    pub cap_min_w: f64,
    /// Highest settable power limit \[W\].
    pub cap_max_w: f64,
    /// Highest SM clock \[MHz\].
    pub clock_max_mhz: f64,
    /// Lowest SM clock that firmware will trim to \[MHz\].
    pub clock_min_mhz: f64,
    /// SM clock with no context \[MHz\].
    pub clock_idle_mhz: f64,
    /// Memory clock \[MHz\].
    pub memory_clock_mhz: f64,
    /// Voltage over its value at the top clock, by clock \[MHz, 1\]; rising clocks, flat below the first point.
    pub voltage: Vec<[f64; 2]>,
    /// Power that depends on nothing: regulators, board, memory refresh \[W\].
    pub base_w: f64,
    /// Part of `base_w` that heats the memory \[W\].
    pub hbm_idle_w: f64,
    /// Further memory power at full bandwidth \[W\].
    pub hbm_w: f64,
    /// Leakage at 38 degC and top voltage \[W\].
    pub leak_w: f64,
    /// Relative growth of leakage \[1/K\].
    pub leak_per_k: f64,
    /// Clock tree at top clock and voltage \[W\].
    pub clock_tree_w: f64,
    /// Switching power of the cores at activity 1, top clock and voltage \[W\].
    pub core_w: f64,
    /// Fast resistance, die and solder \[K/W\].
    pub r1_kpw: f64,
    /// Time constant of the fast mode \[s\].
    pub tau1_s: f64,
    /// Resistance of lid and thermal interface \[K/W\].
    pub r2_kpw: f64,
    /// Time constant of the second mode \[s\].
    pub tau2_s: f64,
    /// The cooler it is built with.
    pub cooler: Cooler,
    /// The cooler of the product's other build, if it is sold both ways.
    pub other_cooler: Option<Cooler>,
    /// Weight of the die rise (over the cooler) in the memory temperature.
    pub hbm_coupling: f64,
    /// Own rise of the memory per watt of its power \[K/W\].
    pub hbm_r_kpw: f64,
    /// Time constant of the memory \[s\].
    pub hbm_tau_s: f64,
    /// Die temperature that software slowdown holds \[degC\].
    pub max_operating_c: f64,
    /// Die temperature of hardware slowdown \[degC\].
    pub slowdown_c: f64,
    /// Die temperature at which the module switches off \[degC\].
    pub shutdown_c: f64,
    /// Memory temperature that software slowdown holds \[degC\].
    pub hbm_max_c: f64,
    /// Clock under hardware slowdown over the clock asked for.
    pub slowdown_clock: f64,
    /// Time that a power brake stays on after its signal is gone \[s\].
    pub brake_hold_s: f64,
    /// Spread between its GPUs.
    pub spread: Spread,
    /// Its power sensor.
    pub sensor: SensorSpec,
}

const FILES: [(&str, &str); 10] = [
    ("h100-sxm.toml", include_str!("../../../skus/h100-sxm.toml")),
    ("a100-sxm.toml", include_str!("../../../skus/a100-sxm.toml")),
    ("h200-sxm.toml", include_str!("../../../skus/h200-sxm.toml")),
    ("b200.toml", include_str!("../../../skus/b200.toml")),
    ("gb200.toml", include_str!("../../../skus/gb200.toml")),
    ("gb300.toml", include_str!("../../../skus/gb300.toml")),
    ("a100-pcie.toml", include_str!("../../../skus/a100-pcie.toml")),
    ("v100-sxm2.toml", include_str!("../../../skus/v100-sxm2.toml")),
    ("v100-pcie.toml", include_str!("../../../skus/v100-pcie.toml")),
    ("rtx-3090.toml", include_str!("../../../skus/rtx-3090.toml")),
];

static SHIPPED: LazyLock<Vec<Sku>> =
    LazyLock::new(|| FILES.iter().filter_map(|(file, text)| Sku::read_named(file, text).ok()).collect());

impl Sku {
    /// Kelvin left to software thermal slowdown at temperatures of die and memory \[degC\]: the lesser of both.
    #[inline]
    pub(super) fn margin_k(&self, die_c: f64, hbm_c: f64) -> f64 {
        (self.max_operating_c - die_c).min(self.hbm_max_c - hbm_c)
    }

    /// A product from the text of its file.
    ///
    /// # Errors
    /// Every finding of the text, each with line and remedy.
    pub fn read(text: &str) -> Result<Self, Vec<Finding>> {
        Self::read_named("sku.toml", text)
    }

    /// As [`Sku::read`], with the name of the file for the findings.
    ///
    /// # Errors
    /// Every finding of the text, each with line and remedy.
    pub fn read_named(file: &str, text: &str) -> Result<Self, Vec<Finding>> {
        read::read(file, text)
    }

    /// All shipped products.
    #[must_use]
    pub fn shipped() -> &'static [Self] {
        &SHIPPED
    }

    /// The shipped product of that id, alias or driver name, or with `text` as a word of its name (case does not
    /// count): `"h100"` gives the H100 SXM. With `-air` or `-liquid` behind it, the build with that cooler.
    #[must_use]
    pub fn find(text: &str) -> Option<Self> {
        let wanted = text.to_ascii_lowercase();
        let (plain, medium) = match (wanted.strip_suffix("-air"), wanted.strip_suffix("-liquid")) {
            (Some(plain), _) => (plain, Some(Medium::Air)),
            (_, Some(plain)) => (plain, Some(Medium::Liquid)),
            _ => (wanted.as_str(), None),
        };
        let exact = SHIPPED.iter().find(|sku| sku.id == plain || sku.aliases.iter().any(|a| a == plain));
        let sku = exact.or_else(|| {
            SHIPPED.iter().find(|sku| {
                let name = sku.name.to_ascii_lowercase();
                name.split([' ', '-']).any(|word| word == plain) || name == plain
            })
        })?;
        medium.map_or_else(|| Some(sku.clone()), |medium| sku.cooled_by(medium))
    }

    /// H100 SXM5 80 GB on a cold plate, the product of the usual world.
    ///
    /// # Panics
    /// Never: that every shipped file reads is tested.
    #[must_use]
    pub fn h100_sxm() -> Self {
        let Some(sku) = SHIPPED.first() else { unreachable!("every shipped product file reads") };
        sku.clone()
    }

    /// The same product on the other kind of cooler; `None` if it is not sold that way.
    #[must_use]
    pub fn cooled_by(&self, medium: Medium) -> Option<Self> {
        if self.cooler.medium == medium {
            return Some(self.clone());
        }
        let other = self.other_cooler.filter(|cooler| cooler.medium == medium)?;
        Some(Self { cooler: other, other_cooler: Some(self.cooler), ..self.clone() })
    }

    /// Resistance of the cooler at a flow over design flow \[K/W of module power\].
    #[must_use]
    pub fn plate_resistance_kpw(&self, flow: f64) -> f64 {
        self.cooler.resistance_kpw(flow)
    }

    /// Junction to coolant, all in, at a flow \[K/W of module power\].
    #[must_use]
    pub fn total_resistance_kpw(&self, flow: f64) -> f64 {
        self.r1_kpw + self.r2_kpw + self.plate_resistance_kpw(flow)
    }

    /// Voltage at a clock over its value at the top clock.
    #[must_use]
    pub fn voltage_at(&self, mhz: f64) -> f64 {
        let next = self.voltage.partition_point(|point| point[0] <= mhz);
        let (Some(low), high) = (self.voltage.get(next.saturating_sub(1)), self.voltage.get(next)) else {
            return 1.0;
        };
        match high {
            Some(high) if next > 0 => low[1] + (high[1] - low[1]) * (mhz - low[0]) / (high[0] - low[0]),
            _ => low[1],
        }
    }
}
