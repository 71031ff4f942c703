//! Frames of Modbus, as bytes: what is asked, what may be the answer to it, and nothing else.
//!
//! Responsible for: requests to bytes, bytes to the answer of this one request, for Modbus TCP and for RTU frames
//! over TCP. Not for: sockets, deadlines. Every check that keeps a foreign frame from being taken for the answer stands
//! here: transaction (TCP only), unit, function, byte count, repeated address, checksum (RTU only), and that nothing
//! follows.
//!
//! ```text
//! TCP: transaction 2, 0 0, length 2, unit 1, function 1, data      (Modbus Messaging on TCP/IP 1.0b, 3.1.3)
//! RTU: unit 1, function 1, data, CRC low, CRC high                 (Modbus over Serial Line 1.02, 2.5.1)
//! ```

use super::plan::Block;
use headroom_site::model::RegisterSpace;

/// What is asked of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ask {
    /// FC1 to FC4: space, first address, how many.
    Read(RegisterSpace, u16, u16),
    /// FC5.
    WriteCoil(u16, bool),
    /// FC6.
    WriteOne(u16, u16),
    /// FC16; at most 123 words.
    WriteMany(u16, Vec<u16>),
    /// FC43/14, basic objects from this one; over TCP only, as the answer's length stands in no request.
    Identify(u8),
}

/// How frames are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// Modbus TCP.
    Tcp,
    /// RTU.
    Rtu,
}

/// Why bytes are not the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Wrong {
    /// The device refuses, in a frame of its own right.
    #[error("exception {0}")]
    Exception(u8),
    /// Transaction of another request.
    #[error("an answer to transaction {0}, not {1}")]
    Transaction(u16, u16),
    /// Not the header of Modbus TCP.
    #[error("these bytes are not Modbus TCP")]
    Header,
    /// Another unit speaks.
    #[error("an answer of unit {0}, not {1}")]
    Unit(u8, u8),
    /// Another function.
    #[error("an answer to function {0}, not {1}")]
    Function(u8, u8),
    /// More or fewer values than were asked for.
    #[error("an answer of another length: {0} bytes, not {1}")]
    Length(usize, usize),
    /// A write was confirmed for another address or value.
    #[error("the answer to a write does not repeat it")]
    Echo,
    /// The checksum does not hold.
    #[error("the checksum is wrong")]
    Checksum,
    /// Bytes that nobody asked for.
    #[error("{0} bytes that nobody asked for")]
    Surplus(usize),
}

impl Ask {
    /// The request that reads a block.
    pub(super) const fn block(block: &Block) -> Self {
        Self::Read(block.space, block.start, block.count)
    }

    pub(crate) const fn function(&self) -> u8 {
        match self {
            Self::Read(RegisterSpace::Coil, ..) => 1,
            Self::Read(RegisterSpace::Discrete, ..) => 2,
            Self::Read(RegisterSpace::Holding, ..) => 3,
            Self::Read(RegisterSpace::Input, ..) => 4,
            Self::WriteCoil(..) => 5,
            Self::WriteOne(..) => 6,
            Self::WriteMany(..) => 16,
            Self::Identify(_) => 43,
        }
    }

    /// The two numbers after the function code; what a write's answer repeats.
    fn head(&self) -> [u8; 4] {
        let (address, second) = match self {
            Self::Read(_, start, count) => (*start, *count),
            Self::WriteCoil(address, on) => (*address, if *on { 0xFF00 } else { 0 }),
            Self::WriteOne(address, word) => (*address, *word),
            Self::WriteMany(address, words) => (*address, words.len() as u16),
            Self::Identify(object) => return [14, 1, *object, 0],
        };
        let ([a, b], [c, d]) = (address.to_be_bytes(), second.to_be_bytes());
        [a, b, c, d]
    }

