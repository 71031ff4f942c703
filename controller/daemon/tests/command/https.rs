//! The pages inside TLS: who is let in, and who may instruct by a certificate. With certificates of openssl, over real sockets.

use crate::common::{Place, Plant, Recipe, turn, until};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

const SOON: Duration = Duration::from_secs(60);
const DP: &str = "CDU-01/differential-pressure";

/// Two authorities, the pages' certificate by one of them, and people's by either. `false`, with a word on why, where there is
/// no openssl.
fn certificates(folder: &Path) -> bool {
    let file = |name: &str| folder.join(name).display().to_string();
    let config = "[req]\ndistinguished_name = dn\nprompt = no\n[dn]\nCN = pages\n[ca]\nbasicConstraints = critical,CA:true\n\
                  [leaf]\nbasicConstraints = CA:false\nsubjectAltName = IP:127.0.0.1\n";
    std::fs::write(folder.join("config"), config).unwrap();
    let make = |out: &str, section: &str, by: Option<&str>| {
        let (key, pem, config) = (file(&format!("{out}.key")), file(&format!("{out}.pem")), file("config"));
        let mut command = Command::new("openssl");
        command.args(["req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]);
        command.args([
            "-days",
            "3",
            "-config",
            &config,
            "-extensions",
            section,
            "-keyout",
            &key,
            "-out",
            &pem,
        ]);
        if let Some(by) = by {
            command.args(["-CA", &file(&format!("{by}.pem")), "-CAkey", &file(&format!("{by}.key"))]);
        }
        command.output().is_ok_and(|o| o.status.success())
    };
    let all = make("plant", "ca", None)
        && make("people", "ca", None)
        && make("pages", "leaf", Some("plant"))
        && ["kim", "wall", "nobody"].iter().all(|name| make(name, "leaf", Some("people")))
        && make("forged", "leaf", Some("plant"));
    if !all {
        println!("skipped: openssl 3 cannot make certificates here");
    }
    all
}

fn der(folder: &Path, name: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(folder.join(format!("{name}.pem"))).unwrap()
}

/// A visitor who trusts an authority and shows a certificate, if any.
struct Visitor<'a> {
    folder: &'a Path,
    trusts: &'a str,
    own: Option<&'a str>,
}

impl Visitor<'_> {
    fn config(&self) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(der(self.folder, self.trusts)).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        match self.own {
            None => config.with_no_client_auth(),
            Some(own) => {
                let key = PrivateKeyDer::from_pem_file(self.folder.join(format!("{own}.key"))).unwrap();
                config.with_client_auth_cert(vec![der(self.folder, own)], key).unwrap()
            }
        }
    }

    /// Code and body of an answer; `None` where there is none.
    fn http(&self, address: &str, method: &str, path: &str, body: Option<&Value>) -> Option<(u16, String)> {
        self.http_as("application/json", address, method, path, body)
    }

    fn http_as(
        &self,
        kind: &str,
        address: &str,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Option<(u16, String)> {
        let tcp = TcpStream::connect(address).ok()?;
        tcp.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let session = ClientConnection::new(Arc::new(self.config()), name).unwrap();
        let mut stream = StreamOwned::new(session, tcp);
        let kind = format!("content-type: {kind}\r\n");
        let text = body.map_or_else(|| "{}".to_owned(), Value::to_string);
        let head = format!("{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{kind}");
        write!(stream, "{head}content-length: {}\r\n\r\n{text}", text.len()).ok()?;
        let mut all = Vec::new();
        stream.read_to_end(&mut all).ok()?;
        let all = String::from_utf8(all).ok()?;
        let (head, body) = all.split_once("\r\n\r\n")?;
        Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
    }

    fn gets(&self, address: &str) -> Option<u16> {
        self.http(address, "GET", "/status", None).map(|(code, _)| code)
    }
}

/// A verb with or without an access file.
fn verb(words: &[&str], access: Option<&Path>) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_headroom"));
    command.args(words).env_remove("HEADROOM_HTTP_ACCESS");
    if let Some(access) = access {
        command.env("HEADROOM_HTTP_ACCESS", access);
    }
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.success(), text + &String::from_utf8_lossy(&output.stderr))
}

