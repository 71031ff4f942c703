//! MQTT of the site file: connections, and what points and actuators say of them.
//!
//! Responsible for: the keys of each dialect, and which of them cannot stand together.
//! Not for: whether a broker knows a topic.

use super::Names;
use super::registers::word;
use super::tls;
use super::wires::scheme;
use crate::doc::{At, Table};
use crate::model::{Dialect, MqttSpec, Sink, Source, SparkplugSpec, TimeFormat, Tls};
use crate::time::Span;
use std::path::Path;

/// Where the metrics of a birth are looked for: edge node, device, name.
type Metric = (String, Option<String>, String);

/// Reads `[[mqtt]]`.
pub(super) fn read(root: &Table<'_>, base: &Path) -> (Vec<MqttSpec>, Names) {
    let mut names = Names::new("mqtt connection");
    let mut out: Vec<MqttSpec> = Vec::new();
    root.tables("mqtt", |t| {
        let Some(id) = t.need_at::<String>("id") else { return };
        names.add(t.doc(), &id, out.len());
        let spec = connection(t, id.value, base);
        beside(t, &spec, &out);
        out.push(spec);
    });
    (out, names)
}

fn connection(t: &Table<'_>, id: String, base: &Path) -> MqttSpec {
    let dialects = [("dsx", Dialect::Dsx), ("json", Dialect::Json), ("sparkplug", Dialect::Sparkplug)];
    let dialect = word(t, "dialect", &dialects).unwrap_or(Dialect::Dsx);
    let of_others: &[&str] = match dialect {
        Dialect::Sparkplug => &["integration", "heartbeat"],
        Dialect::Dsx | Dialect::Json => &["group", "host", "rebirth", "reorder"],
    };
    for key in of_others.iter().filter(|key| t.has(key)) {
        let (owner, remedy) = match dialect {
            Dialect::Sparkplug => ("dsx", "remove it; a Sparkplug host is named by `host`"),
            Dialect::Dsx | Dialect::Json => ("sparkplug", "remove it, or say dialect = \"sparkplug\""),
        };
        t.doc().find(t.span_of(key), format!("`{key}` is a key of the dialect {owner}"), remedy);
    }
    let url = scheme(t, "url", &["mqtt://", "mqtts://"]).unwrap_or_default();
    let tls = encryption(t, &url, base);
    let integration = t.or("integration", "headroom".to_owned());
    let (heartbeat, agents) = (t.or("heartbeat", Span::from_s(10.0)), t.or("agents", false));
    MqttSpec { id, url, tls, dialect, integration, heartbeat, agents, sparkplug: sparkplug(t, dialect) }
}

/// Whom a connection trusts, if it is encrypted. Each host reads the site file, and has its own certificate at the same path.
fn encryption(t: &Table<'_>, url: &str, base: &Path) -> Option<Tls> {
    let tls = t.table("tls", |tls| tls::read(tls, base));
    match (url.starts_with("mqtts://"), &tls) {
        (true, None) => {
            let remedy = "add tls = { ca = \"...\" }, the authority of the broker's certificate";
            t.doc().find(t.span_of("url"), "an mqtts:// address without `tls`", remedy);
        }
        (false, Some(_)) => {
            let what = "`tls` is given, but the address is not encrypted";
            t.doc().find(t.span_of("tls"), what, "write url = \"mqtts://host:port\", or remove `tls`");
        }
        (_, Some(tls)) if tls.server_name.is_some() => {
            let remedy = "remove it: the broker's certificate must name the host of `url`";
            t.doc().find(t.span_of("tls"), "`server-name` is not for MQTT", remedy);
        }
        _ => {}
    }
    tls
}

fn sparkplug(t: &Table<'_>, dialect: Dialect) -> SparkplugSpec {
    let default = SparkplugSpec::default();
    let group = t.at::<String>("group");
    if dialect == Dialect::Sparkplug && !t.has("group") {
        t.doc().find(
            t.span(),
            "a Sparkplug connection has no `group`",
            "add group = \"...\", the group id of its edge nodes",
        );
    }
    if let Some(at) = group.as_ref().filter(|g| g.value == "STATE") {
        t.doc().find(at.span.clone(), "`STATE` is no group", "name the group id of the edge nodes");
    }
    let host = t.at::<String>("host");
    for at in group.iter().chain(&host) {
        level(t, at);
    }
    let reorder = t.at::<Span>("reorder");
    if let Some(at) = reorder.as_ref().filter(|r| r.value > Span::from_s(60.0)) {
        t.doc().find(
            at.span.clone(),
            "`reorder` is longer than a minute",
            "wait seconds, not minutes, for a message that is late",
        );
    }
    SparkplugSpec {
        group: group.map_or(default.group, |g| g.value),
        host: host.map_or(default.host, |h| h.value),
        rebirth: t.or("rebirth", default.rebirth),
        reorder: reorder.map_or(default.reorder, |r| r.value),
    }
}

