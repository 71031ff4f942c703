//! `[outlook]`: what tells the future, beside what is seen.
//!
//! Responsible for: its keys and what the site must say of them. Not for: reading the forecast file (daemon) or what is made
//! of it (`plant/belief`).

use crate::check::unknown;
use crate::words::Spans;
use headroom_site::doc::{Doc, Finding, Table};
use headroom_site::{Dimension, Site};

/// What tells the future.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OutlookWish {
    /// File with a forecast of outdoor air, seen from the folder of the policy file. None: the past and the sensor suffice.
    pub weather_forecast: Option<String>,
    /// Point with the price of electricity now, in the currency of `[objective]` per kWh. None: its `electricity`.
    pub price_point: Option<String>,
    pub(crate) at: Spans,
}

impl OutlookWish {
    /// Says of a policy's text that the forecast it names cannot be read.
    #[must_use]
    pub fn cannot_read(&self, file: &str, text: &str, why: &str) -> Vec<Finding> {
        let doc = Doc::new(file, text);
        let name = self.weather_forecast.as_deref().unwrap_or_default();
        let what = format!("`weather-forecast`: {name} cannot be read: {why}");
        doc.find(self.at.at("weather-forecast"), what, "put a forecast there, or remove the key");
        doc.findings()
    }
}

pub(crate) fn read(t: &Table<'_>) -> OutlookWish {
    let weather_forecast = t.get::<String>("weather-forecast");
    if weather_forecast.as_ref().is_some_and(|path| path.trim().is_empty()) {
        let remedy = "give the path of a forecast, or remove the key";
        t.doc().find(t.span_of("weather-forecast"), "`weather-forecast` is empty", remedy);
    }
    let price_point = t.get::<String>("price-point");
    OutlookWish { weather_forecast, price_point, at: Spans::of(t, &["weather-forecast", "price-point"]) }
}

pub(crate) fn check(doc: &Doc, site: &Site, wish: &OutlookWish) {
    let Some(id) = &wish.price_point else { return };
    match site.points.iter().find(|p| p.id == *id) {
        None => {
            let known = site.points.iter().map(|p| p.id.as_str());
            unknown(doc, wish.at.at("price-point"), "point", id, known);
        }
        Some(point) if point.unit.dimension != Dimension::Count || point.counter => {
            let what =
                format!("`price-point`: wrong unit: `{id}` is a {}, not a price", point.unit.dimension);
            let remedy = "name a point with unit = \"count\" that gives money per kWh";
            doc.find(wish.at.at("price-point"), what, remedy);
        }
        Some(_) => {}
    }
}
