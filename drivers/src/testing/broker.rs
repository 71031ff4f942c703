//! Brokers of a test's own, if the machine has them.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A running broker.
pub(crate) struct Broker {
    child: Child,
    folder: PathBuf,
    pub(crate) port: u16,
}

/// Starts Mosquittos.
pub(crate) struct Mosquitto;

impl Mosquitto {
    /// `None`, with a word on why, where mosquitto is not installed.
    pub(crate) fn start(port: u16) -> Option<Broker> {
        Broker::mosquitto(port)
    }
}

impl Broker {
    /// `None`, with a word on why, where mosquitto is not installed.
    pub(crate) fn mosquitto(port: u16) -> Option<Self> {
        Self::mosquitto_with(port, &[], "")
    }

    /// One that lets itself be subscribed to `open/#` only.
    pub(crate) fn strict_mosquitto(port: u16) -> Option<Self> {
        let plugins = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib"];
        let plugins = plugins.map(|f| PathBuf::from(f).join("mosquitto_dynamic_security.so"));
        let Some(plugin) = plugins.iter().find(|p| p.is_file()) else {
            println!("skipped: mosquitto has no dynamic security plugin here");
            return None;
        };
        let rules = r#"{"defaultACLAccess":{"publishClientSend":true,"publishClientReceive":true,"subscribe":false,
            "unsubscribe":true},"clients":[],"groups":[{"groupname":"all","roles":[{"rolename":"some"}],"clients":[]}],
            "roles":[{"rolename":"some","acls":[{"acltype":"subscribePattern","topic":"open/#","priority":5,
            "allow":true}]}],"anonymousGroup":"all"}"#;
        // As root it would give its rights away, and could not read its rules then.
        let more = format!("user root\nplugin {}\nplugin_opt_config_file FOLDER/rules\n", plugin.display());
        Self::mosquitto_with(port, &[("rules", rules)], &more)
    }

    /// One that is reached inside TLS only, by who has a certificate of the authority.
    pub(crate) fn encrypted_mosquitto(port: u16, ca: &str, [certificate, key]: &[String; 2]) -> Option<Self> {
        // As root it would give its rights away, and could not read its key then.
        let more = format!(
            "user root\ncafile {ca}\ncertfile {certificate}\nkeyfile {key}\nrequire_certificate true\n"
        );
        Self::mosquitto_with(port, &[], &more)
    }

    fn mosquitto_with(port: u16, files: &[(&str, &str)], more: &str) -> Option<Self> {
        let config = format!(
            "listener {port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\nmax_queued_messages 200000\n{more}"
        );
        Self::start(&["mosquitto", "/usr/sbin/mosquitto"], port, files, &config)
    }

    /// `None`, with a word on why, where nats-server is not installed.
    pub(crate) fn nats(port: u16) -> Option<Self> {
        Self::nats_with(port, "")
    }

    /// One on which nobody may subscribe to `secret/#`.
    pub(crate) fn strict_nats(port: u16) -> Option<Self> {
        Self::nats_with(
            port,
            r#"authorization { users = [{ user: "u", password: "p", permissions: { subscribe: { deny: ["secret.>"] } } }] }"#,
        )
    }

    fn nats_with(port: u16, more: &str) -> Option<Self> {
        let own = super::free_port();
        let config = format!(
            "listen: 127.0.0.1:{own}\nserver_name: headroom-test\nmqtt {{ host: 127.0.0.1, port: {port} }}\n\
             jetstream {{ store_dir: \"FOLDER/js\", max_mem: 64MB, max_file: 256MB }}\n{more}\n"
        );
        Self::start(&["nats-server", "/usr/sbin/nats-server"], port, &[], &config)
    }

    fn start(programs: &[&str], port: u16, files: &[(&str, &str)], config: &str) -> Option<Self> {
        let name = format!("headroom-{}-{}-{port}", programs[0], std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        for (file, text) in files {
            std::fs::write(folder.join(file), text).unwrap();
        }
        let path = folder.join("config");
        std::fs::write(&path, config.replace("FOLDER", &folder.display().to_string())).unwrap();
        let run = |program: &&str| {
            let mut command = Command::new(program);
            command.arg("-c").arg(&path).stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()
        };
        let Some(child) = programs.iter().find_map(run) else {
            println!("skipped: {} is not installed", programs[0]);
            return None;
        };
        let broker = Self { child, folder, port };
        for _ in 0..500 {
            if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Some(broker);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("{} did not open its port", programs[0]);
    }

    pub(crate) fn url(&self) -> String {
        format!("mqtt://127.0.0.1:{}", self.port)
    }

    /// Stops it as a crashed machine or a cut cable would: its connections stay open and say nothing.
    pub(crate) fn pause(&self) {
        self.signal("-STOP");
    }

    pub(crate) fn resume(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let done = Command::new("kill").arg(signal).arg(self.child.id().to_string()).status();
        assert!(done.is_ok_and(|s| s.success()), "kill {signal}");
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
