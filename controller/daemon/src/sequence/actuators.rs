//! Actuators: what each is, what the guard does to what is asked of it, and what it returns to by itself.
//!
//! The rules are those of `headroom-guard` (`setpoint`, `hold`, `state`) as `headroom-core` (`guarding`, `line/readback`) fills
//! them from the two files. Not for: what the strategy asks (`wants`).

use super::model::ActuatorSheet;
use super::say::{difference, in_s, list, number, percent, plain, seconds, span, unit_of_difference};
use super::scope::path;
use crate::files::Loaded;
use headroom_core::guarding::{QUORUM, READ_BACK_MAX_AGE_S, TRAVEL_SPANS};
use headroom_core::lease::LIFE_IN_REFRESHES;
use headroom_core::line::OPERATOR_KEEPS;
use headroom_core::topology::Reach;
use headroom_core::{Topology, Wants};
use headroom_drivers::field::BEAT_PERIODS;
use headroom_guard::HOLD_S;
use headroom_site::model::{Actuator, ModbusSpec, Saves, Sink};
use headroom_site::{Dimension, Site, Span};

/// An actuator with the numbers that the other sections need.
pub(super) struct Case<'a> {
    pub(super) site: &'a Site,
    pub(super) wants: &'a Wants,
    pub(super) topology: &'a Topology,
    pub(super) index: usize,
    pub(super) actuator: &'a Actuator,
}

/// All of them, in order of the site file.
pub(super) fn cases<'a>(loaded: &'a Loaded, topology: &'a Topology) -> impl Iterator<Item = Case<'a>> {
    let (site, wants) = (&loaded.site, &loaded.wants);
    site.actuators.iter().enumerate().map(move |(index, actuator)| Case {
        site,
        wants,
        topology,
        index,
        actuator,
    })
}

