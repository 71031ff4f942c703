//! A connection inside TLS, with certificates on both sides, over a real mosquitto.

use super::{message, next, until_up};
use crate::mqtt::client::*;
use crate::testing::{Authority, Broker, free_port};
use headroom_site::model::Tls;

/// What comes of a connection: up, or why not.
async fn comes_up(address: Address) -> Result<(), String> {
    let (_client, mut events) = MqttClient::start(address, "a", None, vec![]).unwrap();
    match next(&mut events).await {
        Event::Up => Ok(()),
        Event::Down(why) => Err(why),
        other => Err(format!("{other:?}")),
    }
}

#[tokio::test]
async fn both_sides_show_certificates_and_a_late_one_is_taken() {
    let (Some(good), Some(other)) = (Authority::new("mqtt"), Authority::new("mqtt-other")) else { return };
    let broker = good.signs("broker", "IP:127.0.0.1").unwrap();
    let own = good.signs("controller", "DNS:controller").unwrap();
    let forged = other.signs("controller", "DNS:controller").unwrap();
    let Some(broker) = Broker::encrypted_mosquitto(free_port(), &good.ca(), &broker) else { return };
    let url = broker.url().replace("mqtt://", "mqtts://");
    let address = |ca: String, own: Option<&[String; 2]>| {
        let own = own.map(|[certificate, key]| (certificate.clone(), key.clone()));
        Address { url: url.clone(), tls: Some(Tls { ca, own, server_name: None }) }
    };

    let heard = vec!["order/#".to_owned()];
    let trusted = address(good.ca(), Some(&own));
    let (client, mut events) = MqttClient::start(trusted.clone(), "b", None, heard).unwrap();
    until_up(&mut events).await;
    client.try_publish("order/1", "one", Delivery::Command).unwrap();
    assert_eq!(message(&mut events).await.1, "one");

    assert!(comes_up(address(good.ca(), None)).await.is_err(), "a certificate is asked for");
    assert!(comes_up(address(good.ca(), Some(&forged))).await.is_err(), "by an authority that is known");
    let why = comes_up(address(other.ca(), Some(&own))).await.unwrap_err().to_lowercase();
    assert!(why.contains("certificate"), "whom we do not trust hears nothing: {why}");
    let [host, port] = ["localhost".to_owned(), broker.port.to_string()];
    let elsewhere = Address { url: format!("mqtts://{host}:{port}"), ..trusted };
    let why = comes_up(elsewhere).await.unwrap_err().to_lowercase();
    assert!(why.contains("certificate"), "nor who has another name: {why}");

    // A certificate that is there at last is taken by itself.
    let late = [good.file("late.pem"), good.file("late.key")];
    let (_late, mut events) =
        MqttClient::start(address(good.ca(), Some(&late)), "late", None, vec![]).unwrap();
    let Event::Down(why) = next(&mut events).await else { panic!("without its file it is not up") };
    assert!(why.contains("late.pem") || why.contains("late.key"), "{why}");
    for (from, to) in own.iter().zip(&late) {
        std::fs::copy(from, to).unwrap();
    }
    until_up(&mut events).await;
}
