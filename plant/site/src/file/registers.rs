//! Registers of a Modbus device, from a site file or from a map file of their own.
//!
//! Responsible for: the keys a register may have, templates (`repeat`), names of scale registers, forbidden
//! addresses. Not for: the device around them (`modbus`).

use super::Names;
use super::points::unit_of;
use crate::doc::{At, Doc, Finding, Table};
use crate::model::{ByteOrder, Forbidden, RegisterMap, RegisterSpace, RegisterSpec, RegisterType};
use std::ops::Range;

/// Most copies of one template.
const MOST_COPIES: u16 = 4096;

/// Reads a register map file: `[[register]]` tables as in a site file's `[[modbus.register]]`.
///
/// # Errors
/// Every finding.
pub fn read_register_map(file: &str, text: &str) -> Result<RegisterMap, Vec<Finding>> {
    let doc = Doc::new(file, text);
    let mut map = RegisterMap::default();
    doc.read(|root| {
        let _ = root.get::<String>("vendor");
        let _ = root.get::<String>("model");
        let _ = root.get::<String>("source");
        let address_base = root.or("address-base", 0_u16);
        let order = byte_order(root);
        map.forbid = forbid(root, address_base);
        let mut draft = Draft::default();
        root.tables("register", |r| draft.read(r, address_base, order));
        map.registers = draft.finish(&doc, &map.forbid).0;
    });
    if doc.is_clean() { Ok(map) } else { Err(doc.findings()) }
}

/// The order of bytes that a table names, else the common one.
pub(super) fn byte_order(t: &Table<'_>) -> ByteOrder {
    let Some(order) = t.at::<String>("byte-order") else { return ByteOrder::Abcd };
    if let Some((_, found)) = ByteOrder::ALL.iter().find(|(name, _)| *name == order.value) {
        return *found;
    }
    let what = format!("unknown byte order `{}`", order.value);
    t.doc().find(order.span, what, "use ABCD, CDAB, BADC or DCBA");
    ByteOrder::Abcd
}

/// A word out of a list, if the key is there.
pub(super) fn word<T: Copy>(t: &Table<'_>, key: &str, choices: &[(&str, T)]) -> Option<T> {
    let at = t.at::<String>(key)?;
    if let Some((_, v)) = choices.iter().find(|(n, _)| *n == at.value) {
        return Some(*v);
    }
    let names: Vec<_> = choices.iter().map(|(n, _)| *n).collect();
    let what = format!("`{key}` cannot be `{}`", at.value);
    t.doc().find(at.span, what, format!("use one of {}", names.join(", ")));
    None
}

/// A word out of a list, that must be there.
fn choice<T: Copy>(t: &Table<'_>, key: &str, choices: &[(&str, T)]) -> Option<T> {
    if !t.has(key) {
        let _ = t.need::<String>(key);
        return None;
    }
    word(t, key, choices)
}

/// `forbid = ["4096-4099", "holding 12"]`: addresses in the manual's count, of every space or of one.
pub(super) fn forbid(t: &Table<'_>, address_base: u16) -> Vec<Forbidden> {
    let parse = |text: &str| {
        let (space, range) = match text.trim().split_once(' ') {
            Some((space, range)) => (Some(RegisterSpace::ALL.iter().find(|(n, _)| *n == space)?.1), range),
            None => (None, text),
        };
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let pdu = |n: &str| n.trim().parse::<u16>().ok()?.checked_sub(address_base);
        let (first, last) = (pdu(first)?, pdu(last)?);
        (first <= last).then_some(Forbidden { space, first, last })
    };
    let mut out = Vec::new();
    for text in t.strings("forbid") {
        match parse(&text.value) {
            Some(range) => out.push(range),
            None => t.doc().find(
                text.span,
                format!("`{}` is not a range of addresses", text.value),
                "write \"4096-4099\", or \"holding 4096-4099\" for one space, counted as `address` is",
            ),
        }
    }
    out
}

/// Registers being read.
pub(super) struct Draft {
    registers: Vec<RegisterSpec>,
    /// Where each stands.
    spans: Vec<Range<usize>>,
    names: Names,
    /// Registers that name a scale register, and which copy of their template they are.
    scaled: Vec<(usize, At<String>, Option<u16>)>,
}

impl Default for Draft {
    fn default() -> Self {
        Self { registers: Vec::new(), spans: Vec::new(), names: Names::new("register"), scaled: Vec::new() }
    }
}

impl Draft {
    /// Takes a register that was read elsewhere.
    pub(super) fn take(&mut self, register: RegisterSpec, span: &Range<usize>) {
        self.names.ids.insert(register.name.clone(), self.registers.len());
        self.registers.push(register);
        self.spans.push(span.clone());
    }

