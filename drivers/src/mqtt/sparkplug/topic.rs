//! Topics of Sparkplug: `spBv1.0/{group}/{kind}/{edge}[/{device}]` and `spBv1.0/STATE/{host}`.

/// What a message of an edge node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The edge node is there, with its metrics and their aliases.
    NodeBirth,
    /// A device of it is there.
    DeviceBirth,
    /// Metrics of the edge node.
    NodeData,
    /// Metrics of a device.
    DeviceData,
    /// The edge node is gone; said by the broker.
    NodeDeath,
    /// A device of it is gone; said by the edge node.
    DeviceDeath,
}

/// Filter for every message of a group.
pub(crate) fn filter(group: &str) -> String {
    format!("spBv1.0/{group}/#")
}

/// Where a host application says that it is there.
pub(crate) fn state(host: &str) -> String {
    format!("spBv1.0/STATE/{host}")
}

/// Where an edge node, or a device of it, is commanded.
pub(crate) fn command(group: &str, edge: &str, device: Option<&str>) -> String {
    match device {
        None => format!("spBv1.0/{group}/NCMD/{edge}"),
        Some(device) => format!("spBv1.0/{group}/DCMD/{edge}/{device}"),
    }
}

/// Kind, edge node and device of a message of an edge node of a group.
pub(crate) fn parse<'t>(group: &str, topic: &'t str) -> Option<(Kind, &'t str, Option<&'t str>)> {
    let rest = topic.strip_prefix("spBv1.0/")?.strip_prefix(group)?.strip_prefix('/')?;
    let mut levels = rest.split('/');
    let (kind, edge, device) = (levels.next()?, levels.next()?, levels.next());
    if levels.next().is_some() || edge.is_empty() {
        return None;
    }
    let kind = match (kind, device) {
        ("NBIRTH", None) => Kind::NodeBirth,
        ("NDATA", None) => Kind::NodeData,
        ("NDEATH", None) => Kind::NodeDeath,
        ("DBIRTH", Some(_)) => Kind::DeviceBirth,
        ("DDATA", Some(_)) => Kind::DeviceData,
        ("DDEATH", Some(_)) => Kind::DeviceDeath,
        _ => return None,
    };
    Some((kind, edge, device))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_of_edge_nodes() {
        assert_eq!(parse("g", "spBv1.0/g/DDATA/e/d"), Some((Kind::DeviceData, "e", Some("d"))));
        assert_eq!(parse("g", "spBv1.0/g/NBIRTH/e"), Some((Kind::NodeBirth, "e", None)));
        for other in [
            "spBv1.0/g/NDATA/e/d",
            "spBv1.0/g/DDATA/e",
            "spBv1.0/g/DDATA/e/d/x",
            "spBv1.0/g/NCMD/e",
            "spBv1.0/gg/NDATA/e",
            "spBv1.0/STATE/host",
            "spBv1.0/g/NDATA/",
        ] {
            assert_eq!(parse("g", other), None, "{other}");
        }
        assert_eq!(command("g", "e", None), "spBv1.0/g/NCMD/e");
        assert_eq!(command("g", "e", Some("d")), "spBv1.0/g/DCMD/e/d");
    }
}
