//! Against the server of tokio-modbus.

use super::start;
use super::{good, last};
use crate::testing::{context, site, until};
use headroom_site::{Inbox, Span};
use std::future;
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
