//! Metadata payloads: what a point is, in the words of the contract.
//!
//! The schemas are closed, so a field appears only where its point type allows it.

use serde::Serialize;

use super::contract::{PHASES, may_be_setpoint};
use crate::image::ImagePoint;

/// One metadata message. Field names and order are the contract's.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Metadata<'a> {
    object_type: &'a str,
    point_type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    eng_unit: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state_text: Option<Vec<State<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rack_location_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rack_location_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    object_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    object_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    serves_id: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    process_area: Option<Vec<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phase: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_setpoint: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    integration: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct State<'a> {
    value: i64,
    text: &'a str,
}

/// Payload of an image point. `integration` is named only on points that it owns.
pub(super) fn of_point(point: &ImagePoint, integration: &str) -> Result<Vec<u8>, serde_json::Error> {
    let generic = point.point_type == "GenericPoint";
    let mut metadata = Metadata {
        object_type: point.object_type,
        point_type: point.point_type,
        eng_unit: point.unit,
        state_text: states(point),
        is_setpoint: (point.is_setpoint && may_be_setpoint(point)).then_some(true),
        integration: point.request.then_some(integration),
        ..Metadata::default()
    };
    if generic || point.point_type == "PhaseCurrent" {
        metadata.phase = point.process_area.iter().copied().find(|a| PHASES.contains(a));
    }
    if point.object_type == "Rack" {
        metadata.rack_location_name = Some(&point.object_id);
        metadata.rack_location_id = Some(&point.object_id);
        return serde_json::to_vec(&metadata);
    }
    metadata.object_name = Some(&point.object_id);
    metadata.object_id = Some(&point.object_id);
    let meter = point.object_type == "PowerMeter";
    metadata.serves_id = (meter || !point.serves.is_empty()).then_some(&*point.serves);
    metadata.process_area = (generic || (!meter && !point.process_area.is_empty())).then(|| areas(point));
    serde_json::to_vec(&metadata)
}

/// Payload of a heartbeat point of the System object. `owner` names the integration that publishes it.
pub(super) fn of_heartbeat(
    point_type: &str,
    object_id: &str,
    owner: Option<&str>,
) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(&Metadata {
        object_type: "System",
        point_type,
        object_name: Some(object_id),
        object_id: Some(object_id),
        integration: owner,
        ..Metadata::default()
    })
}

fn states(point: &ImagePoint) -> Option<Vec<State<'_>>> {
    if point.state_text.is_empty() {
        return None;
    }
    Some(point.state_text.iter().map(|&(value, text)| State { value, text }).collect())
}

/// Process areas without the phase, which has a field of its own.
fn areas(point: &ImagePoint) -> Vec<&str> {
    point.process_area.iter().copied().filter(|a| !PHASES.contains(a)).collect()
}
