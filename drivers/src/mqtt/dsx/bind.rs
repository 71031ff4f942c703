//! Which topic each point and actuator of the site file is, from the metadata.
//!
//! A point is a topic if the object (by id, name, rack or associate) is the one it is `of`, the point type is
//! the same, and all its process areas are among the topic's. Among several, in this order: fewer typos, fewer
//! areas that the point does not name. A tie is not decided by us: the point stays unbound and says which tag
//! paths to choose from, for a wrong sensor is worse than none. A setpoint and a sensor are never mistaken for
//! each other: only a read-back, or a point with the area `Setpoint`, is bound to a topic that `isSetpoint`.

use super::metadata::{Likeness, Metadata, likeness, unit};
use crate::context::Gauge;
use headroom_site::model::{Sink, Source};
use headroom_site::quantity::Unit;
use headroom_site::{ActuatorId, Site};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What is known of the bus: topic without `BMS/v1/PUB/Metadata/`, to metadata.
pub(crate) type Catalogue = BTreeMap<String, Metadata>;

/// Something that wants a topic.
#[derive(Debug, Clone)]
struct Wish {
    /// For messages: `point \`x\`` or `actuator \`x\``.
    who: String,
    of: String,
    kind: String,
    area: Vec<String>,
    tag: Option<String>,
    unit: Unit,
    setpoint: bool,
    /// An actuator: only topics of this integration.
    integration: Option<String>,
}

/// A topic that we may write.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Outlet {
    /// `BMS/v1/{integration}/Value/...`.
    pub(crate) topic: String,
    /// Unit of the bus.
    pub(crate) unit: Unit,
}

/// The result.
#[derive(Debug, Default)]
pub(crate) struct Bindings {
    /// Topic without `BMS/v1/PUB/Value/`, to the points it feeds.
    pub(crate) gauges: HashMap<String, Vec<Gauge>>,
    pub(crate) outlets: BTreeMap<ActuatorId, Outlet>,
    /// Who is not bound, and why.
    pub(crate) unbound: Vec<String>,
    /// What is odd but was bound.
    pub(crate) findings: Vec<String>,
}

/// The wishes of one connection.
#[derive(Debug)]
pub(crate) struct Binder {
    points: Vec<(Gauge, Wish)>,
    actuators: Vec<(ActuatorId, Wish)>,
    integration: String,
}

/// Tag path of a topic remainder `objectType/pointType/tagPath`.
fn tag_path(rest: &str) -> &str {
    rest.splitn(3, '/').nth(2).unwrap_or_default()
}

impl Binder {
    pub(crate) fn new(site: &Site, connection: usize) -> Self {
        let integration = site.mqtt[connection].integration.clone();
        let readbacks: BTreeSet<usize> =
            site.actuators.iter().filter_map(|a| a.readback).map(|p| p.index()).collect();
        let points = site.points.iter().enumerate().filter_map(|(i, p)| match &p.source {
            Source::Dsx { connection: c, tag } if *c == connection => {
                let (said, area) =
                    p.area.iter().cloned().partition::<Vec<_>, _>(|a| a.eq_ignore_ascii_case("setpoint"));
                let setpoint = !said.is_empty() || readbacks.contains(&i) || p.kind.ends_with("Sp");
                let (who, of, kind) = (format!("point `{}`", p.id), p.of.clone(), p.kind.clone());
                let wish =
                    Wish { who, of, kind, area, tag: tag.clone(), unit: p.unit, setpoint, integration: None };
                Some((Gauge::of(site, i), wish))
            }
            _ => None,
        });
        let actuators = site.actuators.iter().enumerate().filter_map(|(i, a)| match &a.sink {
            Sink::Dsx { connection: c, tag } if *c == connection => {
                let (who, of, kind) = (format!("actuator `{}`", a.id), a.of.clone(), a.kind.clone());
                let area = a.area.iter().filter(|a| !a.eq_ignore_ascii_case("setpoint")).cloned().collect();
                let integration = Some(integration.clone());
                let wish =
                    Wish { who, of, kind, area, tag: tag.clone(), unit: a.unit, setpoint: true, integration };
                Some((ActuatorId(i as u32), wish))
            }
            _ => None,
        });
        Self { points: points.collect(), actuators: actuators.collect(), integration: integration.clone() }
    }

    /// Value topics these wishes can turn out to be, as filters.
    pub(crate) fn filters(&self) -> BTreeSet<String> {
        let wishes = self.points.iter().map(|(_, w)| w);
        wishes
            .map(|w| match &w.tag {
                Some(tag) => format!("BMS/v1/PUB/Value/+/+/{tag}"),
                None => format!("BMS/v1/PUB/Value/+/{}/#", w.kind),
            })
            .collect()
    }

    /// Number of points.
    pub(crate) fn points(&self) -> usize {
        self.points.len()
    }

    /// Number of actuators.
    pub(crate) fn actuator_count(&self) -> usize {
        self.actuators.len()
    }

    /// Binds everything anew.
    pub(crate) fn bind(&self, catalogue: &Catalogue) -> Bindings {
        let index = Index::new(catalogue);
        let mut out = Bindings::default();
        let mut taken: BTreeMap<&str, &str> = BTreeMap::new();
        for (gauge, wish) in &self.points {
            let Some((rest, unit)) = index.settle(wish, &mut out) else { continue };
            if let Some(other) = taken.insert(rest, &wish.who) {
                out.findings.push(format!("{} and {other} are the same topic `{rest}`", wish.who));
            }
            out.gauges.entry(rest.to_owned()).or_default().push(Gauge { unit, ..*gauge });
        }
        for (id, wish) in &self.actuators {
            let Some((rest, unit)) = index.settle(wish, &mut out) else { continue };
            let topic = format!("BMS/v1/{}/Value/{rest}", self.integration);
            out.outlets.insert(*id, Outlet { topic, unit });
        }
        out
    }
}

