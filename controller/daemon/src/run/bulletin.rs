//! Advice for whoever listens: published beside the field in every mode but shadow, and heard by no actuator.
//!
//! It goes out on a connection of its own, so that a controller that may not write has nothing in its field that
//! could.

use anyhow::Result;
use headroom_drivers::mqtt::agents::level;
use headroom_drivers::mqtt::client::{Delivery, MqttClient};
use headroom_site::Site;

/// The way out, if the site has a broker on which agents meet.
pub(super) struct Bulletin(Option<MqttClient>);

impl Bulletin {
    /// Connects, inside a tokio runtime; `start` tells this start of this controller from others.
    ///
    /// # Errors
    /// The address is not one.
    pub(super) fn open(site: &Site, start: &str) -> Result<Self> {
        let Some(bus) = site.mqtt.iter().find(|m| m.agents) else { return Ok(Self(None)) };
        let id = format!("headroom-advice-{}-{}-{start}", level(&site.name), std::process::id());
        let (client, mut events) = MqttClient::start(bus, &id, None, Vec::new())?;
        tokio::spawn(async move { while events.recv().await.is_some() {} });
        Ok(Self(Some(client)))
    }

    /// Publishes; dropped while there is no connection, since the next advice is newer.
    pub(super) fn tell(&self, topic: &str, payload: Vec<u8>) {
        if let Some(client) = &self.0
            && let Err(reason) = client.try_publish(topic, payload, Delivery::Telemetry)
        {
            tracing::debug!(topic, %reason, "advice not published");
        }
    }

    /// Says goodbye.
    pub(super) async fn close(self) {
        if let Some(client) = self.0 {
            client.close().await;
        }
    }
}
