//! Every key of a Modbus device and its registers: what it means, and what is found where it is wrong.

use super::{GOOD, findings, line_of};
use crate::file::{read_register_map, read_site};
use crate::model::{Forbidden, HeartbeatKind, ModbusSpec, RegisterSpace, Transport, WriteWith};
use std::path::Path;

const URL: &str = "url = \"tcp://127.0.0.1:1502\"";

/// The good site with lines put behind the device's url, and tables before the equipment.
fn with(keys: &str, tables: &str) -> String {
    GOOD.replacen(URL, &format!("{URL}\n{keys}"), 1).replacen(
        "[[equipment]]",
        &format!("{tables}\n[[equipment]]"),
        1,
    )
}

fn device(text: &str) -> ModbusSpec {
    let site = read_site("site.toml", text, Path::new(".")).map_err(|f| format!("{f:#?}\n{text}")).unwrap();
    site.modbus[0].clone()
}

#[test]
fn transports_are_told_by_the_address() {
    let at = |url: &str| device(&GOOD.replacen(URL, &format!("url = \"{url}\""), 1));
    assert_eq!(at("tcp://10.0.0.9:502").transport, Transport::Tcp);
    assert_eq!(at("10.0.0.9:502"), at("tcp://10.0.0.9:502"));
    let gateway = at("rtu+tcp://gateway:4001");
    assert_eq!((gateway.transport, gateway.address.as_str()), (Transport::RtuOverTcp, "gateway:4001"));
    let tls = "tls = { ca = \"Cargo.toml\", server-name = \"cdu\" }";
    let text = GOOD.replacen(URL, &format!("url = \"tls://10.0.0.9:802\"\n{tls}"), 1);
    let Transport::Tls(tls) = device(&text).transport else { panic!("not TLS") };
    assert!(tls.ca.ends_with("Cargo.toml") && tls.own.is_none());
    assert_eq!(tls.server_name.as_deref(), Some("cdu"));
}

#[test]
fn a_template_is_written_out_and_finds_its_own_scale() {
    let tables = r#"
[[modbus.register]]
name = "outlet"
space = "holding"
address = 100
type = "uint16"
scale-register = "sf"
unit = "W"
range = [0, 5000]
repeat = { count = 3, stride = 10 }
[[modbus.register]]
name = "sf"
space = "holding"
address = 101
type = "int16"
repeat = { count = 3, stride = 10 }
[[modbus.register]]
name = "total"
space = "holding"
address = 90
type = "uint16"
scale-register = "one-sf"
[[modbus.register]]
name = "one-sf"
space = "holding"
address = 91
type = "int16"
"#;
    let d = device(&with("forbid = [\"4096-4099\", \"holding 7\"]\nwrite = \"single\"", tables));
    let find = |name: &str| d.registers.iter().position(|r| r.name == name);
    let last = &d.registers[find("outlet-3").unwrap()];
    assert_eq!((last.address, last.scale_register, last.range), (120, find("sf-3"), Some((0.0, 5000.0))));
    assert_eq!(last.unit.map(|u| u.symbol), Some("W"));
    assert_eq!(d.registers[find("total").unwrap()].scale_register, find("one-sf"));
    assert_eq!(find("outlet"), None);
    let holding = Some(RegisterSpace::Holding);
    let forbidden =
        [Forbidden { space: None, first: 4096, last: 4099 }, Forbidden { space: holding, first: 7, last: 7 }];
    assert_eq!((d.forbid, d.write), (forbidden.to_vec(), WriteWith::Single));
}

#[test]
fn the_kind_of_a_heartbeat_is_said_or_follows_from_its_register() {
    let bit = "[[modbus.register]]\nname = \"bit\"\nspace = \"coil\"\naddress = 1\n";
    let kind = |remote: &str| {
        let tables = format!("{bit}[modbus.remote]\nheartbeat-period = \"1 s\"\n{remote}");
        device(&with("", &tables)).remote.heartbeat.unwrap().kind
    };
    assert_eq!(kind("heartbeat = \"chws-sp\""), HeartbeatKind::Counter);
    assert_eq!(kind("heartbeat = \"bit\""), HeartbeatKind::Toggle);
    assert_eq!(kind("heartbeat = \"chws-sp\"\nheartbeat-kind = \"toggle\""), HeartbeatKind::Toggle);
    let mirror = "heartbeat = \"chws-sp\"\necho = \"chws\"\nheartbeat-kind = \"mirror\"";
    assert_eq!(kind(mirror), HeartbeatKind::Mirror(0));
}

