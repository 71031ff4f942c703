//! One MQTT connection: packets in, packets out, keep alive, last will.
//!
//! ```text
//!  accepted --CONNECT ok--> open --DISCONNECT--> closed
//!     |                      |
//!     | 5 s, or not MQTT     +--silence, error, cut off--> will published, closed
//!     +-> closed
//! ```

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use rumqttc::{
    ConnAck, Connect, ConnectReturnCode, FixedHeader, LastWill, Packet, PingResp, PubAck, Publish, QoS,
    SubAck, Subscribe, SubscribeReasonCode, UnsubAck, check, mqttbytes, valid_filter, valid_topic,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::hub::{ClientId, Hub, Inbound, is_sure};
use super::message::Message;
use super::outbox::Outbox;

/// Time a fresh connection has to say CONNECT.
const CONNECT_TIME: Duration = Duration::from_secs(5);
/// Time to send what still waits for a peer that ends.
const LAST_WORDS: Duration = Duration::from_millis(200);
/// Largest packet accepted, bytes.
const MOST_PACKET: usize = 256 << 10;
/// About this much goes out in one write, bytes.
const WRITE_SIZE: usize = 64 << 10;
/// Room for one read, bytes.
const READ_SIZE: usize = 64 << 10;

/// How a session ended.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// DISCONNECT: the will is void.
    Clean,
    /// Anything else.
    Broken,
}

/// Serves one connection until it ends.
pub(super) async fn serve(mut stream: TcpStream, hub: Arc<Hub>) {
    // Without it, Nagle and delayed ACK add 40 ms to every lone message.
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let mut buffer = BytesMut::with_capacity(READ_SIZE);
    let hello = timeout(CONNECT_TIME, read_connect(&mut stream, &mut buffer)).await;
    let connect = match hello {
        Ok(Ok(connect)) => connect,
        Ok(Err(mqttbytes::Error::InvalidProtocolLevel(_))) => {
            return refuse(&mut stream, ConnectReturnCode::RefusedProtocolVersion).await;
        }
        _ => return,
    };
    if connect.client_id.is_empty() && !connect.clean_session {
        return refuse(&mut stream, ConnectReturnCode::BadClientId).await;
    }
    let name = if connect.client_id.is_empty() { peer_name(&stream) } else { connect.client_id.clone() };
    let Some((id, outbox)) = hub.join(&name) else {
        return refuse(&mut stream, ConnectReturnCode::ServiceUnavailable).await;
    };
    // Every session is clean: a queue that outlives its client is a list of old values.
    outbox.control(|out| put(&Packet::ConnAck(ConnAck::new(ConnectReturnCode::Success, false)), out));
    let (reader, writer) = stream.split();
    let mut session = Session { hub: &hub, outbox: &outbox, id, publishes: Vec::new() };
    let mut writing = pin!(write(writer, &outbox));
    let end = tokio::select! {
        end = session.read(reader, buffer, connect.keep_alive) => {
            outbox.finish();
            // A peer that does not read its last answers loses them.
            let _ = timeout(LAST_WORDS, &mut writing).await;
            end
        }
        () = &mut writing => End::Broken,
    };
    hub.leave(id);
    if let Some(will) = connect.last_will.filter(|_| end == End::Broken) {
        hub.publish(will_message(&will).into_iter());
    }
}

async fn read_connect(stream: &mut TcpStream, buffer: &mut BytesMut) -> Result<Connect, mqttbytes::Error> {
    loop {
        match Packet::read(buffer, MOST_PACKET) {
            Ok(Packet::Connect(connect)) => return Ok(connect),
            Ok(other) => return Err(mqttbytes::Error::NotConnect(other.packet_type())),
            Err(mqttbytes::Error::InsufficientBytes(_)) => {}
            Err(error) => return Err(error),
        }
        if stream.read_buf(buffer).await? == 0 {
            return Err(mqttbytes::Error::MalformedPacket);
        }
    }
}

async fn refuse(stream: &mut TcpStream, code: ConnectReturnCode) {
    let mut out = BytesMut::new();
    put(&Packet::ConnAck(ConnAck::new(code, false)), &mut out);
    // The peer learns by the close at the latest.
    let _ = stream.write_all(&out).await;
}

fn peer_name(stream: &TcpStream) -> String {
    stream.peer_addr().map_or_else(|_| "nameless".to_owned(), |a| format!("nameless-{a}"))
}

fn will_message(will: &LastWill) -> Option<Inbound> {
    if !valid_topic(&will.topic) {
        return None;
    }
    let message = Message::encode(will.topic.as_bytes(), &will.message)?;
    Some(Inbound { message, sure: is_sure(will.qos), retain: will.retain })
}

/// Sends what the outbox holds until it is closed or the peer is gone.
async fn write(mut writer: impl AsyncWrite + Unpin, outbox: &Outbox) {
    let mut out = BytesMut::with_capacity(WRITE_SIZE + 4096);
    while outbox.fill(&mut out, WRITE_SIZE).await {
        if writer.write_all(&out).await.is_err() {
            return;
        }
        out.clear();
    }
}

