//! The plant of a scenario: what stands on the site.
//!
//! Responsible for: the `[plant]` table, its defaults and checks. Not for: building it (`world`).
//!
//! ```toml
//! [plant]
//! gpus = [
//!   { sku = "H100-SXM", count = 256 },                 # cooling = "liquid" unless said
//!   { sku = "H200-SXM", count = 64, cooling = "air" },
//! ]
//! racks-per-cdu = 4
//! racks-per-row = 8
//! chillers = 2                     # 0: none
//! heat-rejection = "tower"         # or "dry-cooler", "adiabatic"
//! economiser = true
//! tank = "60 m3"                   # chilled-water store
//! crahs = 2
//! bess = { power = "500 kW", energy = "250 kWh" }
//! generator-start = "12 s"
//! ups = "double-conversion"        # or "eco"
//! battery = "5 min"
//! ```
//! A group's size is a `count`, or a `share` of as many GPUs as the world is given. Nodes hold 8 GPUs, so counts
//! are multiples of 8.

use super::table::{ENERGIES, POWERS, SHARES, TIMES, Table};
use headroom_truth::gpu::{Medium, Sku};

/// GPUs of a node, as everywhere.
const NODE: usize = 8;

/// How a group of nodes is cooled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Cooling {
    /// Cold plates on a CDU loop.
    #[default]
    Liquid,
    /// Air alone.
    Air,
}

impl Cooling {
    /// What carries the heat away.
    #[must_use]
    pub fn medium(self) -> Medium {
        match self {
            Self::Liquid => Medium::Liquid,
            Self::Air => Medium::Air,
        }
    }
}

/// How many GPUs a group has.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum GroupSize {
    /// So many.
    Count(usize),
    /// A share of what the world is given, 0 to 1.
    Share(f64),
}

/// GPUs of one product, side by side.
#[derive(Debug, Clone, PartialEq)]
pub struct GpuGroup {
    /// Product, for example `H100-SXM`.
    pub sku: String,
    /// How many.
    pub size: GroupSize,
    /// How they are cooled.
    pub cooling: Cooling,
}

/// A group with its product and number.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// Product.
    pub sku: Sku,
    /// GPUs, a multiple of 8 except in the last group of a plant of an odd number.
    pub gpus: usize,
    /// How they are cooled.
    pub cooling: Cooling,
}

/// How the site gives its heat to the air.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HeatRejection {
    /// Evaporative cooling tower.
    #[default]
    Tower,
    /// Dry cooler.
    DryCooler,
    /// Dry cooler with wetted pads on hot days.
    Adiabatic,
}

/// How the UPS feeds the racks while the utility is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UpsMode {
    /// Rectifier and inverter, always.
    #[default]
    DoubleConversion,
    /// Past them.
    Eco,
}

/// A battery for the grid.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bess {
    /// Largest power, W.
    pub power_w: f64,
    /// Energy between empty and full, J.
    pub energy_j: f64,
}

/// What stands on the site. Every `None` is the usual plant's own figure.
#[derive(Debug, Clone, PartialEq)]
pub struct PlantSpec {
    /// GPU groups, in the order of their racks; empty: as many H100-SXM as the world is given, liquid-cooled.
    pub gpus: Vec<GpuGroup>,
    /// Racks on one CDU.
    pub racks_per_cdu: usize,
    /// Racks in a row, on one busway.
    pub racks_per_row: usize,
    /// Chillers; 0: none.
    pub chillers: usize,
    /// How heat leaves.
    pub heat_rejection: HeatRejection,
    /// Whether there is a water-side economiser.
    pub economiser: bool,
    /// Chilled-water store, m3; 0: none.
    pub tank_m3: f64,
    /// Air handlers of the hall.
    pub crahs: usize,
    /// Battery for the grid.
    pub bess: Option<Bess>,
    /// Time from the loss of the feed to the generator carrying the site, s.
    pub generator_start_s: f64,
    /// UPS.
    pub ups: UpsMode,
    /// Time that the UPS battery carries its load when full, s.
    pub battery_s: f64,
}

impl Default for PlantSpec {
    /// Two chillers, a tower, an economiser, two air handlers; no tank, no battery for the grid.
    fn default() -> Self {
        Self {
            gpus: Vec::new(),
            racks_per_cdu: 4,
            racks_per_row: 8,
            chillers: 2,
            heat_rejection: HeatRejection::Tower,
            economiser: true,
            tank_m3: 0.0,
            crahs: 2,
            bess: None,
            generator_start_s: 12.0,
            ups: UpsMode::DoubleConversion,
            battery_s: 300.0,
        }
    }
}

impl PlantSpec {
    /// Number of GPUs that the file fixes; `None` if it leaves that to the world.
    #[must_use]
    pub fn fixed_gpus(&self) -> Option<usize> {
        let count = |group: &GpuGroup| match group.size {
            GroupSize::Count(count) => Some(count),
            GroupSize::Share(_) => None,
        };
        if self.gpus.is_empty() { None } else { self.gpus.iter().map(count).sum() }
    }

