//! The power tree: branches, budgets, meters.

use super::{SiteSource, list, point_id};
use std::fmt::{self, Write};

/// Id of a branch of the power tree: racks are places too, and a name means one thing.
pub(super) fn branch_id(name: &str) -> String {
    if name.starts_with("rack-") { format!("PWR-{name}") } else { name.to_owned() }
}

pub(super) fn write_power(o: &mut String, s: &SiteSource<'_>) -> fmt::Result {
    for (i, b) in s.tree.branches.iter().enumerate() {
        let rack = b.name.starts_with("rack-");
        let serves = if rack {
            vec![b.name.clone()]
        } else {
            s.tree.branches.iter().filter(|c| c.parent == Some(i)).map(|c| branch_id(&c.name)).collect()
        };
        let kind = match b.name.as_str() {
            "FEED" => "feed",
            "UPS-01" => "ups",
            "MECH" => "panel",
            _ if rack => "rack",
            _ => "busway",
        };
        writeln!(
            o,
            "[[power]]\nid = \"{}\"\nkind = \"{kind}\"\nserves = {}",
            branch_id(&b.name),
            list(serves)
        )?;
        writeln!(o, "budget = \"{:.1} kW\"\noversubscribed = true", b.budget_w / 1e3)?;
        let meter = s.image.points.iter().find(|p| {
            *p.object_id == *b.name && (p.point_type == "ActivePower" || p.point_type == "RackPower")
        });
        if let Some(p) = meter {
            writeln!(o, "meter = \"{}\"", point_id(p))?;
        }
        if i == 0 {
            writeln!(o, "limit-point = \"power/GRID/importLimit\"")?;
        }
    }
    writeln!(o)
}