impl Case<'_> {
    pub(super) fn range(&self) -> (f64, f64) {
        self.wants.actuator_range[self.index]
    }

    pub(super) fn ramp_per_s(&self) -> f64 {
        self.wants.actuator_ramp_per_s[self.index]
    }

    pub(super) fn reach(&self) -> &Reach {
        &self.topology.reach[self.index]
    }

    /// A value in its unit, in words.
    pub(super) fn value(&self, base: f64) -> String {
        let unit = self.actuator.unit;
        format!("{} {}", plain(number(base, unit)), unit.symbol).trim_end().to_owned()
    }

    /// A difference in its unit, in words.
    pub(super) fn delta(&self, base: f64) -> String {
        let unit = self.actuator.unit;
        format!("{} {}", plain(difference(base, unit)), unit_of_difference(unit)).trim_end().to_owned()
    }

    /// Life of a command.
    pub(super) fn time_to_live(&self) -> Span {
        Span::from_ms(self.actuator.refresh.ms().max(1).saturating_mul(LIFE_IN_REFRESHES))
    }

    /// Points downstream with a limit, by name.
    pub(super) fn limited(&self) -> Vec<String> {
        self.reach().limited.iter().map(|p| format!("`{}`", self.site.points[p.index()].id)).collect()
    }

    /// Does the dew point of the room bind it?
    pub(super) fn dew_point_binds(&self) -> bool {
        self.reach().technology
            && self.actuator.unit.dimension == Dimension::Temperature
            && !self.site.meters.room_temperature.is_empty()
    }

    /// How far from its fallback it may stand on the side that saves, base unit.
    pub(super) fn furthest(&self) -> f64 {
        let (low, high) = self.range();
        match self.actuator.saves {
            Saves::Up => (high - self.actuator.fallback).max(0.0),
            Saves::Down => (self.actuator.fallback - low).max(0.0),
        }
    }

    pub(super) fn device(&self) -> Option<&ModbusSpec> {
        match self.actuator.sink {
            Sink::Modbus { device, .. } => self.site.modbus.get(device),
            Sink::Dsx { .. } | Sink::Json { .. } | Sink::Sparkplug { .. } => None,
        }
    }

    /// All of it.
    pub(super) fn sheet(&self) -> ActuatorSheet {
        let (a, unit) = (self.actuator, self.actuator.unit);
        let point = |p: Option<headroom_site::PointId>| p.map(|p| self.site.points[p.index()].id.clone());
        let (least, most) = self.range();
        ActuatorSheet {
            id: a.id.clone(),
            of: a.of.clone(),
            kind: a.kind.clone(),
            group: a.group.clone(),
            mode: self.wants.actuator_mode[self.index].to_string(),
            unit: unit.symbol.to_owned(),
            unit_of_difference: unit_of_difference(unit).to_owned(),
            site_least: number(a.range.0, unit),
            site_most: number(a.range.1, unit),
            least: number(least, unit),
            most: number(most, unit),
            ramp_per_min: difference(self.ramp_per_s() * 60.0, unit),
            step: difference(a.step, unit),
            deadband: difference(a.deadband, unit),
            refresh_s: in_s(a.refresh),
            time_to_live_s: in_s(self.time_to_live()),
            fallback: number(a.fallback, unit),
            saves: match a.saves {
                Saves::Up => "a higher value saves",
                Saves::Down => "a lower value saves",
            }
            .to_owned(),
            readback: point(a.readback),
            measures: point(a.measures),
            path: path(self.site, &a.sink),
            returns: self.returns(),
            guard: self.guard(),
            promotion: promotion(&a.group, self.wants.actuator_mode[self.index].may_write()),
        }
    }

    /// What it returns to by itself, and when.
    fn returns(&self) -> Vec<String> {
        let (fallback, refresh) = (self.value(self.actuator.fallback), span(self.actuator.refresh));
        let life = span(self.time_to_live());
        let blind = seconds(self.site.cooling_period.s() * BEAT_PERIODS as f64);
        let mut out = vec![
            format!("Returns to {fallback}, by the site file."),
            format!(
                "A command lives {life} ({LIFE_IN_REFRESHES} times its refresh of {refresh}); it is repeated every {refresh} while the \
                 controller is alive, and repetitions stop when no tick has verified its read-backs for {blind}."
            ),
        ];
        out.extend(match &self.actuator.sink {
            Sink::Dsx { connection, .. } => {
                let beat = span(self.site.mqtt[*connection].heartbeat);
                vec![
                    "Let go (lease over, mode, release, exit): one null is published, and then nothing.".to_owned(),
                    format!(
                        "Controller dead: its heartbeat every {beat} and its repetitions stop. When the BMS drops the request is the \
                         BMS's own rule and stands in neither file: to be entered by the BMS's integrator."
                    ),
                ]
            }
            Sink::Json { .. } => vec![
                "Let go (lease over, mode, release, exit): a null is published on its topic.".to_owned(),
                "Controller dead: repetitions stop. When the plant drops the value is its own rule and stands in neither file: to be \
                 entered by its integrator."
                    .to_owned(),
            ],
            Sink::Sparkplug { .. } => vec![
                format!("Let go (lease over, mode, release, exit): {fallback} is written, as Sparkplug has no leases."),
                "Controller dead: the broker turns our STATE offline. Whether the edge node then returns is its own rule and stands in \
                 neither file: to be entered by its integrator."
                    .to_owned(),
            ],
            Sink::Modbus { .. } => self.device().map_or(Vec::new(), |d| device_returns(d, &fallback)),
        });
        out
    }

    /// What the guard does to what is asked.
    fn guard(&self) -> Vec<String> {
        let (low, high) = self.range();
        let a = self.actuator;
        let (relaxes, tightens) = match a.saves {
            Saves::Up => ("up", "down"),
            Saves::Down => ("down", "up"),
        };
        let mut out = vec![
            format!("Envelope: never below {} and never above {}.", self.value(low), self.value(high)),
            format!(
                "Ramp: at most {} a minute, and no command further than {} from the read-back. It begins with what stands.",
                self.delta(self.ramp_per_s() * 60.0),
                self.delta(a.step)
            ),
            format!("Deadband: a change of less than {} is not written.", self.delta(a.deadband.min(a.step))),
            format!(
                "Wear: after a movement of {} in 24 h ({} times its range) it may only go {tightens}.",
                self.delta(TRAVEL_SPANS * (high - low)),
                plain(TRAVEL_SPANS)
            ),
            self.read_back_rule(),
        ];
        out.extend(self.relaxing_rules(relaxes));
        if self.dew_point_binds() {
            let margin = plain(self.site.dew_point_margin_k);
            out.push(format!(
                "Dew point: never below the room's dew point and {margin} K; while that is not known it does not go down."
            ));
        } else if self.reach().technology && a.unit.dimension == Dimension::Temperature {
            out.push("Dew point: no floor, as the site file names no room temperature.".to_owned());
        }
        if self.device().is_some() {
            out.push(format!(
                "Refusal: after the device refuses (local, an exception, another value read back) nothing is asked for {}.",
                span(OPERATOR_KEEPS)
            ));
        }
        out
    }

    fn read_back_rule(&self) -> String {
        let Some(point) = self.actuator.readback else {
            return format!(
                "Read-back: none. It is taken to stand where it was last asked to stand, else at {}.",
                self.value(self.actuator.fallback)
            );
        };
        let stale = span(self.site.points[point.index()].stale_after);
        format!(
            "Read-back: `{}`, bad when older than {stale}; nothing is asked from one that is older than {}.",
            self.site.points[point.index()].id,
            seconds(READ_BACK_MAX_AGE_S)
        )
    }

    /// On what conditions it may give cooling away.
    fn relaxing_rules(&self, relaxes: &str) -> Vec<String> {
        let reach = self.reach();
        let mut needs = vec!["the group is active".to_owned()];
        if !reach.gpus.is_empty() {
            needs.push(format!("at least {} of its {} GPUs are heard", percent(QUORUM), reach.gpus.len()));
        }
        let limited = self.limited();
        if !limited.is_empty() {
            needs.push(format!(
                "{} good",
                if limited.len() == 1 {
                    format!("{} is", limited[0])
                } else {
                    format!("{} are", list(&limited))
                }
            ));
        }
        if self.actuator.saves == Saves::Down && !reach.racks.is_empty() {
            let flows: Vec<String> = reach
                .racks
                .iter()
                .map(|r| format!("`{}`", self.site.points[self.topology.racks[*r].flow.index()].id))
                .collect();
            needs.push(format!("the flow of every rack is known ({})", list(&flows)));
        }
        let mut out = vec![format!("Relaxing: goes {relaxes} only while {}.", list(&needs))];
        let hold = seconds(HOLD_S);
        out.push(if !reach.gpus.is_empty() {
            format!("Hold-safe: goes {relaxes} only as far as the GPU nearest to its limit stays under it for {hold} at full load with nobody in control.")
        } else if !limited.is_empty() {
            format!("Hold-safe: goes {relaxes} only as far as the nearest of {} stays inside its limit for {hold} with nobody in control.", list(&limited))
        } else {
            format!("Hold-safe: nothing downstream has a limit, so nothing says whether it would stay safe: it never goes {relaxes}.")
        });
        out
    }
}

