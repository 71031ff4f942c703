//! Just enough Modbus TCP to look at registers.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// A device of the plant's site file.
pub(crate) struct Device {
    stream: TcpStream,
    unit: u8,
    table: toml::Table,
}

impl Device {
    /// Connects to a device by its id.
    pub(crate) fn of(site: &toml::Table, id: &str) -> Self {
        let all = site["modbus"].as_array().unwrap();
        let table = all.iter().find(|d| d["id"].as_str() == Some(id)).unwrap().as_table().unwrap().clone();
        let address = table["url"].as_str().unwrap().trim_start_matches("tcp://");
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        Self { stream, unit: table["unit"].as_integer().unwrap() as u8, table }
    }

    /// A register of one word, scaled; a coil or discrete input as 0 or 1.
    pub(crate) fn value(&mut self, name_end: &str) -> f64 {
        let all = self.table["register"].as_array().unwrap();
        let register = all.iter().find(|r| r["name"].as_str().unwrap().ends_with(name_end)).unwrap();
        let address = register["address"].as_integer().unwrap() as u16;
        let scale =
            register["scale"].as_float().or(register["scale"].as_integer().map(|i| i as f64)).unwrap();
        let signed = register["type"].as_str() == Some("int16");
        let function = match register["space"].as_str().unwrap() {
            "coil" => 1,
            "discrete" => 2,
            "holding" => 3,
            _ => 4,
        };
        let word = self.read(function, address);
        if signed { f64::from(word.cast_signed()) * scale } else { f64::from(word) * scale }
    }

    fn read(&mut self, function: u8, address: u16) -> u16 {
        let [high, low] = address.to_be_bytes();
        self.stream.write_all(&[0, 1, 0, 0, 0, 6, self.unit, function, high, low, 0, 1]).unwrap();
        let mut head = [0; 9];
        self.stream.read_exact(&mut head).unwrap();
        assert_eq!(head[7], function, "exception {}", head[8]);
        let mut data = vec![0; usize::from(head[8])];
        self.stream.read_exact(&mut data).unwrap();
        if data.len() == 1 { u16::from(data[0] & 1) } else { u16::from_be_bytes([data[0], data[1]]) }
    }
}