/// The catalogue by object and point type, and by tag path.
struct Index<'c> {
    catalogue: &'c Catalogue,
    by_object: BTreeMap<(String, String), Vec<&'c str>>,
    by_tag: BTreeMap<&'c str, Vec<&'c str>>,
}

fn key(of: &str, kind: &str) -> (String, String) {
    (of.to_lowercase(), kind.to_lowercase())
}

impl<'c> Index<'c> {
    fn new(catalogue: &'c Catalogue) -> Self {
        let mut by_object: BTreeMap<_, Vec<&str>> = BTreeMap::new();
        let mut by_tag: BTreeMap<_, Vec<&str>> = BTreeMap::new();
        for (rest, m) in catalogue {
            by_tag.entry(tag_path(rest)).or_default().push(rest);
            let mut keys: Vec<_> = m.names.iter().map(|n| key(n, &m.point_type)).collect();
            keys.sort();
            keys.dedup();
            for k in keys {
                by_object.entry(k).or_default().push(rest);
            }
        }
        Self { catalogue, by_object, by_tag }
    }

    /// The one topic for a wish, with the unit it speaks; else says in `out` why there is none.
    fn settle(&self, wish: &Wish, out: &mut Bindings) -> Option<(&'c str, Unit)> {
        let found = match &wish.tag {
            Some(tag) => self.by_tag(wish, tag),
            None => self.by_metadata(wish, out),
        };
        let checked = found.and_then(|rest| {
            let m = &self.catalogue[rest];
            unit(m.unit.as_deref(), wish.unit).map(|u| (rest, u)).map_err(|e| format!("{e} (topic `{rest}`)"))
        });
        checked.map_err(|why| out.unbound.push(format!("{}: {why}", wish.who))).ok()
    }

    fn by_tag(&self, wish: &Wish, tag: &str) -> Result<&'c str, String> {
        let all = self.by_tag.get(tag).map(Vec::as_slice).unwrap_or_default();
        let ours: Vec<_> = all.iter().copied().filter(|r| self.may_have(wish, r)).collect();
        match (ours.as_slice(), all) {
            ([one], _) => Ok(one),
            ([], []) => Err(format!("no metadata with tag path `{tag}` yet")),
            ([], [other, ..]) => Err(self.not_ours(wish, other)),
            (many, _) => Err(format!("tag path `{tag}` stands for {} topics", many.len())),
        }
    }

    /// A point may have any topic, an actuator only one whose metadata names us.
    fn may_have(&self, wish: &Wish, rest: &str) -> bool {
        wish.integration.is_none() || self.catalogue[rest].integration == wish.integration
    }

    fn not_ours(&self, wish: &Wish, rest: &str) -> String {
        let owner = self.catalogue[rest].integration.as_deref().unwrap_or("the BMS");
        let we = wish.integration.as_deref().unwrap_or_default();
        format!("`{rest}` belongs to {owner}, not to {we}")
    }

    fn by_metadata(&self, wish: &Wish, out: &mut Bindings) -> Result<&'c str, String> {
        let all = self.by_object.get(&key(&wish.of, &wish.kind)).map(Vec::as_slice).unwrap_or_default();
        let mut ranked: Vec<(usize, usize, &'c str)> = all
            .iter()
            .filter(|r| self.may_have(wish, r))
            .filter_map(|r| self.rank(wish, r).map(|(typos, extra)| (typos, extra, *r)))
            .collect();
        ranked.sort_unstable();
        match ranked.as_slice() {
            [] => Err(match all {
                [] => format!("no metadata for {} {} yet", wish.of, wish.kind),
                [other, ..] if !all.iter().any(|r| self.may_have(wish, r)) => self.not_ours(wish, other),
                _ => format!("none of {} topics of {} {} has its areas", all.len(), wish.of, wish.kind),
            }),
            [a, b, ..] if (a.0, a.1) == (b.0, b.1) => {
                let tags: Vec<_> = ranked
                    .iter()
                    .filter(|r| (r.0, r.1) == (a.0, a.1))
                    .map(|r| format!("`{}`", tag_path(r.2)))
                    .collect();
                Err(format!("ambiguous; give it a tag: {}", tags.join(" or ")))
            }
            [(typos, _, rest), ..] => {
                if *typos > 0 {
                    let words = self.catalogue[*rest].words.join(", ");
                    out.findings.push(format!("{}: taken for `{rest}` though it says [{words}]", wish.who));
                }
                Ok(rest)
            }
        }
    }

    /// Typos and areas the wish does not name; `None` if the topic is not it.
    fn rank(&self, wish: &Wish, rest: &str) -> Option<(usize, usize)> {
        let m = &self.catalogue[rest];
        let sensor_or_setpoint = m.is_setpoint == wish.setpoint || m.point_type == "GenericPoint";
        if wish.integration.is_none() && !sensor_or_setpoint {
            return None;
        }
        let mut typos = 0;
        for area in &wish.area {
            let best = m.words.iter().filter_map(|w| likeness(area, w)).min()?;
            typos += usize::from(best == Likeness::Typo);
        }
        Some((typos, m.words.len().saturating_sub(wish.area.len())))
    }
}
