//! A Modbus device of the test's own, TCP or RTU over TCP, written down to the bytes so that it can misbehave.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What the device does with the next answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// The right answer, too late, then more of them.
    Late(Duration),
    /// Nothing, if this unit is asked.
    Deaf(u8),
    /// Half of the answer, then silence.
    Half,
    /// Half of the answer, then the end of the connection.
    Close,
    /// The answer, then the end of the connection.
    HangUp,
    /// The answer, and the same again a moment later; input register 10 counts the answers.
    Twice,
    /// One byte of the answer is another.
    Garbled,
    /// The answer of another unit.
    Unit,
    /// The answer with one register less, the frame being well formed.
    Short,
    /// The answer to another transaction first.
    Transaction,
    /// A length field that promises more than there is.
    Length,
    /// The answer to another function.
    Function,
    /// Always this exception.
    Exception(u8),
    /// Exception 2 for any request that touches this address.
    Hole(u16),
    /// Exception 1 for FC16.
    NoMultiple,
    /// Bytes that are not Modbus.
    Noise,
}

/// The device's memory and its diary.
#[derive(Debug)]
pub(crate) struct Device {
    pub(crate) words: BTreeMap<(u8, u16), u16>,
    pub(crate) fault: Fault,
    /// Function, address and words of each write.
    pub(crate) writes: Vec<(u8, u16, Vec<u16>)>,
    /// Addresses that do not take what is written.
    pub(crate) stubborn: Vec<u16>,
    pub(crate) connections: usize,
    pub(crate) reads: Vec<(u8, u16, u16)>,
    /// When each request came.
    pub(crate) asked: Vec<Instant>,
}

pub(crate) type Shared = Arc<Mutex<Device>>;

/// Starts a Modbus TCP device on a free port. The function code of the space is the key of its memory (1, 2, 3, 4).
pub(crate) async fn serve() -> (u16, Shared) {
    start(false).await
}

/// The same behind a gateway that speaks RTU over TCP.
pub(crate) async fn serve_rtu() -> (u16, Shared) {
    start(true).await
}

async fn start(rtu: bool) -> (u16, Shared) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let device = Arc::new(Mutex::new(Device {
        words: BTreeMap::new(),
        fault: Fault::None,
        writes: Vec::new(),
        stubborn: Vec::new(),
        connections: 0,
        reads: Vec::new(),
        asked: Vec::new(),
    }));
    let shared = Arc::clone(&device);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            shared.lock().unwrap().connections += 1;
            tokio::spawn(connection(stream, Arc::clone(&shared), rtu));
        }
    });
    (port, device)
}

/// Transaction (0 on RTU), unit and PDU of the next request.
async fn request(stream: &mut TcpStream, rtu: bool) -> std::io::Result<([u8; 2], u8, Vec<u8>)> {
    let mut header = [0_u8; 7];
    stream.read_exact(&mut header).await?;
    if !rtu {
        let mut pdu = vec![0; usize::from(u16::from_be_bytes([header[4], header[5]])) - 1];
        stream.read_exact(&mut pdu).await?;
        return Ok(([header[0], header[1]], header[6], pdu));
    }
    // Unit, function and five more: the byte count of a FC16, else the first byte of the checksum.
    let rest = if header[1] == 16 { usize::from(header[6]) + 2 } else { 1 };
    let mut frame = header.to_vec();
    frame.resize(7 + rest, 0);
    stream.read_exact(&mut frame[7..]).await?;
    let (body, sum) = frame.split_at(frame.len() - 2);
    assert_eq!(sum, crc(body).to_le_bytes(), "the driver's checksum");
    Ok(([0, 0], body[0], body[1..].to_vec()))
}

fn framed(rtu: bool, transaction: [u8; 2], unit: u8, pdu: &[u8]) -> Vec<u8> {
    if rtu {
        let mut out = [&[unit], pdu].concat();
        out.extend(crc(&out).to_le_bytes());
        return out;
    }
    let mut out = vec![transaction[0], transaction[1], 0, 0];
    out.extend(((pdu.len() + 1) as u16).to_be_bytes());
    out.push(unit);
    out.extend(pdu);
    out
}