    /// Function code and data.
    fn pdu(&self) -> Vec<u8> {
        let mut out = vec![self.function()];
        let head = self.head();
        out.extend(if matches!(self, Self::Identify(_)) { &head[..3] } else { &head[..] });
        if let Self::WriteMany(_, words) = self {
            out.push((words.len() * 2) as u8);
            out.extend(words.iter().flat_map(|w| w.to_be_bytes()));
        }
        out
    }

    /// Bytes of the answer, function code included, unless it is an exception.
    fn answer_length(&self) -> usize {
        match self {
            Self::Read(RegisterSpace::Coil | RegisterSpace::Discrete, _, n) => 2 + usize::from(n.div_ceil(8)),
            Self::Read(_, _, n) => 2 + 2 * usize::from(*n),
            _ => 5,
        }
    }

    /// What an answer says: a word per register or bit that was read, nothing for a write.
    fn take(&self, pdu: &[u8]) -> Result<Vec<u16>, Wrong> {
        let length = self.answer_length();
        match (self, pdu.first().copied()) {
            (_, Some(f)) if f == self.function() | 0x80 => {
                let [_, code] = pdu else { return Err(Wrong::Length(pdu.len(), 2)) };
                Err(Wrong::Exception(*code))
            }
            (_, Some(f)) if f != self.function() => Err(Wrong::Function(f & 0x7F, self.function())),
            // Kind of identification, conformity, more, next, number, objects.
            (Self::Identify(_), _) if pdu.len() >= 7 && pdu[1] == 14 => {
                Ok(pdu[2..].iter().map(|b| u16::from(*b)).collect())
            }
            // Whatever else it is, it confirms no write.
            (Self::Identify(_), _) => Err(Wrong::Length(pdu.len(), 7)),
            _ if pdu.len() != length => Err(Wrong::Length(pdu.len(), length)),
            (Self::Read(space, _, count), _) => {
                let said = usize::from(pdu[1]);
                if said != length - 2 {
                    return Err(Wrong::Length(said, length - 2));
                }
                let data = &pdu[2..];
                Ok(match space {
                    RegisterSpace::Coil | RegisterSpace::Discrete => {
                        (0..usize::from(*count)).map(|i| u16::from(data[i / 8] >> (i % 8) & 1)).collect()
                    }
                    _ => data.chunks_exact(2).map(|c| u16::from_be_bytes([c[0], c[1]])).collect(),
                })
            }
            _ if pdu[1..] == self.head() => Ok(Vec::new()),
            _ => Err(Wrong::Echo),
        }
    }
}

/// CRC-16/MODBUS: polynomial 0xA001 reflected, start 0xFFFF (Modbus over Serial Line 1.02, 6.2.2).
pub(crate) fn crc(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xFFFF, |mut crc, byte| {
        crc ^= u16::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xA001 } else { crc >> 1 };
        }
        crc
    })
}

/// A request on the wire and the frame that may answer it.
#[derive(Debug)]
pub(crate) struct Exchange<'a> {
    pub(crate) framing: Framing,
    pub(crate) transaction: u16,
    pub(crate) unit: u8,
    pub(crate) ask: &'a Ask,
}

