//! Objects against the schema of their custom resource definition, strictly: a field that the schema does not have
//! is wrong, where an API server would drop it, and a keyword that is not known here is no schema to check by.

use std::net::IpAddr;
use std::path::PathBuf;

use regex::Regex;
use serde_json::{Map, Value};

/// What says nothing of one object by itself, or needs an interpreter of CEL. What CEL rules ask for, the reader of the
/// kind asks for too.
const UNCHECKED: [&str; 5] = [
    "default",
    "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-map-type",
    "x-kubernetes-validations",
];

/// A schema of `tests/data/crd`.
#[derive(Debug)]
pub struct Crd {
    schema: Value,
}

impl Crd {
    /// The schema of an object, by the group of its API and its kind.
    pub fn of(object: &Value) -> Self {
        let group = object["apiVersion"].as_str().unwrap().split('/').next().unwrap();
        let kind = object["kind"].as_str().unwrap().to_lowercase();
        let plural = kind.strip_suffix('y').map_or_else(|| format!("{kind}s"), |stem| format!("{stem}ies"));
        let path =
            PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/data/crd/{group}_{plural}.json"));
        let text =
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Crd { schema: serde_json::from_str(&text).unwrap() }
    }

    /// What is wrong with the object.
    pub fn faults(&self, object: &Value) -> Vec<String> {
        let mut faults = Vec::new();
        self.check(object, &self.schema, "", &mut faults);
        faults
    }

    fn check(&self, value: &Value, schema: &Value, at: &str, faults: &mut Vec<String>) {
        for (keyword, wanted) in schema.as_object().unwrap() {
            let fault = match keyword.as_str() {
                "$ref" => {
                    let name = wanted.as_str().unwrap().strip_prefix("#/definitions/").unwrap();
                    self.check(value, &self.schema["definitions"][name], at, faults);
                    None
                }
                "properties" => self.properties(value, schema, at, faults),
                "additionalProperties" => {
                    let known = schema["properties"].as_object();
                    let more = value.as_object().into_iter().flatten();
                    for (key, entry) in more.filter(|(key, _)| known.is_none_or(|k| !k.contains_key(*key))) {
                        self.check(entry, wanted, &format!("{at}.{key}"), faults);
                    }
                    None
                }
                "items" => {
                    for (n, entry) in value.as_array().into_iter().flatten().enumerate() {
                        self.check(entry, wanted, &format!("{at}[{n}]"), faults);
                    }
                    None
                }
                "anyOf" | "oneOf" => self.choice(value, keyword, wanted.as_array().unwrap(), at),
                _ => simple(value, schema, keyword, wanted),
            };
            faults.extend(fault.map(|fault| format!("{at}: {fault}")));
        }
    }

    fn properties(
        &self,
        value: &Value,
        schema: &Value,
        at: &str,
        faults: &mut Vec<String>,
    ) -> Option<String> {
        let known: &Map<String, Value> = schema["properties"].as_object().unwrap();
        let is_open = schema.get("additionalProperties").is_some();
        for (key, entry) in value.as_object().into_iter().flatten() {
            match known.get(key) {
                Some(schema) => self.check(entry, schema, &format!("{at}.{key}"), faults),
                None if is_open => {}
                None => faults.push(format!("{at}.{key}: unknown field")),
            }
        }
        None
    }

    fn choice(&self, value: &Value, keyword: &str, schemas: &[Value], at: &str) -> Option<String> {
        let holds = |schema: &&Value| {
            let mut faults = Vec::new();
            // A branch lists the fields that it asks for, not all that there are.
            let mut schema = (*schema).clone();
            schema.as_object_mut().unwrap().remove("properties");
            self.check(value, &schema, at, &mut faults);
            faults.is_empty()
        };
        let count = schemas.iter().filter(holds).count();
        let is_fine = if keyword == "oneOf" { count == 1 } else { count > 0 };
        (!is_fine).then(|| format!("{count} branches of {keyword} hold"))
    }
}

/// A keyword that looks at the value alone.
fn simple(value: &Value, schema: &Value, keyword: &str, wanted: &Value) -> Option<String> {
    let limit = || usize::try_from(wanted.as_u64().unwrap()).unwrap();
    let length = value.as_str().map(|text| text.chars().count());
    let (entries, fields) = (value.as_array().map(Vec::len), value.as_object().map(Map::len));
    let is_wrong = match keyword {
        "type" => !is_of_type(value, schema, wanted.as_str().unwrap()),
        "required" => {
            let missing = |field: &&Value| value.get(field.as_str().unwrap()).is_none();
            value.is_object() && wanted.as_array().unwrap().iter().any(|field| missing(&field))
        }
        "enum" => !wanted.as_array().unwrap().contains(value),
        "pattern" => {
            value.as_str().is_some_and(|text| !Regex::new(wanted.as_str().unwrap()).unwrap().is_match(text))
        }
        "minimum" => value.as_f64() < wanted.as_f64() && value.is_number(),
        "maximum" => value.as_f64() > wanted.as_f64() && value.is_number(),
        "minLength" => length.is_some_and(|n| n < limit()),
        "maxLength" => length.is_some_and(|n| n > limit()),
        "minItems" => entries.is_some_and(|n| n < limit()),
        "maxItems" => entries.is_some_and(|n| n > limit()),
        "minProperties" => fields.is_some_and(|n| n < limit()),
        "maxProperties" => fields.is_some_and(|n| n > limit()),
        "format" => !is_of_format(value, wanted.as_str().unwrap()),
        "x-kubernetes-int-or-string" => !(value.is_i64() || value.is_string()),
        "definitions" => false,
        other => {
            assert!(UNCHECKED.contains(&other), "the keyword {other} is not known");
            false
        }
    };
    is_wrong.then(|| format!("{value} breaks {keyword} {wanted}"))
}

fn is_of_type(value: &Value, schema: &Value, name: &str) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        // The OpenAPI of Calico calls a port a string of the format int-or-string.
        "string" => value.is_string() || (schema["format"] == "int-or-string" && value.is_u64()),
        "integer" => value.is_i64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        other => panic!("the type {other} is not known"),
    }
}

fn is_of_format(value: &Value, name: &str) -> bool {
    match name {
        "cidr" => value.as_str().is_none_or(|text| {
            let (ip, length) = text.split_once('/').unwrap_or((text, ""));
            ip.parse::<IpAddr>().is_ok() && length.parse::<u8>().is_ok()
        }),
        "int32" => value.as_i64().is_none_or(|number| i32::try_from(number).is_ok()),
        "int-or-string" => value.is_string() || value.is_u64(),
        "int64" | "double" | "date-time" | "idn-hostname" => true,
        other => panic!("the format {other} is not known"),
    }
}
