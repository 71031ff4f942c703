//! Which texts MQTT 3.1.1 takes for topics and filters (section 4.7).

/// True if a text can be published on.
#[must_use]
pub fn is_topic(topic: &str) -> bool {
    !topic.is_empty() && topic.len() < 65_536 && !topic.contains(['+', '#', '\0'])
}

/// True if a text can be subscribed to: `+` and `#` stand alone in their level, `#` comes last.
#[must_use]
pub fn is_filter(filter: &str) -> bool {
    let levels: Vec<&str> = filter.split('/').collect();
    let alone = |(i, level): (usize, &&str)| match *level {
        "#" => i + 1 == levels.len(),
        "+" => true,
        other => !other.contains(['+', '#', '\0']),
    };
    !filter.is_empty() && filter.len() < 65_536 && levels.iter().enumerate().all(alone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters() {
        for good in ["a", "a/b", "+/b", "a/#", "#", "a//b"] {
            assert!(is_filter(good), "{good}");
        }
        for bad in ["", "a+/b", "a/#/b", "a#", "a/\0"] {
            assert!(!is_filter(bad), "{bad}");
        }
    }

    #[test]
    fn topics() {
        assert!(is_topic("a/b") && !is_topic("") && !is_topic("a/+") && !is_topic("#"));
    }
}
