//! Against servers that others wrote: tokio-modbus, and pymodbus where Python has it.

use super::{good, last};
use crate::modbus::task::start;
use crate::testing::{context, free_port, site, until};
use headroom_site::{Inbox, Span};
use std::future;
use std::process::{Command, Stdio};
use tokio::net::TcpListener;
use tokio_modbus::server::tcp::{Server, accept_tcp_connection};
use tokio_modbus::{ExceptionCode, Request, Response};

/// 63 floats (126 registers: two requests at `max-block` 125), a coil and a discrete input.
fn text(port: u16) -> String {
    let mut text = format!(
        "[[modbus]]\nid = \"d\"\nurl = \"tcp://127.0.0.1:{port}\"\nunit = 1\npoll = \"50 ms\"\nmax-block = 125\n"
    );
    let mut points = String::new();
    let mut add = |name: &str, register: &str, unit: &str| {
        text.push_str(&format!("[[modbus.register]]\nname = \"{name}\"\n{register}\n"));
        points.push_str(&format!(
            "[[point]]\nid = \"{name}\"\nof = \"site\"\nunit = \"{unit}\"\nfrom = {{ modbus = \"d\", register = \"{name}\" }}\n"
        ));
    };
    for i in 0..63 {
        add(&format!("f{i}"), &format!("space = \"holding\"\naddress = {}\ntype = \"float32\"", 2 * i), "kW");
    }
    add("coil", "space = \"coil\"\naddress = 3", "state");
    add("input", "space = \"discrete\"\naddress = 9", "state");
    text + &points
}

struct Service;

impl tokio_modbus::server::Service for Service {
    type Request = Request<'static>;
    type Response = Response;
    type Exception = ExceptionCode;
    type Future = future::Ready<Result<Response, ExceptionCode>>;

    fn call(&self, request: Request<'static>) -> Self::Future {
        future::ready(match request {
            Request::ReadHoldingRegisters(_, count) if count > 125 => Err(ExceptionCode::IllegalDataValue),
            Request::ReadHoldingRegisters(start, count) => Ok(Response::ReadHoldingRegisters(
                (start..start + count)
                    .map(|a| {
                        let bits = (f32::from(a / 2) + 0.5).to_bits();
                        if a % 2 == 0 { (bits >> 16) as u16 } else { bits as u16 }
                    })
                    .collect(),
            )),
            Request::ReadCoils(start, count) => {
                Ok(Response::ReadCoils((start..start + count).map(|a| a == 3).collect()))
            }
            Request::ReadDiscreteInputs(start, count) => {
                Ok(Response::ReadDiscreteInputs((start..start + count).map(|a| a == 9).collect()))
            }
            _ => Err(ExceptionCode::IllegalFunction),
        })
    }
}

async fn check(port: u16) {
    let site = site(&text(port));
    let context = context(Span::from_ms(100));
    let _handle = start(&site, 0, context.clone(), false);
    let mut inbox = Inbox::default();
    until(&context, &mut inbox, |i| (0..65).all(|p| last(i, p).is_some_and(|r| r.quality.is_good()))).await;
    for i in 0..63 {
        assert!(good(&inbox, i, (i as f64 + 0.5) * 1000.0), "{i}");
    }
    assert!(good(&inbox, 63, 1.0) && good(&inbox, 64, 1.0));
}

#[tokio::test]
async fn tokio_modbus_is_understood() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let server = Server::new(listener);
        let connected =
            |stream, address| async move { accept_tcp_connection(stream, address, |_| Ok(Some(Service))) };
        let _ = server.serve(&connected, |e| println!("{e}")).await;
    });
    check(port).await;
}

const PYTHON: &str = r"
import struct, sys
from pymodbus.server import StartTcpServer
from pymodbus.datastore import ModbusSequentialDataBlock as B, ModbusServerContext
try:
    from pymodbus.datastore import ModbusDeviceContext as D
except ImportError:
    from pymodbus.datastore import ModbusSlaveContext as D
words = []
for i in range(64):
    words += struct.unpack('>HH', struct.pack('>f', i + 0.5))
bits = lambda on: B(1, [int(i == on) for i in range(64)])
device = D(di=bits(9), co=bits(3), hr=B(1, words), ir=B(1, words))
try:
    context = ModbusServerContext(devices=device, single=True)
except TypeError:
    context = ModbusServerContext(slaves=device, single=True)
StartTcpServer(context=context, address=('127.0.0.1', int(sys.argv[1])))
";

#[tokio::test]
async fn pymodbus_is_understood() {
    let probe = Command::new("python3").args(["-c", "import pymodbus.server"]).stderr(Stdio::null()).status();
    if !probe.is_ok_and(|s| s.success()) {
        println!("skipped: python3 has no pymodbus");
        return;
    }
    let port = free_port();
    let mut child = Command::new("python3")
        .args(["-c", PYTHON, &port.to_string()])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    check(port).await;
    child.kill().unwrap();
    child.wait().unwrap();
}