#[test]
fn each_wrong_key_is_found_at_its_line() {
    let register = |keys: &str| {
        format!(
            "[[modbus.register]]\nname = \"x\"\nspace = \"holding\"\naddress = 900\ntype = \"int32\"\n{keys}\n"
        )
    };
    let remote = |keys: &str| format!("[modbus.remote]\n{keys}\n");
    let cases = [
        (with("forbid = [\"low\"]", ""), "not a range of addresses", "forbid ="),
        (with("forbid = [\"40-41\"]", ""), "forbidden range", "address = 40"),
        (with("write = \"fc6\"", ""), "cannot be `fc6`", "write ="),
        (with("tls = { ca = \"Cargo.toml\" }", ""), "is not encrypted", "tls ="),
        (with("", &register("scale-register = \"chws-sf\"")), "unknown register", "scale-register"),
        (with("", &register("scale-register = \"x\"")), "not an int16", "scale-register"),
        (with("", &register("unit = \"degR\"")), "unknown unit", "unit = \"degR\""),
        (with("", &register("range = [9, 1]")), "not a pair", "range = [9, 1]"),
        (with("", &register("repeat = { count = 0, stride = 4 }")), "repeat.count", "repeat ="),
        (with("", &register("repeat = { count = 9, stride = 1 }")), "a stride of 1", "repeat ="),
        (with("", &register("repeat = { count = 999, stride = 99 }")), "behind the last", "address = 900"),
        (with("", &remote("heartbeat-kind = \"toggle\"")), "without `heartbeat`", "heartbeat-kind"),
        (
            with("", &remote("heartbeat = \"chws-sp\"\nheartbeat-kind = \"mirror\"")),
            "mirror",
            "heartbeat-kind",
        ),
        (with("", &remote("enable = \"chws\"")), "only be read", "enable ="),
        (with("write = \"single\"", &(register("") + &remote("enable = \"x\""))), "2 words", "enable ="),
        (with("", &remote("rewrite = 5")), "rewrite", "rewrite ="),
        (GOOD.replacen("tcp://", "udp://", 1), "not a transport", "udp://"),
        (GOOD.replacen("127.0.0.1:1502", "127.0.0.1", 1), "not an address", "url = \"tcp"),
        (GOOD.replacen("tcp://", "tls://", 1), "without `tls`", "tls://"),
        (
            GOOD.replacen(URL, "url = \"tls://h:1\"\ntls = { ca = \"gone.pem\", key = \"Cargo.toml\" }", 1),
            "there is no file",
            "tls = {",
        ),
        (
            GOOD.replacen(URL, "url = \"tls://h:1\"\ntls = { ca = \"Cargo.toml\", key = \"Cargo.toml\" }", 1),
            "go together",
            "tls = {",
        ),
        (
            GOOD.replacen("address = 10", "address = 10\nunit = \"kW\"", 1),
            "register `chws` is in kW, a power",
            "register = \"chws\" }",
        ),
    ];
    for (text, what, at) in cases {
        let found = findings(&text);
        let hit = found.iter().find(|f| f.what.contains(what));
        assert!(hit.is_some(), "{what}: {found:#?}");
        let hit = hit.unwrap();
        assert!(!hit.remedy.is_empty() && hit.line == line_of(&text, at), "{what} {at}: {hit}");
    }
}

#[test]
fn a_map_forbids_what_its_manual_forbids() {
    let text = "address-base = 1\nforbid = [\"input 5-6\"]\n[[register]]\nname = \"a\"\nspace = \"input\"\naddress = 4\ntype = \"uint16\"\n";
    let map = read_register_map("map.toml", text).unwrap();
    let input = Some(RegisterSpace::Input);
    assert_eq!(map.forbid, [Forbidden { space: input, first: 4, last: 5 }]);
    let wide = text.replace("uint16", "uint32");
    let found = read_register_map("map.toml", &wide).unwrap_err();
    assert_eq!((found.len(), found[0].line), (1, 6), "{found:#?}");
}

#[test]
fn a_name_has_no_blanks_around_it() {
    let map = |name: &str| {
        let text =
            format!("[[register]]\nname = \"{name}\"\nspace = \"input\"\naddress = 1\ntype = \"int16\"\n");
        read_register_map("m.toml", &text)
    };
    assert!(map("flow rate").is_ok());
    for name in ["flow ", "\\tflow"] {
        let found = map(name).unwrap_err();
        assert_eq!((found[0].line, found.len()), (2, 1), "{found:#?}");
        assert!(found[0].what.contains("begins or ends with a blank"), "{found:#?}");
    }
}

#[test]
fn a_map_without_end_is_told_at_its_name() {
    let text = "format = 1\n[site]\nname = \"s\"\n[[modbus]]\nid = \"m\"\nurl = \"tcp://h:502\"\nmap = \"/dev/zero\"\n";
    let found = read_site("site.toml", text, Path::new(".")).unwrap_err();
    assert_eq!((found.len(), found[0].line), (1, 7), "{found:#?}");
    assert!(found[0].what.starts_with("cannot read map `/dev/zero`: it is longer than 16 MiB"), "{found:#?}");
    assert!(found[0].remedy.contains("name a register map"), "{found:#?}");
}
