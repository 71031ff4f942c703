//! Who may instruct over HTTP: the operators' file.
//!
//! Responsible for: reading it, and whose token one is. Not for: what is said (`desk`).
//!
//! ```toml
//! format = 1
//! [[operator]]
//! name = "kim"
//! role = "operator"                   # viewer, operator, engineer
//! token-sha256 = "64 hexadecimal digits"
//! ```
//!
//! Only digests of tokens stand in it. A token has 32 random bytes: no salt makes that harder to guess.

use headroom_site::doc::{Doc, Finding, FromDoc, Table};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use toml::de::DeValue;

/// What somebody may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Role {
    /// Looks. Everybody who reaches the pages may do that, too.
    Viewer,
    /// Instructs.
    Operator,
    /// Instructs; what else an engineer does is done in files.
    Engineer,
}

impl FromDoc for Role {
    fn what() -> String {
        "`viewer`, `operator` or `engineer`".into()
    }
    fn from_value(value: &DeValue<'_>) -> Result<Self, String> {
        match value.as_str() {
            Some("viewer") => Ok(Self::Viewer),
            Some("operator") => Ok(Self::Operator),
            Some("engineer") => Ok(Self::Engineer),
            _ => Err("is no role".to_owned()),
        }
    }
}

/// Somebody with a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Operator {
    pub(crate) name: String,
    pub(crate) role: Role,
    digest: [u8; 32],
}

/// All of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Operators(Vec<Operator>);

impl Operators {
    /// Reads the file.
    ///
    /// # Errors
    /// Every finding.
    pub(crate) fn read(file: &str, text: &str) -> Result<Self, Vec<Finding>> {
        let doc = Doc::new(file, text);
        let read = doc.read(operators);
        match (read, doc.is_clean()) {
            (Some(read), true) => Ok(Self(read)),
            _ => Err(doc.findings()),
        }
    }

    /// Whose token is this? All are compared by digest, so that time tells nothing of a token.
    pub(crate) fn of(&self, token: &str) -> Option<&Operator> {
        let digest: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        self.0.iter().find(|o| o.digest == digest)
    }
}

fn operators(root: &Table<'_>) -> Vec<Operator> {
    if let Some(format) = root.need_at::<i64>("format")
        && format.value != 1
    {
        root.doc().find(format.span, format!("format {} is not known", format.value), "write `format = 1`");
    }
    let mut names: Vec<String> = Vec::new();
    let read = root.tables("operator", |t| operator(t, &mut names));
    if read.is_empty() {
        root.doc().find(root.span(), "nobody may instruct", "add an [[operator]], or leave the file out");
    }
    read.into_iter().flatten().collect()
}

fn operator(t: &Table<'_>, names: &mut Vec<String>) -> Option<Operator> {
    let (name, role, hex) =
        (t.need_at::<String>("name"), t.need::<Role>("role"), t.need_at::<String>("token-sha256"));
    if let Some(name) = &name {
        if name.value.trim().is_empty() || names.contains(&name.value) {
            let remedy = "give each operator a name of its own: it stands in the record of what was said";
            t.doc().find(name.span.clone(), format!("`{}` names nobody, or two", name.value), remedy);
        }
        names.push(name.value.clone());
    }
    let digest = hex.and_then(|hex| {
        let found = digest_of(&hex.value);
        if found.is_none() {
            let remedy = "give the 64 hexadecimal digits that `printf %s TOKEN | sha256sum` prints";
            t.doc().find(hex.span, "this is no SHA-256", remedy);
        }
        found
    });
    Some(Operator { name: name?.value, role: role?, digest: digest? })
}

/// 32 bytes of their hexadecimal digits.
fn digest_of(hex: &str) -> Option<[u8; 32]> {
    if hex.len() != 64 || !hex.is_ascii() {
        return None;
    }
    let mut bytes = [0; 32];
    for (i, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(token: &str) -> String {
        Sha256::digest(token).iter().map(|b| format!("{b:02x}")).collect()
    }

    #[test]
    fn a_token_names_its_owner_and_nothing_else_does() {
        let text = format!(
            "format = 1\n[[operator]]\nname = \"kim\"\nrole = \"operator\"\ntoken-sha256 = \"{}\"\n\
             [[operator]]\nname = \"screen\"\nrole = \"viewer\"\ntoken-sha256 = \"{}\"\n",
            hex("secret"),
            hex("wall")
        );
        let operators = Operators::read("operators.toml", &text).unwrap();
        let kim = operators.of("secret").unwrap();
        assert_eq!((kim.name.as_str(), kim.role), ("kim", Role::Operator));
        assert!(operators.of("wall").unwrap().role < Role::Operator);
        for wrong in ["", "Secret", "secret ", &hex("secret")] {
            assert_eq!(operators.of(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_wrong_is_found_with_its_line() {
        let text = "format = 2\n[[operator]]\nname = \"kim\"\nrole = \"boss\"\ntoken-sha256 = \"secret\"\n\
                    [[operator]]\nname = \"kim\"\nrole = \"operator\"\ntokne = \"x\"\n";
        let found = Operators::read("operators.toml", text).unwrap_err();
        let lines: Vec<usize> = found.iter().map(|f| f.line).collect();
        for line in [1, 4, 5, 7, 9] {
            assert!(lines.contains(&line), "line {line}: {found:#?}");
        }
        assert!(!found.iter().any(|f| f.what.contains("secret")), "no token is repeated: {found:#?}");
        assert!(Operators::read("operators.toml", "format = 1\n").unwrap_err()[0].what.contains("nobody"));
    }
}