/// A word that is to be one level of a topic.
fn level(t: &Table<'_>, at: &At<String>) {
    if at.value.is_empty() || at.value.contains(['/', '+', '#', '\0']) {
        let what = format!("`{}` cannot be a level of a topic", at.value);
        t.doc().find(at.span.clone(), what, "use a name without `/`, `+` and `#`");
    }
}

/// What a connection must not be beside those before it.
fn beside(t: &Table<'_>, spec: &MqttSpec, before: &[MqttSpec]) {
    let of_sparkplug = |s: &&MqttSpec| s.dialect == Dialect::Sparkplug && s.url == spec.url;
    if spec.dialect != Dialect::Sparkplug {
        return;
    }
    for other in before.iter().filter(of_sparkplug) {
        if other.sparkplug.host != spec.sparkplug.host {
            let what = format!("`{}` is another host on the same broker", other.id);
            t.doc().find(t.span_of("host"), what, "give both the same `host`: one broker sees one of us");
        }
        if other.sparkplug.group == spec.sparkplug.group {
            let what = format!("`{}` reads this group already", other.id);
            t.doc().find(t.span_of("group"), what, "name another group, or use that connection");
        }
    }
}

/// A topic of one document: no wildcards.
fn topic(t: &Table<'_>) -> Option<String> {
    let at = t.need_at::<String>("topic")?;
    if at.value.is_empty() || at.value.contains(['+', '#', '\0']) {
        let what = format!("`{}` is not one topic", at.value);
        t.doc().find(at.span, what, "name one topic, without `+` and `#`, per point");
        return None;
    }
    Some(at.value)
}

/// A JSON pointer (RFC 6901): empty, or `/` before each step, with `~0` and `~1` for `~` and `/`.
fn pointer(t: &Table<'_>, key: &str) -> Option<String> {
    let at = t.at::<String>(key)?;
    let escaped = at.value.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
    if !(at.value.is_empty() || at.value.starts_with('/')) || !escaped {
        let what = format!("`{}` is not a JSON pointer", at.value);
        t.doc().find(
            at.span,
            what,
            "write \"/a/0/b\" for element 0 of `a`, key `b`; `~1` for a `/` in a key",
        );
        return None;
    }
    Some(at.value)
}

fn time_format(t: &Table<'_>) -> TimeFormat {
    let formats = TimeFormat::ALL.map(|f| (f.word(), f));
    let format = word(t, "time-format", &formats).unwrap_or(TimeFormat::UnixMs);
    if t.has("time-format") && !t.has("time") {
        t.doc().find(
            t.span_of("time-format"),
            "a `time-format` without `time`",
            "add time = \"/...\", the pointer to it",
        );
    }
    format
}

fn metric(t: &Table<'_>) -> Option<Metric> {
    let edge = t.need_at::<String>("edge");
    let device = t.at::<String>("device");
    let metric = t.need_at::<String>("metric");
    for at in edge.iter().chain(&device) {
        level(t, at);
    }
    if let Some(at) = metric.as_ref().filter(|m| m.value.is_empty()) {
        t.doc().find(at.span.clone(), "`metric` is empty", "write the name that the birth gives it");
    }
    Some((edge?.value, device.map(|d| d.value), metric?.value))
}

/// `from = { mqtt = ... }`.
pub(super) fn source(t: &Table<'_>, connection: usize, dialect: Dialect) -> Option<Source> {
    Some(match dialect {
        Dialect::Dsx => Source::Dsx { connection, tag: t.get("tag") },
        Dialect::Json => {
            let (topic, at, time) = (topic(t), pointer(t, "pointer"), pointer(t, "time"));
            let time_format = time_format(t);
            Source::Json { connection, topic: topic?, pointer: at.unwrap_or_default(), time, time_format }
        }
        Dialect::Sparkplug => {
            let (edge, device, metric) = metric(t)?;
            Source::Sparkplug { connection, edge, device, metric }
        }
    })
}

/// `to = { mqtt = ... }`.
pub(super) fn sink(t: &Table<'_>, connection: usize, dialect: Dialect) -> Option<Sink> {
    Some(match dialect {
        Dialect::Dsx => Sink::Dsx { connection, tag: t.get("tag") },
        Dialect::Json => Sink::Json { connection, topic: topic(t)? },
        Dialect::Sparkplug => {
            let (edge, device, metric) = metric(t)?;
            Sink::Sparkplug { connection, edge, device, metric }
        }
    })
}