fn put(packet: &Packet, out: &mut BytesMut) {
    let before = out.len();
    if packet.write(out, usize::MAX).is_err() {
        out.truncate(before);
    }
}

struct Session<'a> {
    hub: &'a Hub,
    outbox: &'a Outbox,
    id: ClientId,
    /// Messages of the read at hand, handed over together.
    publishes: Vec<Inbound>,
}

impl Session<'_> {
    async fn read(
        &mut self,
        mut reader: impl AsyncRead + Unpin,
        mut buffer: BytesMut,
        keep_alive_s: u16,
    ) -> End {
        // MQTT 3.1.1, 3.1.2.10: one and a half times the keep alive; 0 = no limit.
        let patience = Duration::from_millis(u64::from(keep_alive_s) * 1500);
        loop {
            match self.packets(&mut buffer) {
                Ok(true) => {}
                Ok(false) => return End::Clean,
                Err(error) => {
                    tracing::debug!(%error, "mqtt connection ends");
                    return End::Broken;
                }
            }
            buffer.reserve(READ_SIZE);
            let read = reader.read_buf(&mut buffer);
            let got = if patience.is_zero() { Ok(read.await) } else { timeout(patience, read).await };
            if !matches!(got, Ok(Ok(n)) if n > 0) {
                return End::Broken;
            }
        }
    }

    /// Works off every whole packet. False = the client has said goodbye.
    fn packets(&mut self, buffer: &mut BytesMut) -> Result<bool, mqttbytes::Error> {
        let mut open = Ok(true);
        while matches!(open, Ok(true)) {
            open = match check(buffer.iter(), MOST_PACKET) {
                Ok(header) if buffer.first().is_some_and(|b| b >> 4 == 3) => self.publish(header, buffer),
                Ok(_) => Packet::read(buffer, MOST_PACKET).and_then(|p| self.packet(p)),
                Err(mqttbytes::Error::InsufficientBytes(_)) => break,
                Err(error) => Err(error),
            };
        }
        self.hand_over();
        open
    }

    fn publish(&mut self, header: FixedHeader, buffer: &mut BytesMut) -> Result<bool, mqttbytes::Error> {
        let packet = buffer.split_to(header.frame_length()).freeze();
        let publish = Publish::read(header, packet.clone())?;
        let message = match publish.qos {
            QoS::AtMostOnce => {
                let topic_at = packet.len() - publish.payload.len() - publish.topic.len();
                Message::wrap(packet, topic_at, publish.topic.len())
            }
            QoS::AtLeastOnce => {
                self.outbox.control(|out| put(&Packet::PubAck(PubAck::new(publish.pkid)), out));
                Message::encode(&publish.topic, &publish.payload).ok_or(mqttbytes::Error::PayloadTooLong)?
            }
            QoS::ExactlyOnce => return Err(mqttbytes::Error::InvalidQoS(2)),
        };
        self.publishes.push(Inbound { message, sure: is_sure(publish.qos), retain: publish.retain });
        Ok(true)
    }

    /// Publishes before a SUBSCRIBE must not reach it, so they go first.
    fn hand_over(&mut self) {
        if !self.publishes.is_empty() {
            self.hub.publish(self.publishes.drain(..));
        }
    }

    fn packet(&mut self, packet: Packet) -> Result<bool, mqttbytes::Error> {
        match packet {
            Packet::Subscribe(subscribe) => {
                self.hand_over();
                self.subscribe(&subscribe);
            }
            Packet::Unsubscribe(unsubscribe) => {
                self.hand_over();
                unsubscribe.topics.iter().for_each(|filter| self.hub.unsubscribe(self.id, filter));
                self.outbox.control(|out| put(&Packet::UnsubAck(UnsubAck::new(unsubscribe.pkid)), out));
            }
            Packet::PubAck(ack) => self.outbox.acknowledged(ack.pkid),
            Packet::PingReq => self.outbox.control(|out| {
                let _ = PingResp.write(out);
            }),
            Packet::Disconnect => return Ok(false),
            _ => return Err(mqttbytes::Error::IncorrectPacketFormat),
        }
        Ok(true)
    }

    /// The acknowledgement is queued before the retained messages, and control packets go first.
    fn subscribe(&self, subscribe: &Subscribe) {
        let granted = subscribe.filters.iter().map(|f| match (valid_filter(&f.path), is_sure(f.qos)) {
            (false, _) => SubscribeReasonCode::Failure,
            (true, false) => SubscribeReasonCode::Success(QoS::AtMostOnce),
            (true, true) => SubscribeReasonCode::Success(QoS::AtLeastOnce),
        });
        let ack = SubAck::new(subscribe.pkid, granted.collect());
        self.outbox.control(|out| put(&Packet::SubAck(ack), out));
        for filter in subscribe.filters.iter().filter(|f| valid_filter(&f.path)) {
            self.hub.subscribe(self.id, &filter.path, is_sure(filter.qos));
        }
    }
}
