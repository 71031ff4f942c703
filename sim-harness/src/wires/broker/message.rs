//! Messages as they travel through the broker: encoded once, shared by reference count.

use bytes::{BufMut, Bytes, BytesMut};

/// Most bytes of a remaining length that MQTT can say.
const MOST_REMAINING: usize = 268_435_455;

/// One published message, held as its own QoS 0 packet.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    packet: Bytes,
    /// Where the topic starts, after the fixed header and the topic length.
    topic_at: usize,
    topic_len: usize,
}

impl Message {
    /// Encodes a message; `None` if MQTT cannot carry it.
    pub(crate) fn encode(topic: &[u8], payload: &[u8]) -> Option<Self> {
        let mut out = BytesMut::with_capacity(topic.len() + payload.len() + 8);
        let topic_at = write(&mut out, topic, payload)?;
        Some(Self { packet: out.freeze(), topic_at, topic_len: topic.len() })
    }

    /// Wraps a received QoS 0 packet without a copy. `topic_at` is where its topic starts.
    pub(crate) fn wrap(packet: Bytes, topic_at: usize, topic_len: usize) -> Self {
        Self { packet, topic_at, topic_len }
    }

    /// The topic.
    pub(crate) fn topic(&self) -> &[u8] {
        self.packet.get(self.topic_at..self.topic_at + self.topic_len).unwrap_or_default()
    }

    /// The payload.
    pub(crate) fn payload(&self) -> &[u8] {
        self.packet.get(self.topic_at + self.topic_len..).unwrap_or_default()
    }

    /// Bytes on the wire.
    pub(crate) fn len(&self) -> usize {
        self.packet.len()
    }

    /// A copy that does not keep the buffer alive from which the message was cut.
    pub(crate) fn detached(&self) -> Self {
        Self { packet: Bytes::copy_from_slice(&self.packet), ..*self }
    }

    /// Appends the QoS 0 packet.
    pub(crate) fn write_qos0(&self, out: &mut BytesMut, retain: bool) {
        if let Some((first, rest)) = self.packet.split_first() {
            out.put_u8((first & 0xF0) | u8::from(retain));
            out.put_slice(rest);
        }
    }

    /// Appends the QoS 1 packet with its packet id.
    pub(crate) fn write_qos1(&self, out: &mut BytesMut, retain: bool, id: u16) {
        out.put_u8(0b0011_0010 | u8::from(retain));
        write_length(out, 2 + self.topic_len + 2 + self.payload().len());
        out.put_u16(self.topic_len as u16);
        out.put_slice(self.topic());
        out.put_u16(id);
        out.put_slice(self.payload());
    }
}

/// Appends a QoS 0 PUBLISH packet and says where, from its start, the topic begins.
fn write(out: &mut BytesMut, topic: &[u8], payload: &[u8]) -> Option<usize> {
    let topic_len = u16::try_from(topic.len()).ok().filter(|&n| n > 0)?;
    let remaining = 2 + topic.len() + payload.len();
    if remaining > MOST_REMAINING {
        return None;
    }
    out.put_u8(0b0011_0000);
    let header = 1 + write_length(out, remaining);
    out.put_u16(topic_len);
    out.put_slice(topic);
    out.put_slice(payload);
    Some(header + 2)
}

fn write_length(out: &mut BytesMut, mut length: usize) -> usize {
    let mut bytes = 0;
    loop {
        let low = (length & 0x7F) as u8;
        length >>= 7;
        bytes += 1;
        out.put_u8(if length > 0 { low | 0x80 } else { low });
        if length == 0 {
            return bytes;
        }
    }
}

/// Messages of one tick, encoded one after the other into one buffer.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    buffer: BytesMut,
    entries: Vec<Entry>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    len: usize,
    topic_at: usize,
    topic_len: usize,
    retain: bool,
}

impl Batch {
    /// Adds a message; one that MQTT cannot carry is left out.
    pub(crate) fn push(&mut self, topic: &str, payload: &[u8], retain: bool) {
        let before = self.buffer.len();
        if let Some(topic_at) = write(&mut self.buffer, topic.as_bytes(), payload) {
            let len = self.buffer.len() - before;
            self.entries.push(Entry { len, topic_at, topic_len: topic.len(), retain });
        }
    }

    /// Messages inside.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Takes the messages out, with their retain flags.
    pub(crate) fn take(&mut self) -> impl Iterator<Item = (Message, bool)> {
        let mut whole = self.buffer.split().freeze();
        self.entries.drain(..).map(move |e| {
            let packet = whole.split_to(e.len);
            (Message::wrap(packet, e.topic_at, e.topic_len), e.retain)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rumqttc::{Packet, QoS};

    fn read(mut bytes: BytesMut) -> rumqttc::Publish {
        let Ok(Packet::Publish(publish)) = Packet::read(&mut bytes, 1 << 20) else { panic!("no publish") };
        assert!(bytes.is_empty());
        publish
    }

    #[test]
    fn packets_of_every_length_read_back() {
        for size in [0, 1, 120, 121, 122, 123, 16_370, 16_376, 16_377, 16_380, 300_000] {
            let payload = vec![b'x'; size];
            let message = Message::encode(b"a/bc", &payload).unwrap();
            assert_eq!((message.topic(), message.payload()), (&b"a/bc"[..], &payload[..]));
            let mut plain = BytesMut::new();
            message.write_qos0(&mut plain, true);
            assert_eq!(plain.len(), message.len());
            let plain = read(plain);
            assert_eq!((plain.qos, plain.retain, plain.payload.len()), (QoS::AtMostOnce, true, size));
            let mut sure = BytesMut::new();
            message.write_qos1(&mut sure, false, 7);
            let sure = read(sure);
            assert_eq!((sure.qos, sure.retain, sure.pkid), (QoS::AtLeastOnce, false, 7));
            assert_eq!((&sure.topic[..], sure.payload.len()), (&b"a/bc"[..], size));
        }
        assert!(Message::encode(b"", b"x").is_none());
    }

    #[test]
    fn a_batch_gives_back_what_went_in() {
        let mut batch = Batch::default();
        for round in 0..2 {
            batch.push("one", b"1", true);
            batch.push("", b"left out", false);
            batch.push("two/2", &[round; 200], false);
            assert_eq!(batch.len(), 2);
            let all: Vec<(Message, bool)> = batch.take().collect();
            assert_eq!((all[0].0.topic(), all[0].0.payload(), all[0].1), (&b"one"[..], &b"1"[..], true));
            assert_eq!((all[1].0.topic(), all[1].0.payload()), (&b"two/2"[..], &[round; 200][..]));
        }
    }
}
