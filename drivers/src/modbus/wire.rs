//! The byte stream under a connection: TCP, or TLS over it.
//!
//! Responsible for: opening it, sending a request, collecting the bytes of its answer, and finding bytes that came
//! before anything was asked. Not for: what the bytes mean (`frame`), nor when to try again (`link`).

use super::frame::{Exchange, Wrong};
use headroom_site::model::Transport;
use std::pin::Pin;
use std::task::Poll;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;

/// Longest frame there is: 260 bytes (Modbus TCP), and one more to see that it is too long.
const LONGEST: usize = 261;

/// Why there is no usable connection, or no answer on it.
#[derive(Debug, thiserror::Error)]
pub(super) enum WireError {
    /// Nobody listens, or the network does not lead there.
    #[error("cannot connect to {0}: {1}")]
    Connect(String, std::io::Error),
    /// Certificates, keys and handshakes.
    #[error("TLS with {0}: {1}")]
    Tls(String, crate::tls::TlsError),
    /// The stream broke.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// The device closed the connection while nothing was asked.
    #[error("the connection was closed while nothing was asked")]
    Gone,
    /// The device closed the connection instead of answering.
    #[error("the connection was closed instead of an answer")]
    Closed,
    /// The device closed the connection in the middle of an answer.
    #[error("the connection was closed after {0} bytes of an answer")]
    Half(usize),
    /// Something lay on the wire before anything was asked.
    #[error("{0} bytes came before anything was asked")]
    Unasked(usize),
    /// The frame is not the answer.
    #[error("{0}")]
    Wrong(Wrong),
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// An open stream.
pub(super) struct Wire {
    stream: Box<dyn Stream>,
}

impl Wire {
    /// Connects, and shakes hands where the transport asks for it.
    pub(super) async fn open(transport: &Transport, address: &str) -> Result<Self, WireError> {
        let failed = |e| WireError::Connect(address.to_owned(), e);
        let stream = TcpStream::connect(address).await.map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
        let stream: Box<dyn Stream> = match transport {
            Transport::Tcp | Transport::RtuOverTcp => Box::new(stream),
            Transport::Tls(tls) => {
                let shaken = super::tls::connect(tls, address, stream).await;
                Box::new(shaken.map_err(|e| WireError::Tls(address.to_owned(), e))?)
            }
        };
        Ok(Self { stream })
    }

    /// Sends a request and waits for its answer, however long it takes.
    pub(super) async fn exchange(&mut self, exchange: &Exchange<'_>) -> Result<Vec<u16>, WireError> {
        self.must_be_silent().await?;
        self.stream.write_all(&exchange.request()).await?;
        self.stream.flush().await?;
        let mut bytes = [0_u8; LONGEST];
        let mut have = 0;
        loop {
            let more = self.stream.read(&mut bytes[have..]).await?;
            if more == 0 {
                return Err(if have == 0 { WireError::Closed } else { WireError::Half(have) });
            }
            have += more;
            match exchange.answer(&bytes[..have]) {
                Ok(Some(words)) => return Ok(words),
                Ok(None) => {}
                Err(wrong) => return Err(WireError::Wrong(wrong)),
            }
        }
    }

    /// A frame that lies here before the question is asked is nobody's answer: a second copy by a gateway, or what
    /// another master asked for. RTU has no transaction by which it could be told from ours.
    async fn must_be_silent(&mut self) -> Result<(), WireError> {
        let mut bytes = [0_u8; LONGEST];
        let mut buffer = ReadBuf::new(&mut bytes);
        let stream = &mut self.stream;
        let seen = std::future::poll_fn(|task| {
            Poll::Ready(match Pin::new(&mut *stream).poll_read(task, &mut buffer) {
                Poll::Pending => None,
                Poll::Ready(read) => Some(read),
            })
        })
        .await;
        match seen {
            None => Ok(()),
            Some(Err(e)) => Err(e.into()),
            Some(Ok(())) if buffer.filled().is_empty() => Err(WireError::Gone),
            Some(Ok(())) => Err(WireError::Unasked(buffer.filled().len())),
        }
    }
}