    /// The groups of a world of `gpus` GPUs, which are of product `sku` where the file names none. Groups by share
    /// are cut to whole nodes; the last one takes what is left.
    #[must_use]
    pub fn groups(&self, gpus: usize, sku: &Sku) -> Vec<Group> {
        if self.gpus.is_empty() {
            return vec![Group { sku: sku.clone(), gpus, cooling: Cooling::Liquid }];
        }
        let (mut groups, mut left) = (Vec::with_capacity(self.gpus.len()), gpus);
        for (n, group) in self.gpus.iter().enumerate() {
            let wanted = match group.size {
                GroupSize::Count(count) => count,
                GroupSize::Share(_) if n + 1 == self.gpus.len() => left,
                GroupSize::Share(share) => {
                    let nodes = (share * gpus as f64 / NODE as f64).round().max(1.0);
                    (nodes as usize * NODE).min(left)
                }
            };
            left = left.saturating_sub(wanted);
            let sku = Sku::find(&group.sku).unwrap_or_else(|| sku.clone());
            let sku = sku.cooled_by(group.cooling.medium()).unwrap_or(sku);
            if wanted > 0 {
                groups.push(Group { sku, gpus: wanted, cooling: group.cooling });
            }
        }
        groups
    }
}

/// Keys of the table.
pub(crate) const KEYS: [&str; 12] = [
    "gpus",
    "racks-per-cdu",
    "racks-per-row",
    "chillers",
    "heat-rejection",
    "economiser",
    "tank",
    "crahs",
    "bess",
    "generator-start",
    "ups",
    "battery",
];

/// Reads the table.
pub(crate) fn read(mut t: Table<'_>) -> PlantSpec {
    let usual = PlantSpec::default();
    let rejections = [HeatRejection::Tower, HeatRejection::DryCooler, HeatRejection::Adiabatic];
    let rejection = t.choice(("heat-rejection", "\"tower\""), &["tower", "dry-cooler", "adiabatic"]);
    let ups = t.choice(("ups", "\"eco\""), &["double-conversion", "eco"]);
    let spec = PlantSpec {
        gpus: groups(&mut t),
        racks_per_cdu: t.count(("racks-per-cdu", "4"), 1..=64).unwrap_or(usual.racks_per_cdu),
        racks_per_row: t.count(("racks-per-row", "8"), 1..=64).unwrap_or(usual.racks_per_row),
        chillers: t.count(("chillers", "2"), 0..=16).unwrap_or(usual.chillers),
        heat_rejection: rejection.map_or(usual.heat_rejection, |n| rejections[n]),
        economiser: t.flag(("economiser", "true")).unwrap_or(usual.economiser),
        tank_m3: t.within(("tank", "\"60 m3\""), &[("m3", 1.0)], (0.0, 20_000.0)).unwrap_or(usual.tank_m3),
        crahs: t.count(("crahs", "2"), 1..=64).unwrap_or(usual.crahs),
        bess: bess(&mut t),
        generator_start_s: t
            .within(("generator-start", "\"12 s\""), TIMES, (1.0, 600.0))
            .unwrap_or(usual.generator_start_s),
        ups: ups.map_or(usual.ups, |n| [UpsMode::DoubleConversion, UpsMode::Eco][n]),
        battery_s: t.within(("battery", "\"5 min\""), TIMES, (1.0, 7200.0)).unwrap_or(usual.battery_s),
    };
    if spec.chillers == 0 && !spec.economiser {
        let message = "`chillers = 0` without an economiser leaves nothing that cools";
        t.find(t.line, message, "write `economiser = true`, or `chillers = 1`");
    }
    t.finish("`[plant]`", &KEYS);
    spec
}

fn bess(t: &mut Table<'_>) -> Option<Bess> {
    let mut table = t.table(("bess", "{ power = \"500 kW\", energy = \"250 kWh\" }"))?;
    let most = f64::INFINITY;
    let power = table.required(("power", "\"500 kW\""), |t, key| t.within(key, POWERS, (1e3, most)));
    let energy = table.required(("energy", "\"250 kWh\""), |t, key| t.within(key, ENERGIES, (3.6e6, most)));
    table.finish("`bess`", &["power", "energy"]);
    Some(Bess { power_w: power?, energy_j: energy? })
}

fn groups(t: &mut Table<'_>) -> Vec<GpuGroup> {
    let line = t.line_of("gpus");
    let tables = t.tables(("gpus", "[{ sku = \"H100-SXM\", count = 256 }]"));
    let groups: Vec<GpuGroup> = tables.into_iter().filter_map(group).collect();
    let shares = groups.iter().filter(|g| matches!(g.size, GroupSize::Share(_))).count();
    if shares > 0 && shares < groups.len() {
        t.find(line, "some groups have a `count` and some a `share`", "give all of them one or the other");
    }
    let sum: f64 = groups.iter().map(|g| if let GroupSize::Share(s) = g.size { s } else { 0.0 }).sum();
    if shares > 0 && (sum - 1.0).abs() > 0.005 {
        let message = format!("the shares add up to {:.0} %", sum * 100.0);
        t.find(line, message, "make them add up to 100 %");
    }
    groups
}

