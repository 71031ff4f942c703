//! The part of JSON Schema 2020-12 that our schemas use. Patterns are not matched here: `units_agree` compares
//! them with the table of units instead.

use serde_json::Value;

/// TOML as the JSON that an editor validates; dates as text.
pub(crate) fn from_toml(text: &str) -> Value {
    fn convert(value: toml::Value) -> Value {
        match value {
            toml::Value::String(s) => Value::String(s),
            toml::Value::Integer(i) => Value::from(i),
            toml::Value::Float(f) => Value::from(f),
            toml::Value::Boolean(b) => Value::Bool(b),
            toml::Value::Datetime(d) => Value::String(d.to_string()),
            toml::Value::Array(a) => a.into_iter().map(convert).collect(),
            toml::Value::Table(t) => t.into_iter().map(|(k, v)| (k, convert(v))).collect(),
        }
    }
    convert(toml::Value::Table(text.parse().unwrap()))
}

/// Every way in which a value does not fit a schema.
pub(crate) fn problems(schema: &Value, value: &Value) -> Vec<String> {
    let mut out = Vec::new();
    check(schema, schema, value, "", &mut out);
    out
}

fn check(root: &Value, schema: &Value, value: &Value, path: &str, out: &mut Vec<String>) {
    for (keyword, rule) in schema.as_object().unwrap() {
        let fits = match keyword.as_str() {
            "$schema" | "$defs" | "title" | "description" | "examples" | "additionalProperties" => true,
            "pattern" => value.is_string(),
            "$ref" => {
                let pointer = rule.as_str().unwrap().trim_start_matches('#');
                check(root, root.pointer(pointer).unwrap(), value, path, out);
                true
            }
            "type" => is_a(rule.as_str().unwrap(), value),
            "const" => value == rule,
            "enum" => rule.as_array().unwrap().contains(value),
            "minimum" => value.as_f64().is_none_or(|v| v >= rule.as_f64().unwrap()),
            "maximum" => value.as_f64().is_none_or(|v| v <= rule.as_f64().unwrap()),
            "minLength" => value.as_str().is_none_or(|s| s.len() as u64 >= rule.as_u64().unwrap()),
            "minItems" => value.as_array().is_none_or(|a| a.len() as u64 >= rule.as_u64().unwrap()),
            "maxItems" => value.as_array().is_none_or(|a| a.len() as u64 <= rule.as_u64().unwrap()),
            "required" => rule.as_array().unwrap().iter().all(|k| value.get(k.as_str().unwrap()).is_some()),
            "anyOf" => rule.as_array().unwrap().iter().any(|s| {
                let mut inner = Vec::new();
                check(root, s, value, path, &mut inner);
                inner.is_empty()
            }),
            "items" => {
                for (i, item) in value.as_array().into_iter().flatten().enumerate() {
                    check(root, rule, item, &format!("{path}/{i}"), out);
                }
                true
            }
            "properties" => {
                check_table(root, schema, value, path, out);
                true
            }
            other => panic!("our schemas do not use `{other}`"),
        };
        if !fits {
            out.push(format!("{path}: {value} does not fit {keyword} {rule}"));
        }
    }
}

/// `properties` with `additionalProperties` (false, or a schema).
fn check_table(root: &Value, schema: &Value, value: &Value, path: &str, out: &mut Vec<String>) {
    for (key, inner) in value.as_object().into_iter().flatten() {
        let path = format!("{path}/{key}");
        match (schema["properties"].get(key), schema.get("additionalProperties")) {
            (Some(rule), _) => check(root, rule, inner, &path, out),
            (None, Some(Value::Bool(false))) => out.push(format!("{path}: unknown key")),
            (None, Some(rule)) => check(root, rule, inner, &path, out),
            (None, None) => {}
        }
    }
}

fn is_a(kind: &str, value: &Value) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        other => panic!("our schemas do not use the type `{other}`"),
    }
}