/// The bit-by-bit definition of the specification, apart from the driver's.
fn crc(bytes: &[u8]) -> u16 {
    let mut sum = 0xFFFF_u16;
    for byte in bytes {
        sum ^= u16::from(*byte);
        for _ in 0..8 {
            let low = sum % 2;
            sum /= 2;
            if low == 1 {
                sum ^= 0xA001;
            }
        }
    }
    sum
}

async fn connection(mut stream: TcpStream, device: Shared, rtu: bool) {
    while let Ok((id, unit, pdu)) = request(&mut stream, rtu).await {
        device.lock().unwrap().asked.push(Instant::now());
        let fault = device.lock().unwrap().fault;
        if fault == Fault::Deaf(unit) {
            continue;
        }
        let answer = answer(&pdu, &mut device.lock().unwrap());
        let frame = |id, unit, pdu: &[u8]| framed(rtu, id, unit, pdu);
        let whole = frame(id, unit, &answer);
        let half = whole[..whole.len() / 2].to_vec();
        let bytes = match fault {
            Fault::Late(wait) => {
                tokio::time::sleep(wait).await;
                whole
            }
            Fault::Half | Fault::Close => half,
            Fault::Garbled => {
                let mut all = whole;
                let at = all.len() - 1;
                all[if rtu { at } else { 3 }] ^= 0x40;
                all
            }
            Fault::Unit => frame(id, unit ^ 0x0F, &answer),
            Fault::Transaction => frame([id[0], id[1].wrapping_add(9)], unit, &answer),
            Fault::Short if pdu[0] <= 4 && answer.len() > 4 => {
                let mut short = answer[..answer.len() - 2].to_vec();
                short[1] -= 2;
                frame(id, unit, &short)
            }
            Fault::Length => {
                let mut all = whole;
                all[5] = 250;
                all
            }
            Fault::Function => frame(id, unit, &[0x11, 2, 0, 0]),
            Fault::Noise => b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(),
            _ => whole,
        };
        if stream.write_all(&bytes).await.is_err() || matches!(fault, Fault::Close | Fault::HangUp) {
            return;
        }
        if fault == Fault::Twice {
            *device.lock().unwrap().words.entry((4, 10)).or_default() += 1;
            tokio::time::sleep(Duration::from_millis(5)).await;
            let _ = stream.write_all(&bytes).await;
        }
    }
}

fn answer(pdu: &[u8], device: &mut Device) -> Vec<u8> {
    let function = pdu[0];
    let word = |i: usize| u16::from_be_bytes([pdu[i], pdu[i + 1]]);
    let (address, second) = (word(1), word(3));
    let exception = |code| vec![function | 0x80, code];
    let count = if matches!(function, 5 | 6) { 1 } else { second };
    match device.fault {
        Fault::Exception(code) => return exception(code),
        Fault::Hole(at) if (address..address.saturating_add(count)).contains(&at) => return exception(2),
        Fault::NoMultiple if function == 16 => return exception(1),
        _ => {}
    }
    let mut out = vec![function];
    match function {
        1 | 2 => {
            out.push(second.div_ceil(8) as u8);
            let mut bytes = vec![0_u8; usize::from(second.div_ceil(8))];
            for i in 0..second {
                let on = device.words.get(&(function, address + i)).copied().unwrap_or(0) != 0;
                bytes[usize::from(i / 8)] |= u8::from(on) << (i % 8);
            }
            out.extend(bytes);
        }
        3 | 4 => {
            device.reads.push((function, address, second));
            if second > 125 {
                return exception(3);
            }
            out.push((second * 2) as u8);
            for i in 0..second {
                out.extend(device.words.get(&(function, address + i)).copied().unwrap_or(0).to_be_bytes());
            }
        }
        5 | 6 => {
            let space = if function == 5 { 1 } else { 3 };
            if !device.stubborn.contains(&address) {
                device
                    .words
                    .insert((space, address), if function == 5 { second & 1 | second >> 15 } else { second });
            }
            device.writes.push((function, address, vec![second]));
            out.extend(&pdu[1..5]);
        }
        16 => {
            let words: Vec<u16> = (0..usize::from(second)).map(|i| word(6 + 2 * i)).collect();
            for (i, w) in words.iter().enumerate() {
                if !device.stubborn.contains(&address) {
                    device.words.insert((3, address + i as u16), *w);
                }
            }
            device.writes.push((function, address, words));
            out.extend(&pdu[1..5]);
        }
        _ => return exception(1),
    }
    out
}