impl Exchange<'_> {
    /// The request's bytes.
    pub(crate) fn request(&self) -> Vec<u8> {
        let pdu = self.ask.pdu();
        let mut out = Vec::with_capacity(pdu.len() + 8);
        match self.framing {
            Framing::Tcp => {
                out.extend(self.transaction.to_be_bytes());
                out.extend([0, 0]);
                out.extend((pdu.len() as u16 + 1).to_be_bytes());
                out.push(self.unit);
                out.extend(pdu);
            }
            Framing::Rtu => {
                out.push(self.unit);
                out.extend(pdu);
                let sum = crc(&out);
                out.extend(sum.to_le_bytes());
            }
        }
        out
    }

    /// The answer, once all of it is there; `None` while more bytes are needed.
    ///
    /// # Errors
    /// The bytes are, or begin like, something else; no more of them need be read.
    pub(crate) fn answer(&self, bytes: &[u8]) -> Result<Option<Vec<u16>>, Wrong> {
        match self.framing {
            Framing::Tcp => self.tcp(bytes),
            Framing::Rtu => self.rtu(bytes),
        }
    }

    fn tcp(&self, bytes: &[u8]) -> Result<Option<Vec<u16>>, Wrong> {
        let Some((head, pdu)) = bytes.split_at_checked(7) else { return Ok(None) };
        let number = |i: usize| u16::from_be_bytes([head[i], head[i + 1]]);
        let length = usize::from(number(4));
        if number(2) != 0 || !(3..=254).contains(&length) {
            return Err(Wrong::Header);
        }
        if number(0) != self.transaction {
            return Err(Wrong::Transaction(number(0), self.transaction));
        }
        if head[6] != self.unit {
            return Err(Wrong::Unit(head[6], self.unit));
        }
        if pdu.len() + 1 > length {
            return Err(Wrong::Surplus(pdu.len() + 1 - length));
        }
        if pdu.len() + 1 < length {
            return Ok(None);
        }
        self.ask.take(pdu).map(Some)
    }

    /// An RTU frame has no length of its own: it is as long as the answer to this request is, or five bytes long
    /// if it is an exception.
    fn rtu(&self, bytes: &[u8]) -> Result<Option<Vec<u16>>, Wrong> {
        let [unit, function, ..] = bytes else { return Ok(None) };
        if *unit != self.unit {
            return Err(Wrong::Unit(*unit, self.unit));
        }
        let asked = self.ask.function();
        let length = if *function == asked | 0x80 {
            5
        } else if *function == asked {
            3 + self.ask.answer_length()
        } else {
            return Err(Wrong::Function(*function & 0x7F, asked));
        };
        // A frame that says another byte count is recognised without waiting for bytes that never come.
        if let (Ask::Read(..), Some(said)) = (self.ask, bytes.get(2))
            && *function == asked
            && usize::from(*said) != length - 5
        {
            return Err(Wrong::Length(usize::from(*said), length - 5));
        }
        if bytes.len() < length {
            return Ok(None);
        }
        if bytes.len() > length {
            return Err(Wrong::Surplus(bytes.len() - length));
        }
        let (frame, sum) = bytes.split_at(length - 2);
        if sum != crc(frame).to_le_bytes() {
            return Err(Wrong::Checksum);
        }
        self.ask.take(&frame[1..]).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const READ: Ask = Ask::Read(RegisterSpace::Holding, 0x2B, 2);

    fn exchange(framing: Framing, ask: &Ask) -> Exchange<'_> {
        Exchange { framing, transaction: 7, unit: 1, ask }
    }

    fn sealed(bytes: &[u8]) -> Vec<u8> {
        let mut out = bytes.to_vec();
        out.extend(crc(bytes).to_le_bytes());
        out
    }

    #[test]
    fn checksum_is_that_of_the_specification() {
        // The example of every calculator: 01 03 00 00 00 0A -> C5 CD.
        assert_eq!(crc(&[1, 3, 0, 0, 0, 10]).to_le_bytes(), [0xC5, 0xCD]);
        assert_eq!(exchange(Framing::Rtu, &READ).request(), sealed(&[1, 3, 0, 0x2B, 0, 2]));
        let many = Ask::WriteMany(40, vec![1, 2]);
        let wire = exchange(Framing::Tcp, &many).request();
        assert_eq!(wire, [0, 7, 0, 0, 0, 11, 1, 16, 0, 40, 0, 2, 4, 0, 1, 0, 2]);
    }

    #[test]
    fn an_answer_is_taken_only_whole_and_alone() {
        let (tcp, rtu) = (exchange(Framing::Tcp, &READ), exchange(Framing::Rtu, &READ));
        let on_tcp = [0, 7, 0, 0, 0, 7, 1, 3, 4, 0x12, 0x34, 0, 5];
        let on_rtu = sealed(&[1, 3, 4, 0x12, 0x34, 0, 5]);
        for (exchange, whole) in [(&tcp, &on_tcp[..]), (&rtu, &on_rtu)] {
            for n in 0..whole.len() {
                assert_eq!(exchange.answer(&whole[..n]), Ok(None), "{n}");
            }
            assert_eq!(exchange.answer(whole), Ok(Some(vec![0x1234, 5])));
            let more = [whole, &[9]].concat();
            assert_eq!(exchange.answer(&more), Err(Wrong::Surplus(1)));
        }
    }

    #[test]
    fn every_foreign_frame_has_its_name() {
        let tcp = exchange(Framing::Tcp, &READ);
        let with = |at: usize, byte: u8| {
            let mut bytes = [0, 7, 0, 0, 0, 7, 1, 3, 4, 0x12, 0x34, 0, 5];
            bytes[at] = byte;
            tcp.answer(&bytes).unwrap_err()
        };
        assert_eq!(with(1, 6), Wrong::Transaction(6, 7));
        assert_eq!(with(2, 1), Wrong::Header);
        assert_eq!(with(6, 2), Wrong::Unit(2, 1));
        assert_eq!(with(7, 4), Wrong::Function(4, 3));
        assert_eq!(with(8, 2), Wrong::Length(2, 4));
        assert_eq!(tcp.answer(&[0, 7, 0, 0, 0, 3, 1, 0x83, 11]), Err(Wrong::Exception(11)));
        let rtu = exchange(Framing::Rtu, &READ);
        assert_eq!(rtu.answer(&sealed(&[1, 0x83, 6])), Err(Wrong::Exception(6)));
        assert_eq!(rtu.answer(&[2, 3]), Err(Wrong::Unit(2, 1)));
        assert_eq!(rtu.answer(&[1, 4]), Err(Wrong::Function(4, 3)));
        assert_eq!(rtu.answer(&[1, 3, 6]), Err(Wrong::Length(6, 4)));
        assert_eq!(rtu.answer(&[1, 3, 4, 0, 0, 0, 0, 0, 0]), Err(Wrong::Checksum));
        let identify = Ask::Identify(1);
        let short = [0, 7, 0, 0, 0, 6, 1, 43, 14, 1, 1, 0];
        assert_eq!(exchange(Framing::Tcp, &identify).answer(&short), Err(Wrong::Length(5, 7)));
        let coil = Ask::WriteCoil(9, true);
        let rtu = exchange(Framing::Rtu, &coil);
        assert_eq!(rtu.answer(&sealed(&[1, 5, 0, 9, 0xFF, 0])), Ok(Some(vec![])));
        assert_eq!(rtu.answer(&sealed(&[1, 5, 0, 9, 0, 0])), Err(Wrong::Echo));
    }

    proptest! {
        #[test]
        fn any_bytes_are_an_answer_or_a_reason(
            bytes in proptest::collection::vec(any::<u8>(), 0..40),
            rtu in any::<bool>(),
            count in 1_u16..20,
            space in 0_usize..4,
        ) {
            let space = [RegisterSpace::Coil, RegisterSpace::Discrete, RegisterSpace::Input, RegisterSpace::Holding][space];
            let ask = Ask::Read(space, 3, count);
            let framing = if rtu { Framing::Rtu } else { Framing::Tcp };
            // Noise with the right beginning gets further.
            let head = if rtu { vec![1, ask.function()] } else { vec![0, 7, 0, 0, 0, bytes.len() as u8 + 2, 1, ask.function()] };
            let _ = exchange(framing, &ask).answer(&bytes);
            if let Ok(Some(words)) = exchange(framing, &ask).answer(&[head, bytes].concat()) {
                prop_assert_eq!(words.len(), usize::from(count));
            }
        }
    }
}
