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
//! certificate-sha256 = "64 more"      # of the certificate that TLS asks for (`--http-tls`); either is enough
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
    token: Option<[u8; 32]>,
    certificate: Option<[u8; 32]>,
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
        self.0.iter().find(|o| o.token == Some(digest))
    }

    /// Whose certificate is this, by its digest?
    pub(crate) fn with(&self, certificate: [u8; 32]) -> Option<&Operator> {
        self.0.iter().find(|o| o.certificate == Some(certificate))
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
    let (name, role) = (t.need_at::<String>("name"), t.need::<Role>("role"));
    if let Some(name) = &name {
        if name.value.trim().is_empty() || names.contains(&name.value) {
            let remedy = "give each operator a name of its own: it stands in the record of what was said";
            t.doc().find(name.span.clone(), format!("`{}` names nobody, or two", name.value), remedy);
        }
        names.push(name.value.clone());
    }
    let token = digest(t, "token-sha256", "`printf %s TOKEN | sha256sum` prints");
    let fingerprint = "`openssl x509 -in FILE.pem -outform DER | sha256sum` prints";
    let certificate = digest(t, "certificate-sha256", fingerprint);
    if !t.has("token-sha256") && !t.has("certificate-sha256") {
        let remedy = "give the `token-sha256` or the `certificate-sha256` of this operator";
        t.doc().find(t.span(), "nobody can be told by this", remedy);
    }
    Some(Operator { name: name?.value, role: role?, token, certificate })
}

/// A SHA-256; a finding where what stands there is none.
fn digest(t: &Table<'_>, key: &str, printed_by: &str) -> Option<[u8; 32]> {
    let hex = t.at::<String>(key)?;
    let found = digest_of(&hex.value);
    if found.is_none() {
        let remedy = format!("give the 64 hexadecimal digits that {printed_by}");
        t.doc().find(hex.span, "this is no SHA-256", remedy);
    }
    found
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
    fn a_certificate_names_its_owner_too() {
        let text = format!(
            "format = 1\n[[operator]]\nname = \"kim\"\nrole = \"operator\"\ncertificate-sha256 = \"{}\"\n",
            hex("der")
        );
        let operators = Operators::read("operators.toml", &text).unwrap();
        assert_eq!(operators.with(Sha256::digest("der").into()).unwrap().name, "kim");
        assert_eq!(operators.with(Sha256::digest("red").into()), None);
        assert_eq!(operators.of("der"), None, "a digest of a certificate is no token's");
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