    /// Reads a `[[register]]` table, which may be a template of several.
    pub(super) fn read(&mut self, t: &Table<'_>, address_base: u16, order: ByteOrder) {
        let doc = t.doc();
        let scale_register = t.at::<String>("scale-register");
        let repeat = t.table("repeat", repeat).flatten();
        let Some((name, spec)) = one(t, address_base, order) else { return };
        let (count, stride) = repeat.unwrap_or((1, 0));
        if count > 1 && stride < spec.width() {
            let what =
                format!("a stride of {stride} is less than the {} words of the register", spec.width());
            doc.find(t.span_of("repeat"), what, "give the distance from one copy to the next in addresses");
        }
        let last =
            u32::from(spec.address) + u32::from(count - 1) * u32::from(stride) + u32::from(spec.width());
        if last > 65_536 {
            let what = format!("register `{}` ends behind the last address", spec.name);
            doc.find(t.span_of("address"), what, "correct `address`, or `repeat`");
            return;
        }
        for copy in 0..count {
            let mut register = spec.clone();
            register.address = spec.address + copy * stride;
            let number = repeat.map(|_| copy + 1);
            if let Some(number) = number {
                register.name = format!("{}-{number}", spec.name);
            }
            let at = At { value: register.name.clone(), span: name.span.clone() };
            self.names.add(doc, &at, self.registers.len());
            if let Some(scale) = &scale_register {
                self.scaled.push((self.registers.len(), scale.clone(), number));
            }
            self.registers.push(register);
            self.spans.push(t.span_of("address"));
        }
    }

    /// What was read, with names resolved and addresses checked.
    pub(super) fn finish(mut self, doc: &Doc, forbid: &[Forbidden]) -> (Vec<RegisterSpec>, Names) {
        for (index, name, copy) in std::mem::take(&mut self.scaled) {
            let of_copy = copy.and_then(|n| self.names.ids.get(&format!("{}-{n}", name.value)).copied());
            let Some(found) = of_copy.or_else(|| self.names.find(doc, &name)) else { continue };
            let scale = &self.registers[found];
            if scale.kind != RegisterType::Int16 || found == index {
                let what = format!("register `{}` is not an int16 with a power of ten", scale.name);
                doc.find(name.span, what, "name the register of the exponent, type = \"int16\"");
                continue;
            }
            self.registers[index].scale_register = Some(found);
        }
        for (register, span) in self.registers.iter().zip(&self.spans) {
            let from = u32::from(register.address);
            let to = from + u32::from(register.width());
            if forbid.iter().any(|f| f.touches(register.space, from, to)) {
                let what = format!("register `{}` lies in a forbidden range", register.name);
                doc.find(span.clone(), what, "remove the register, or take it out of `forbid`");
            }
        }
        (self.registers, self.names)
    }
}

/// `repeat = { count = 12, stride = 4 }`.
fn repeat(t: &Table<'_>) -> Option<(u16, u16)> {
    let (count, stride) = (t.need_at::<u16>("count"), t.need::<u16>("stride"));
    let count = count?;
    if !(1..=MOST_COPIES).contains(&count.value) {
        let what = format!("`repeat.count` is not in 1..{MOST_COPIES}");
        t.doc().find(count.span, what, "give the number of copies");
        return None;
    }
    Some((count.value, stride?))
}

/// One register, its scale register not looked up yet.
fn one(t: &Table<'_>, address_base: u16, order: ByteOrder) -> Option<(At<String>, RegisterSpec)> {
    let doc = t.doc();
    let name = t.need_at::<String>("name");
    if let Some(at) = name.as_ref().filter(|n| n.value.trim() != n.value) {
        let what = format!("`{}` begins or ends with a blank", at.value);
        doc.find(at.span.clone(), what, "remove the blank: a table of registers cannot show it");
    }
    let space = choice(t, "space", RegisterSpace::ALL);
    let bits = matches!(space, Some(RegisterSpace::Coil | RegisterSpace::Discrete));
    let kind =
        if bits && !t.has("type") { Some(RegisterType::Bool) } else { choice(t, "type", RegisterType::ALL) };
    let address = t.need_at::<u16>("address");
    let scale = t.or("scale", 1.0);
    if scale == 0.0 {
        doc.find(t.span_of("scale"), "`scale` is zero", "give the engineering value of one count");
    }
    let offset = t.or("offset", 0.0);
    let order = if t.has("byte-order") { byte_order(t) } else { order };
    let unit = t.at::<String>("unit").and_then(|u| unit_of(doc, &u));
    let range = range(t);
    let invalid = t.get::<Vec<i64>>("invalid").unwrap_or_default().into_iter().map(|v| v as u64).collect();
    let description = t.or("description", String::new());
    let (name, space, kind, address) = (name?, space?, kind?, address?);
    let Some(pdu) = address.value.checked_sub(address_base) else {
        let what = format!("address {} is below the address base {address_base}", address.value);
        doc.find(address.span, what, "correct the address, or `address-base`");
        return None;
    };
    let spec = RegisterSpec {
        name: name.value.clone(),
        space,
        address: pdu,
        kind,
        order,
        scale,
        offset,
        scale_register: None,
        unit,
        range,
        invalid,
        description,
    };
    Some((name, spec))
}

/// `range = [0, 100]`, in the register's own unit.
fn range(t: &Table<'_>) -> Option<(f64, f64)> {
    let range = t.at::<Vec<f64>>("range")?;
    if let [low, high] = range.value[..]
        && low <= high
    {
        return Some((low, high));
    }
    t.doc().find(
        range.span,
        "`register.range` is not a pair [low, high] of numbers",
        "write range = [-10, 90], in the register's own unit",
    );
    None
}
