//! Modbus TCP servers, one port per device.
//!
//! Responsible for: function codes, unit ids, sockets. Not for: what registers hold and when setpoints
//! count (`desk::modbus`).

use std::future::{Ready, ready};
use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};
use tokio_modbus::server::Service;
use tokio_modbus::server::tcp::Server;
use tokio_modbus::{ExceptionCode, Request, Response, SlaveRequest};

use super::plate::{Plate, Shared};
use crate::desk::modbus::{Bank, Exception};
use crate::image::{Image, Space};

/// Connections a device bears; real ones bear one to four.
const MOST_CONNECTIONS: usize = 8;

/// Opens the port of a device on loopback. Port 0 = any.
pub(super) fn bind(port: u16) -> io::Result<(StdListener, SocketAddr)> {
    let listener = StdListener::bind(SocketAddr::from(([127, 0, 0, 1], port)))?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// Serves the device of bank `index` until the future is dropped.
pub(super) async fn serve(listener: StdListener, plate: Plate, index: usize) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let device = Arc::new(Device { plate, index });
    let connected = |stream: TcpStream, _peer: SocketAddr| {
        // The server's own handle is one; every connection holds one more.
        let full = Arc::strong_count(&device) > MOST_CONNECTIONS;
        let service = (!full).then(|| Arc::clone(&device));
        async move {
            let ready = stream.set_nodelay(true).is_ok();
            Ok(service.filter(|_| ready).map(|service| (service, stream)))
        }
    };
    let failed = |error: io::Error| tracing::debug!(%error, "modbus connection ends");
    Server::new(listener).serve(&connected, failed).await
}

struct Device {
    plate: Plate,
    index: usize,
}

impl Service for Device {
    type Request = SlaveRequest<'static>;
    type Response = Response;
    type Exception = ExceptionCode;
    type Future = Ready<Result<Response, ExceptionCode>>;

    fn call(&self, request: Self::Request) -> Self::Future {
        ready(self.plate.with(|shared| {
            let Shared { image, banks, .. } = shared;
            let bank = banks.get_mut(self.index).ok_or(ExceptionCode::ServerDeviceFailure)?;
            // 0 and 255 mean "this TCP device" (Modbus messaging on TCP/IP, 4.4.2.3).
            if ![bank.device().unit, 0, 255].contains(&request.slave) {
                return Err(ExceptionCode::GatewayTargetDevice);
            }
            answer(bank, image, &request.request)
        }))
    }
}

fn answer(bank: &mut Bank, image: &Image, request: &Request<'_>) -> Result<Response, ExceptionCode> {
    let code = |exception| match exception {
        Exception::IllegalAddress => ExceptionCode::IllegalDataAddress,
        Exception::IllegalValue => ExceptionCode::IllegalDataValue,
        Exception::NoAnswer => ExceptionCode::GatewayTargetDevice,
    };
    match request {
        Request::ReadCoils(at, n) => bank.read_bits(Space::Coil, *at, *n, image).map(Response::ReadCoils),
        Request::ReadDiscreteInputs(at, n) => {
            bank.read_bits(Space::Discrete, *at, *n, image).map(Response::ReadDiscreteInputs)
        }
        Request::ReadInputRegisters(at, n) => {
            bank.read(Space::Input, *at, *n, image).map(Response::ReadInputRegisters)
        }
        Request::ReadHoldingRegisters(at, n) => {
            bank.read(Space::Holding, *at, *n, image).map(Response::ReadHoldingRegisters)
        }
        Request::WriteSingleCoil(at, bit) => {
            bank.write_bits(*at, &[*bit]).map(|()| Response::WriteSingleCoil(*at, *bit))
        }
        Request::WriteMultipleCoils(at, bits) => {
            bank.write_bits(*at, bits).map(|()| Response::WriteMultipleCoils(*at, bits.len() as u16))
        }
        Request::WriteSingleRegister(at, word) => {
            bank.write(*at, &[*word]).map(|()| Response::WriteSingleRegister(*at, *word))
        }
        Request::WriteMultipleRegisters(at, words) => {
            bank.write(*at, words).map(|()| Response::WriteMultipleRegisters(*at, words.len() as u16))
        }
        Request::MaskWriteRegister(at, and, or) => mask_write(bank, image, *at, *and, *or),
        // The write comes before the read (Modbus application protocol, 6.17).
        Request::ReadWriteMultipleRegisters(read_at, n, write_at, words) => bank
            .write(*write_at, words)
            .and_then(|()| bank.read(Space::Holding, *read_at, *n, image))
            .map(Response::ReadWriteMultipleRegisters),
        _ => return Err(ExceptionCode::IllegalFunction),
    }
    .map_err(code)
}

/// `(current AND and) OR (or AND NOT and)`, Modbus application protocol, 6.16.
fn mask_write(bank: &mut Bank, image: &Image, at: u16, and: u16, or: u16) -> Result<Response, Exception> {
    let current = bank.read(Space::Holding, at, 1, image)?;
    let word = current.first().map_or(0, |word| (word & and) | (or & !and));
    bank.write(at, &[word])?;
    Ok(Response::MaskWriteRegister(at, and, or))
}
