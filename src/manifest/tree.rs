//! An object as written, with the line and path of each field: what a checked reading needs to
//! say where it went wrong.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::refusal::Refusal;
use super::yaml;

/// A value and its line in the document.
#[derive(Clone, Debug)]
pub(super) struct Node {
    value: Value,
    line: Option<usize>,
}

#[derive(Clone, Debug)]
enum Value {
    Null,
    Bool(bool),
    Integer(i64),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (value, line) = yaml::with_line(deserializer)?;
        Ok(Node { value, line })
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Integer(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        // Beyond any number of the API either way.
        Ok(Value::Integer(i64::try_from(value).unwrap_or(i64::MAX)))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(node) = seq.next_element()? {
            list.push(node);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut entries: Vec<(String, Node)> = Vec::new();
        while let Some((key, node)) = map.next_entry::<String, Node>()? {
            if entries.iter().any(|(known, _)| *known == key) {
                return Err(A::Error::custom(format!("duplicate key {key:?}")));
            }
            entries.push((key, node));
        }
        Ok(Value::Map(entries))
    }
}

impl Value {
    fn describe(&self) -> String {
        match self {
            Value::Null => "null".to_owned(),
            Value::Bool(value) => format!("the boolean {value}"),
            Value::Integer(value) => format!("the number {value}"),
            Value::Float(value) => format!("the number {value}"),
            Value::Text(value) => format!("the text {value:?}"),
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a mapping".to_owned(),
        }
    }
}

/// A field of an object: what it holds, or nothing when it is absent or null, and where it is.
#[derive(Clone, Debug)]
pub(super) struct Field<'a> {
    path: String,
    value: Option<&'a Value>,
    line: Option<usize>,
}

/// A port or a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NumberOrText {
    Number(i64),
    Text(String),
}

impl<'a> Field<'a> {
    /// The whole object.
    pub(super) fn root(node: &'a Node) -> Self {
        Field { path: String::new(), value: node.some(), line: node.line }
    }

    /// The line of the document on which it stands.
    pub(super) fn line(&self) -> Option<usize> {
        self.line
    }

    /// A refusal of this field.
    pub(super) fn refuse(&self, reason: impl Into<String>) -> Refusal {
        let field = (!self.path.is_empty()).then(|| self.path.clone());
        Refusal { line: self.line, field, reason: reason.into() }
    }

    /// Whether it is there and not null.
    pub(super) fn is_present(&self) -> bool {
        self.value.is_some()
    }

    /// A field of it, whose absence is located at it.
    pub(super) fn get(&self, key: &str) -> Field<'a> {
        let path = if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) };
        let node = match self.value {
            Some(Value::Map(entries)) => entries.iter().find(|(k, _)| k == key).map(|(_, node)| node),
            _ => None,
        };
        Field { path, value: node.and_then(Node::some), line: node.and_then(|n| n.line).or(self.line) }
    }

    /// Checks that it is a mapping, or absent.
    pub(super) fn only_mapping(&self) -> Result<(), Refusal> {
        match self.value {
            None | Some(Value::Map(_)) => Ok(()),
            Some(other) => Err(self.refuse(format!("expected a mapping, found {}", other.describe()))),
        }
    }

    /// Checks that it is a mapping, or absent, with none but these fields.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), Refusal> {
        match self.value {
            None => Ok(()),
            Some(Value::Map(entries)) => match entries.iter().find(|(key, _)| !known.contains(&&**key)) {
                None => Ok(()),
                Some((key, node)) => {
                    let mut unknown = self.get(key);
                    unknown.line = node.line.or(self.line);
                    Err(unknown.refuse(format!("unknown field; expected one of {}", known.join(", "))))
                }
            },
            Some(other) => Err(self.refuse(format!("expected a mapping, found {}", other.describe()))),
        }
    }

    /// The names of its fields that are not null; none when it is no mapping.
    pub(super) fn keys(&self) -> Vec<&'a str> {
        match self.value {
            Some(Value::Map(entries)) => {
                entries.iter().filter(|(_, node)| node.some().is_some()).map(|(key, _)| &**key).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Its entries; none when it is absent or null.
    pub(super) fn list(&self) -> Result<Vec<Field<'a>>, Refusal> {
        match self.value {
            None => Ok(Vec::new()),
            Some(Value::List(nodes)) => Ok(nodes
                .iter()
                .enumerate()
                .map(|(at, node)| Field {
                    path: format!("{}[{at}]", self.path),
                    value: node.some(),
                    line: node.line.or(self.line),
                })
                .collect()),
            Some(other) => Err(self.refuse(format!("expected a list, found {}", other.describe()))),
        }
    }

    /// Its text.
    pub(super) fn text(&self) -> Result<Option<&'a str>, Refusal> {
        match self.value {
            None => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(other) => {
                Err(self.refuse(format!("expected a string, found {}; quote it", other.describe())))
            }
        }
    }

    /// Its number.
    pub(super) fn integer(&self) -> Result<Option<i64>, Refusal> {
        match self.value {
            None => Ok(None),
            Some(Value::Integer(number)) => Ok(Some(*number)),
            Some(other) => Err(self.refuse(format!("expected a number, found {}", other.describe()))),
        }
    }

    /// Its number or text.
    pub(super) fn number_or_text(&self) -> Result<Option<NumberOrText>, Refusal> {
        match self.value {
            None => Ok(None),
            Some(Value::Integer(number)) => Ok(Some(NumberOrText::Number(*number))),
            Some(Value::Text(text)) => Ok(Some(NumberOrText::Text(text.clone()))),
            Some(other) => {
                Err(self.refuse(format!("expected a number or a name, found {}", other.describe())))
            }
        }
    }

    /// Its entries as a map of texts.
    pub(super) fn texts(&self) -> Result<BTreeMap<String, String>, Refusal> {
        match self.value {
            None => Ok(BTreeMap::new()),
            Some(Value::Map(entries)) => entries
                .iter()
                .map(|(key, _)| Ok((key.clone(), self.get(key).text()?.unwrap_or_default().to_owned())))
                .collect(),
            Some(other) => Err(self.refuse(format!("expected a mapping, found {}", other.describe()))),
        }
    }
}

impl Node {
    fn some(&self) -> Option<&Value> {
        match &self.value {
            Value::Null => None,
            value => Some(value),
        }
    }
}
