//! An object on its way to text: fields in the order in which they are written, and comments
//! above the entries of lists.

use std::collections::BTreeMap;
use std::fmt;

use flowfence_model::{LabelSelector, Requirement};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;

use crate::manifest::yaml;

/// A part of an object.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Draft {
    Text(String),
    Number(u32),
    List(Vec<Draft>),
    Map(Vec<(String, Draft)>),
    /// An entry of a list with a comment line above it; YAML only.
    Noted(Box<Draft>, String),
}

impl Draft {
    /// A text.
    pub(super) fn text(text: impl Into<String>) -> Self {
        Draft::Text(text.into())
    }

    /// A list of texts.
    pub(super) fn texts<T: ToString>(texts: impl IntoIterator<Item = T>) -> Self {
        Draft::List(texts.into_iter().map(|text| Draft::Text(text.to_string())).collect())
    }

    /// A mapping; fields without a value are left out.
    pub(super) fn map<const N: usize>(fields: [(&str, Option<Draft>); N]) -> Self {
        let present = fields.into_iter().filter_map(|(key, draft)| Some((key.to_owned(), draft?)));
        Draft::Map(present.collect())
    }

    /// A list, or nothing when it is empty.
    pub(super) fn list(entries: Vec<Draft>) -> Option<Self> {
        (!entries.is_empty()).then_some(Draft::List(entries))
    }

    /// The same with a comment line above it.
    pub(super) fn noted(self, comment: &str) -> Self {
        if comment.is_empty() {
            return self;
        }
        Draft::Noted(Box::new(self), comment.to_owned())
    }

    /// The object as the API's JSON.
    pub(super) fn to_json(&self) -> Value {
        match self {
            Draft::Text(text) => Value::from(text.as_str()),
            Draft::Number(number) => Value::from(*number),
            Draft::List(entries) => entries.iter().map(Draft::to_json).collect(),
            Draft::Map(fields) => {
                Value::Object(fields.iter().map(|(key, draft)| (key.clone(), draft.to_json())).collect())
            }
            Draft::Noted(draft, _) => draft.to_json(),
        }
    }

    /// The object as a YAML document, without a `---` before it.
    pub(super) fn to_yaml(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        yaml::write(&mut text, self)?;
        Ok(text)
    }
}

impl Serialize for Draft {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Draft::Text(text) => serializer.serialize_str(text),
            Draft::Number(number) => serializer.serialize_u32(*number),
            Draft::List(entries) => serializer.collect_seq(entries),
            Draft::Map(fields) => {
                let mut map = serializer.serialize_map(Some(fields.len()))?;
                for (key, draft) in fields {
                    map.serialize_entry(key, draft)?;
                }
                map.end()
            }
            Draft::Noted(draft, comment) => yaml::commented(&**draft, comment).serialize(serializer),
        }
    }
}

/// An object of an API version and a kind.
pub(super) fn object([version, kind]: [&str; 2], metadata: Draft, spec: Draft) -> Draft {
    Draft::map([
        ("apiVersion", Some(Draft::text(version))),
        ("kind", Some(Draft::text(kind))),
        ("metadata", Some(metadata)),
        ("spec", Some(spec)),
    ])
}

/// `metadata` of an object; `namespace` where it lives in one.
pub(super) fn metadata(
    name: &str,
    namespace: Option<&str>,
    labels: &BTreeMap<String, String>,
    annotations: &BTreeMap<String, String>,
) -> Draft {
    Draft::map([
        ("name", Some(Draft::text(name))),
        ("namespace", namespace.map(Draft::text)),
        ("labels", texts(labels)),
        ("annotations", texts(annotations)),
    ])
}

/// A label selector with its keys spelled by `spell`.
pub(super) fn selector(selector: &LabelSelector, spell: impl Fn(&str) -> String) -> Draft {
    let labels = selector.match_labels.iter();
    let labels: Vec<(String, Draft)> = labels.map(|(k, v)| (spell(k), Draft::text(v))).collect();
    let expressions = selector.match_expressions.iter().map(|requirement| {
        let (operator, values) = match requirement {
            Requirement::In(_, values) => ("In", Some(values)),
            Requirement::NotIn(_, values) => ("NotIn", Some(values)),
            Requirement::Exists(_) => ("Exists", None),
            Requirement::DoesNotExist(_) => ("DoesNotExist", None),
        };
        Draft::map([
            ("key", Some(Draft::Text(spell(requirement.key())))),
            ("operator", Some(Draft::text(operator))),
            ("values", values.map(Draft::texts)),
        ])
    });
    Draft::map([
        ("matchLabels", (!labels.is_empty()).then_some(Draft::Map(labels))),
        ("matchExpressions", Draft::list(expressions.collect())),
    ])
}

fn texts(map: &BTreeMap<String, String>) -> Option<Draft> {
    let fields: Vec<(String, Draft)> = map.iter().map(|(k, v)| (k.clone(), Draft::text(v))).collect();
    (!fields.is_empty()).then_some(Draft::Map(fields))
}