fn group(mut t: Table<'_>) -> Option<GpuGroup> {
    let line = t.line_of("sku");
    let sku = t.required(("sku", "\"H100-SXM\""), Table::text);
    if let Some(name) = sku.as_ref().filter(|name| Sku::find(name).is_none()) {
        let known: Vec<&str> = Sku::shipped().iter().map(|sku| sku.id.as_str()).collect();
        t.find(line, format!("no GPU `{name}` is known"), format!("use one of {}", known.join(", ")));
    }
    let cooling = t.choice(("cooling", "\"liquid\""), &["liquid", "air"]);
    let line = t.line_of("count");
    let size = match (t.has("count"), t.has("share")) {
        (true, false) => t.count(("count", "256"), NODE..=1_000_000).map(GroupSize::Count),
        (false, true) => t.within(("share", "\"50 %\""), SHARES, (0.01, 1.0)).map(GroupSize::Share),
        _ => {
            t.find(t.line, "a group needs a `count` or a `share`, one of them", "write `count = 256`");
            t.forget(&["count", "share"]);
            None
        }
    };
    if let Some(GroupSize::Count(count)) = size
        && count % NODE != 0
    {
        let remedy = format!("write `count = {}`", count.next_multiple_of(NODE));
        t.find(line, format!("`count = {count}` leaves a node partly filled"), remedy);
    }
    let cooling = [Cooling::Liquid, Cooling::Air][cooling.unwrap_or(0)];
    if let Some(found) = sku.as_deref().and_then(Sku::find)
        && found.cooled_by(cooling.medium()).is_none()
    {
        let other = if cooling == Cooling::Air { "liquid" } else { "air" };
        let message = format!("{} has no cooler of that kind", found.id);
        t.find(line, message, format!("write `cooling = \"{other}\"`, or take another product"));
    }
    t.finish("a group of `gpus`", &["sku", "count", "share", "cooling"]);
    Some(GpuGroup { sku: sku?, size: size?, cooling })
}

#[cfg(test)]
mod tests {
    use super::super::table::{self, Findings};
    use super::*;

    fn spec(text: &str) -> Result<PlantSpec, Vec<super::super::ScenarioError>> {
        let findings = Findings::default();
        let plant = read(table::read(text, &findings));
        let found = findings.sorted();
        if found.is_empty() { Ok(plant) } else { Err(found) }
    }

    #[test]
    fn everything_has_a_default() {
        assert_eq!(spec("").unwrap(), PlantSpec::default());
        assert_eq!(PlantSpec::default().fixed_gpus(), None);
    }

    #[test]
    fn the_whole_table_reads() {
        let text = "gpus = [{ sku = \"H100-SXM\", count = 256 }, { sku = \"B200\", count = 64, cooling = \"air\" }]\n\
            racks-per-cdu = 2\nracks-per-row = 4\nchillers = 0\nheat-rejection = \"adiabatic\"\n\
            economiser = true\ntank = \"60 m3\"\ncrahs = 4\nbess = { power = \"500 kW\", energy = \"250 kWh\" }\n\
            generator-start = \"15 s\"\nups = \"eco\"\nbattery = \"3 min\"\n";
        let plant = spec(text).unwrap();
        assert_eq!(plant.fixed_gpus(), Some(320));
        assert_eq!((plant.heat_rejection, plant.ups), (HeatRejection::Adiabatic, UpsMode::Eco));
        assert_eq!(plant.bess, Some(Bess { power_w: 5e5, energy_j: 9e8 }));
        assert!((plant.battery_s - 180.0).abs() < 1e-9 && (plant.tank_m3 - 60.0).abs() < 1e-9);
        let groups = plant.groups(64, &Sku::h100_sxm());
        assert_eq!((groups[0].gpus, groups[1].gpus, groups[1].cooling), (256, 64, Cooling::Air));
    }

    #[test]
    fn shares_scale_with_the_world() {
        let text = "gpus = [{ sku = \"H100\", share = \"50 %\" }, { sku = \"B200\", share = \"50 %\" }]";
        let plant = spec(text).unwrap();
        for gpus in [16, 24, 512, 1000] {
            let groups = plant.groups(gpus, &Sku::h100_sxm());
            assert_eq!(groups.iter().map(|g| g.gpus).sum::<usize>(), gpus);
            assert_eq!(groups[0].gpus % NODE, 0);
        }
    }

    #[test]
    fn findings_come_all_at_once() {
        let text = "gpus = [{ sku = \"H900\", count = 12 },\n { sku = \"B200\" }]\nchillers = 0\n\
            economiser = false\ntank = \"60 t\"\nups = \"off\"\ncolour = 1\nbess = { power = \"5 kW\" }\n";
        let found = spec(text).unwrap_err();
        let lines: Vec<usize> = found.iter().map(|f| f.line).collect();
        assert_eq!(lines, [1, 1, 1, 2, 5, 6, 7, 8], "{found:#?}");
    }
}
