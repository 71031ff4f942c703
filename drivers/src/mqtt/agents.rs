//! The topics on which the controller meets the agents of the GPU nodes.
//!
//! `headroom/v1/{site}/node/{node}/telemetry` (agent, QoS 0), `.../command` (controller, QoS 1, never
//! retained: an order that waits in a broker is an old order), `.../status` (agent, retained, and its will).

/// What an agent's topic ends in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaf {
    /// Reports of the agent.
    Telemetry,
    /// Orders of the controller.
    Command,
    /// Whether the agent is there.
    Status,
}

impl Leaf {
    const ALL: [Self; 3] = [Self::Telemetry, Self::Command, Self::Status];

    /// Its word in the topic.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Telemetry => "telemetry",
            Self::Command => "command",
            Self::Status => "status",
        }
    }
}

/// A name as one topic level that every broker takes: NATS refuses `.` and space, MQTT reserves `/ + # $`.
#[must_use]
pub fn level(name: &str) -> String {
    name.chars().map(|c| if c.is_alphanumeric() || matches!(c, '-' | '_' | ':') { c } else { '-' }).collect()
}

/// Topic of a node.
#[must_use]
pub fn topic(site: &str, node: &str, leaf: Leaf) -> String {
    format!("headroom/v1/{}/node/{}/{}", level(site), level(node), leaf.word())
}

/// Filter for one leaf of every node of a site.
#[must_use]
pub fn filter(site: &str, leaf: Leaf) -> String {
    format!("headroom/v1/{}/node/+/{}", level(site), leaf.word())
}

/// Node (as a topic level) and leaf of a topic of this site.
#[must_use]
pub fn parse<'t>(site: &str, topic: &'t str) -> Option<(&'t str, Leaf)> {
    let rest =
        topic.strip_prefix("headroom/v1/")?.strip_prefix(level(site).as_str())?.strip_prefix("/node/")?;
    let (node, word) = rest.split_once('/')?;
    Leaf::ALL.into_iter().find(|l| l.word() == word).map(|leaf| (node, leaf))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_found_again() {
        for leaf in Leaf::ALL {
            assert_eq!(parse("My Site/1", &topic("My Site/1", "n.1", leaf)), Some(("n-1", leaf)));
        }
        assert_eq!(parse("a", "headroom/v1/b/node/n/status"), None);
        assert_eq!(parse("a", "headroom/v1/a/node/n/status/x"), None);
        assert_eq!(filter("a b", Leaf::Status), "headroom/v1/a-b/node/+/status");
    }
}