/// How a Modbus device comes back to its own.
fn device_returns(d: &ModbusSpec, fallback: &str) -> Vec<String> {
    let (r, name) = (&d.remote, |i: usize| format!("`{}`", d.registers[i].name));
    let mut out = vec![match (r.enable, r.timer) {
        (Some((enable, _)), _) => format!(
            "Let go (lease over, mode, release, exit): {} is switched off with the last setpoint of `{}`.",
            name(enable),
            d.id
        ),
        (None, Some((timer, _))) => {
            format!("Let go (lease over, mode, release, exit): 0 is written to {}.", name(timer))
        }
        (None, None) => format!(
            "Let go (lease over, mode, release, exit): {fallback} is written, as nothing else would return it."
        ),
    }];
    if let Some((timer, hold)) = r.timer {
        out.push(format!(
            "Controller dead: {} counts down from {} and the device takes its own setpoint back.",
            name(timer),
            span(hold)
        ));
    }
    if let Some(h) = r.heartbeat {
        out.push(format!(
            "Controller dead: {} stands still, which moved every {}. When the device then returns is its own rule and stands in \
             neither file: to be entered by its integrator.",
            name(h.register),
            span(h.period)
        ));
    }
    if r.timer.is_none() && r.heartbeat.is_none() {
        out.push("Controller dead: NOTHING returns it. The device has neither timer nor heartbeat in the site file: the last value stands until an operator acts.".to_owned());
    }
    out
}

/// How a group becomes active.
pub(super) fn promotion(group: &str, writes: bool) -> String {
    if writes {
        return format!(
            "Group `{group}` commands. To take that away: `{group} = \"advisory\"` under `[mode]` of the policy and a restart, or \
             everything at once: `headroom release`."
        );
    }
    format!(
        "Group `{group}` does not command. An operator promotes it by `{group} = \"active\"` under `[mode]` of the policy and a \
         restart; the program does not ask for evidence by itself, so agree on it here before."
    )
}
