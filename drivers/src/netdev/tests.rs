//! A sysfs of a test's own: files as the kernel writes them, in a folder that goes with the test.

use super::*;
use std::cell::Cell;

struct Sysfs(PathBuf);

impl Sysfs {
    fn new(test: &str) -> Self {
        let root = std::env::temp_dir().join(format!("headroom-sysfs-{}-{test}", std::process::id()));
        fs::create_dir_all(root.join("class/net")).unwrap();
        Self(root)
    }

    fn write(&self, path: &str, text: &impl ToString) {
        let path = self.0.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text.to_string() + "\n").unwrap();
    }

    fn nic(&self, name: &str, rx_bytes: u64) {
        let at = format!("class/net/{name}");
        self.write(&format!("{at}/statistics/rx_bytes"), &rx_bytes);
        self.write(&format!("{at}/statistics/tx_errors"), &7);
        self.write(&format!("{at}/operstate"), &"up");
        self.write(&format!("{at}/speed"), &200_000);
    }
}

impl Drop for Sysfs {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn near(a: Option<f64>, b: f64) -> bool {
    a.is_some_and(|a| (a - b).abs() < 1e-6 * b.abs().max(1.0))
}

#[test]
fn an_interface_is_read_with_its_rate_its_link_and_its_warmest_sensor() {
    let s = Sysfs::new("nic");
    s.nic("eth0", u64::MAX - 499);
    s.write("class/net/eth0/device/hwmon/hwmon3/temp1_input", &61_500);
    s.write("class/net/eth0/device/hwmon/hwmon3/temp2_input", &72_250);
    s.write("class/net/eth0/device/hwmon/hwmon3/temp2_max", &105_000);
    // No device behind it: it carries nothing of its own.
    s.nic("lo", 1);
    let mut ports = Ports::find(&s.0);
    assert_eq!(ports.names().collect::<Vec<_>>(), ["eth0"]);
    let now = Cell::new(1_000_000_000);
    let first = ports.read(|| now.get());
    assert!(first[0].rates.is_empty(), "{first:?}");
    s.nic("eth0", 500);
    now.set(3_000_000_000);
    let look = &ports.read(|| now.get())[0];
    assert_eq!((look.up, look.kind), (Some(true), Kind::Net));
    assert!(
        near(look.rates.get("rx_bytes").copied(), 500.0),
        "1000 in 2 s, over the end of 64 bits: {look:?}"
    );
    assert!(
        near(look.rates.get("tx_errors").copied(), 0.0) && !look.rates.contains_key("tx_bytes"),
        "{look:?}"
    );
    assert!(near(look.link_bit_per_s, 200e9) && near(look.temperature_c, 72.25), "{look:?}");
    // Began anew: no rate for once, and one again after.
    s.nic("eth0", 100);
    now.set(4_000_000_000);
    s.write("class/net/eth0/operstate", &"down");
    s.write("class/net/eth0/speed", &-1);
    let look = &ports.read(|| now.get())[0];
    assert_eq!((look.rates.get("rx_bytes"), look.up, look.link_bit_per_s), (None, Some(false), None));
    s.nic("eth0", 300);
    now.set(5_000_000_000);
    assert!(near(ports.read(|| now.get())[0].rates.get("rx_bytes").copied(), 200.0));
}

#[test]
fn an_infiniband_port_counts_in_units_of_four_octets() {
    let s = Sysfs::new("ib");
    let at = "class/infiniband/mlx5_0/ports/1";
    let write = |data: u64, cnp: u64| {
        s.write(&format!("{at}/counters/port_rcv_data"), &data);
        s.write(&format!("{at}/hw_counters/np_cnp_sent"), &cnp);
    };
    write(1000, 5);
    s.write(&format!("{at}/state"), &"4: ACTIVE");
    s.write(&format!("{at}/rate"), &"400 Gb/sec (4X NDR)");
    s.write("class/infiniband/mlx5_0/device/hwmon/hwmon0/temp1_input", &55_000);
    let mut ports = Ports::find(&s.0);
    let now = Cell::new(0);
    ports.read(|| now.get());
    write(26_000, 8);
    now.set(500_000_000);
    let look = &ports.read(|| now.get())[0];
    assert_eq!((look.name.as_str(), look.kind, look.up), ("mlx5_0:1", Kind::Infiniband, Some(true)));
    assert!(
        near(look.rates.get("rx_bytes").copied(), 200_000.0)
            && near(look.rates.get("cnp_sent").copied(), 6.0)
    );
    assert!(near(look.link_bit_per_s, 400e9) && near(look.temperature_c, 55.0));
}

#[test]
fn ports_come_and_go_and_a_host_without_any_has_none() {
    let s = Sysfs::new("come");
    assert_eq!(Ports::find(Path::new("/nowhere")).names().count(), 0);
    let mut ports = Ports::find(&s.0);
    assert_eq!(ports.names().count(), 0);
    for name in ["eth1", "eth0"] {
        s.nic(name, 10);
        s.write(&format!("class/net/{name}/device/vendor"), &"0x15b3");
    }
    ports.look_for();
    assert_eq!(ports.names().collect::<Vec<_>>(), ["eth0", "eth1"]);
    ports.read(|| 0);
    fs::remove_dir_all(s.0.join("class/net/eth0")).unwrap();
    ports.look_for();
    s.nic("eth1", 40);
    let looks = ports.read(|| 1_000_000_000);
    assert!(
        looks.len() == 1 && near(looks[0].rates.get("rx_bytes").copied(), 30.0),
        "it keeps what it counted: {looks:?}"
    );
}

#[test]
fn a_speed_is_a_number_above_zero() {
    let s = Sysfs::new("speed");
    let at = "class/infiniband/mlx5_0/ports/1/rate";
    for (rate, bit_per_s) in [
        ("400 Gb/sec (4X NDR)", Some(4e11)),
        ("2.5 Gb/sec (1X SDR)", Some(2.5e9)),
        ("0 Gb/sec", None),
        ("-400 Gb/sec", None),
        ("NaN Gb/sec", None),
        ("inf Gb/sec", None),
        ("1e300 Gb/sec", None),
        ("400 Mb/sec", None),
    ] {
        s.write(at, &rate);
        let look = &Ports::find(&s.0).read(|| 1)[0];
        assert_eq!(look.link_bit_per_s, bit_per_s, "{rate}");
    }
}