/// The files of pages, operators and a verb of kim's.
fn files(folder: &Path) {
    let tls = "certificate = \"pages.pem\"\nkey = \"pages.key\"\nclient-ca = \"people.pem\"\n";
    std::fs::write(folder.join("http-tls.toml"), tls).unwrap();
    let print = |name: &str| -> String {
        Sha256::digest(der(folder, name)).iter().map(|b| format!("{b:02x}")).collect()
    };
    let entry = |(name, role): (&str, &str)| {
        format!(
            "[[operator]]\nname = \"{name}\"\nrole = \"{role}\"\ncertificate-sha256 = \"{}\"\n",
            print(name)
        )
    };
    let operators = [("kim", "operator"), ("wall", "viewer")].map(entry).concat();
    std::fs::write(folder.join("operators.toml"), format!("format = 1\n{operators}")).unwrap();
    let access = "ca = \"plant.pem\"\ncertificate = \"kim.pem\"\nkey = \"kim.key\"\n";
    std::fs::write(folder.join("access.toml"), access).unwrap();
}

fn verbs_show_theirs(folder: &Path, url: &str, state: &str) {
    let access = folder.join("access.toml");
    let (good, text) = verb(&["status", "--url", url, "--format", "json"], Some(&access));
    assert!(good && text.contains(DP), "{text}");
    let (good, text) = verb(&["status", "--url", url], None);
    assert!(!good && text.contains("HEADROOM_HTTP_ACCESS"), "{text}");
    let (good, text) = verb(&["instruct", DP, "auto", "--state", state], Some(&access));
    assert!(good && !text.contains("no controller answers"), "{text}");

    let (good, text) = verb(&["instruct", DP, "auto", "--state", state], None);
    assert!(
        !good && text.contains("HEADROOM_HTTP_ACCESS"),
        "who cannot see whether it was heard says so: {text}"
    );
    let (good, text) = verb(&["top", "--once", "--url", url], Some(&access));
    assert!(good && text.contains("demo"), "{text}");
}

#[test]
fn certificates_let_in_and_say_who_instructs() {
    let keys = Place::new("https-keys");
    let folder = keys.0.as_path();
    if !certificates(folder) {
        return;
    }
    files(folder);
    let _turn = turn();
    let plant = Plant::start("https", &Recipe::default());
    let state = plant.controller_option("--state").unwrap()[1].clone();
    let option = |name: &str, file: &str| format!("{name} {}", folder.join(file).display());
    let more =
        format!("{} {}", option("--http-tls", "http-tls.toml"), option("--operators", "operators.toml"));
    let (_agents, controller) = (plant.agents(), plant.controller_with(&more));
    let url =
        || std::fs::read_to_string(Path::new(&state).join("http.addr")).unwrap_or_default().trim().to_owned();
    until(SOON, "the pages say where they are", || url().starts_with("https://"));
    let (url, address) = (url(), url().trim_start_matches("https://").to_owned());
    let visitor = |own| Visitor { folder, trusts: "plant", own };
    until(SOON, "kim sees the setpoint", || {
        let page = visitor(Some("kim")).http(&address, "GET", "/status", None);
        page.is_some_and(|(code, body)| code == 200 && body.contains(DP))
    });

    let mut plain = TcpStream::connect(&address).unwrap();
    plain.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    write!(plain, "GET /status HTTP/1.1\r\nhost: {address}\r\n\r\n").unwrap();
    let mut said = Vec::new();
    let _ = plain.read_to_end(&mut said);
    assert!(!said.starts_with(b"HTTP/1.1 200"), "nothing is shown outside TLS");
    assert_eq!(visitor(None).gets(&address), None, "without a certificate nobody is let in");
    assert_eq!(visitor(Some("forged")).gets(&address), None, "nor with one of another authority");
    let stranger = Visitor { folder, trusts: "people", own: Some("kim") };
    assert_eq!(stranger.gets(&address), None, "who does not trust the plant says nothing");
    assert!(controller.text().contains("is turned away"), "{}", controller.text());

    let hold = json!({ "actuator": DP, "word": "hold", "why": "leak test" });
    let say = |own| visitor(Some(own)).http(&address, "POST", "/instructions", Some(&hold)).unwrap();
    assert_eq!(say("nobody").0, 401);
    assert_eq!(say("wall").0, 403);
    let (code, body) = say("kim");
    assert_eq!((code, serde_json::from_str::<Value>(&body).unwrap()["by"].as_str()), (200, Some("kim")));
    let kim = visitor(Some("kim"));
    let by_form = kim.http_as("text/plain", &address, "POST", "/instructions", Some(&hold)).unwrap();
    assert_eq!(by_form.0, 401, "what another page could send counts for nothing");

    verbs_show_theirs(folder, &url, &state);

    // A renewed certificate counts from the next connection on.
    for kind in ["pem", "key"] {
        std::fs::copy(folder.join(format!("kim.{kind}")), folder.join(format!("pages.{kind}"))).unwrap();
    }
    assert_eq!(visitor(Some("kim")).gets(&address), None, "of people's authority now");
    assert_eq!(stranger.gets(&address), Some(200));
}
