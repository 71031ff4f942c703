use super::*;
use headroom_site::Stamp;
use headroom_site::file::read_site;
use std::path::{Path, PathBuf};

fn options() -> Options {
    Options {
        url: "mqtt://127.0.0.1:1883".into(),
        integration: "US".into(),
        seconds: 1.0,
        out: PathBuf::from("x.toml"),
        name: "pod".into(),
        format: Format::Plain,
    }
}

fn heard(rows: &[(&str, &str, Option<f64>)]) -> Survey {
    let mut survey = Survey::default();
    let at = Stamp::from_unix_ms(1_700_000_000_000);
    for (rest, said, value) in rows {
        survey.take(&format!("BMS/v1/PUB/Metadata/{rest}"), said.as_bytes(), at);
        if let Some(v) = value {
            let text = format!("{{\"value\":{v},\"timestamp\":1700000000000,\"quality\":1}}");
            survey.take(&format!("BMS/v1/PUB/Value/{rest}"), text.as_bytes(), at);
        }
    }
    survey
}

#[test]
fn a_draft_has_topology_points_requests_and_a_tree_and_passes_the_check() {
    let cdu = "\"objectType\":\"CDU\",\"objectId\":\"CDU 1\",\"servesId\":[\"R1\",\"R2\"],\"engUnit\":\"C\"";
    let meter = |id: &str, serves: &str| {
        format!(
            "{{\"objectType\":\"PowerMeter\",\"pointType\":\"ActivePower\",\"objectId\":\"{id}\",\"servesId\":{serves},\"engUnit\":\"kW\"}}"
        )
    };
    let rows = [
        ("CDU/LiquidTemperature/c1/s/fb", format!("{{{cdu},\"pointType\":\"LiquidTemperature\",\"processArea\":[\"Seccondary\",\"Supply\"]}}"), Some(31.0)),
        ("CDU/LiquidTemperature/c1/t/finalSetpoint", format!("{{{cdu},\"pointType\":\"LiquidTemperature\",\"processArea\":[\"Secondary\",\"Supply\"],\"isSetpoint\":true}}"), Some(32.0)),
        ("CDU/LiquidTemperatureSpRequest/c1/t/request", format!("{{{cdu},\"pointType\":\"LiquidTemperatureSpRequest\",\"processArea\":[\"Secondary\",\"Supply\"],\"integration\":\"US\"}}"), None),
        ("CDU/LiquidTemperatureSpRequest/c1/u/request", format!("{{{cdu},\"pointType\":\"LiquidTemperatureSpRequest\",\"integration\":\"THEM\"}}"), None),
        ("Rack/RackPower/r1/p", "{\"objectType\":\"Rack\",\"pointType\":\"RackPower\",\"rackLocationId\":\"R1\",\"engUnit\":\"kW\"}".to_owned(), Some(40.0)),
        ("PowerMeter/ActivePower/a", meter("BUS-A", "[\"R1\",\"TAP\"]"), Some(90.0)),
        ("PowerMeter/ActivePower/b", meter("BUS-B", "[\"R1\"]"), Some(90.0)),
        ("Sensor/AirNoise/n", "{\"objectType\":\"Sensor\",\"pointType\":\"Noise\",\"objectId\":\"S \\\"1\\\"\",\"engUnit\":\"dB\"}".to_owned(), None),
    ];
    let rows: Vec<(&str, &str, Option<f64>)> = rows.iter().map(|(r, s, v)| (*r, s.as_str(), *v)).collect();
    let (text, summary) = draft(&heard(&rows), &options());
    let site =
        read_site("draft.toml", &text, Path::new(".")).unwrap_or_else(|found| panic!("{found:#?}\n{text}"));
    assert_eq!((summary.points, summary.actuators, summary.racks), (6, 1, 2), "{text}");
    let request = &site.actuators[0];
    assert_eq!((request.range, request.fallback), ((30.0, 34.0), 32.0));
    assert_eq!(request.readback, site.point("CDU 1.Secondary.Supply.LiquidTemperature.setpoint"));
    assert_eq!(request.measures, site.point("CDU 1.Secondary.Supply.LiquidTemperature"));
    let names: Vec<&str> = site.power.iter().map(|b| b.id.as_str()).collect();
    assert_eq!(names, ["BUS-A", "BUS-B", "TAP"]);
    assert_eq!((site.power[0].racks.len(), site.power[1].racks.len()), (1, 0));
    assert!(text.contains("a second feed is a redundancy") && text.contains("belongs to THEM"), "{text}");
    assert!(
        text.contains("the bus says dB") && text.contains("the bus spells its areas Seccondary"),
        "{text}"
    );
    assert_eq!(site.downstream("CDU 1").len(), 3, "itself and two racks");
}
