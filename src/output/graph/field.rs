//! What is said of nodes and edges by every format that holds attributes: one table each, so that
//! no two formats differ in what they tell. Names are those of `graph -o json`, its objects flat.

use std::fmt::Display;

use flowfence_model::Orientation;

use super::{EdgeRow, NodeRow};

/// The value of an attribute; several texts are joined by `, `.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Text from outside or of ours.
    Text(String),
    /// A count, a port, a type.
    Whole(u64),
    /// Yes or no.
    Flag(bool),
}

impl Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Value::Text(text) => f.write_str(text),
            Value::Whole(number) => number.fmt(f),
            Value::Flag(flag) => flag.fmt(f),
        }
    }
}

impl From<Value> for serde_json::Value {
    fn from(value: Value) -> Self {
        match value {
            Value::Text(text) => text.into(),
            Value::Whole(number) => number.into(),
            Value::Flag(flag) => flag.into(),
        }
    }
}

/// The type of an attribute, for formats that declare it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// [`Value::Text`].
    Text,
    /// [`Value::Whole`].
    Whole,
    /// [`Value::Flag`].
    Flag,
}

/// One attribute of rows of type `R`.
pub struct Field<R> {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub kind: Kind,
    /// Its value, where there is one.
    pub of: fn(&R) -> Option<Value>,
}

impl<R> Field<R> {
    const fn text(name: &'static str, of: fn(&R) -> Option<Value>) -> Self {
        Field { name, kind: Kind::Text, of }
    }

    const fn whole(name: &'static str, of: fn(&R) -> Option<Value>) -> Self {
        Field { name, kind: Kind::Whole, of }
    }

    const fn flag(name: &'static str, of: fn(&R) -> Option<Value>) -> Self {
        Field { name, kind: Kind::Flag, of }
    }
}

/// Of nodes, beside their id.
pub const NODE: &[Field<NodeRow>] = &[
    Field::text("kind", |node| text(&node.kind)),
    Field::text("namespace", |node| node.namespace.as_deref().and_then(text)),
    Field::text("name", |node| text(&node.name)),
    Field::text("labels", |node| list(node.labels.iter().map(|(key, value)| format!("{key}={value}")))),
    Field::text("fqdns", |node| list(&node.fqdns)),
];

/// Of edges, beside their ends.
pub const EDGE: &[Field<EdgeRow>] = &[
    Field::text("protocol", |edge| Some(Value::Text(edge.protocol.to_string()))),
    Field::whole("port", |edge| edge.port.map(|port| Value::Whole(port.into()))),
    Field::whole("icmpType", |edge| edge.icmp.map(|icmp| Value::Whole(icmp.kind.into()))),
    Field::whole("icmpCode", |edge| edge.icmp.map(|icmp| Value::Whole(icmp.code.into()))),
    Field::text("services", |edge| list(&edge.services)),
    Field::text("behind", |edge| list(&edge.behind)),
    Field::whole("connections", |edge| Some(Value::Whole(edge.connections))),
    Field::whole("unanswered", |edge| Some(Value::Whole(edge.attempts.unanswered))),
    Field::whole("refused", |edge| Some(Value::Whole(edge.attempts.refused))),
    Field::whole("packetsOut", |edge| Some(Value::Whole(edge.packets[0]))),
    Field::whole("packetsBack", |edge| Some(Value::Whole(edge.packets[1]))),
    Field::whole("octetsOut", |edge| Some(Value::Whole(edge.octets[0]))),
    Field::whole("octetsBack", |edge| Some(Value::Whole(edge.octets[1]))),
    Field::text("first", |edge| Some(Value::Text(edge.first.to_string()))),
    Field::text("last", |edge| Some(Value::Text(edge.last.to_string()))),
    Field::flag("established", |edge| Some(Value::Flag(edge.established))),
    Field::text("orientation", |edge| text(orientation(edge.orientation))),
    Field::flag("probe", |edge| Some(Value::Flag(edge.probe))),
    Field::text("egress", |edge| edge.verdict.egress.and_then(text)),
    Field::text("ingress", |edge| edge.verdict.ingress.and_then(text)),
    Field::text("suspicious", |edge| list(&edge.suspicious)),
];

/// The attributes that `row` has.
pub fn all<R>(fields: &'static [Field<R>], row: &R) -> impl Iterator<Item = (&'static str, Value)> {
    fields.iter().filter_map(move |field| Some((field.name, (field.of)(row)?)))
}

/// Attributes as members of a JSON object.
pub fn object(
    values: impl Iterator<Item = (&'static str, Value)>,
) -> serde_json::Map<String, serde_json::Value> {
    values.map(|(name, value)| (name.to_owned(), value.into())).collect()
}

fn orientation(orientation: Orientation) -> &'static str {
    match orientation {
        Orientation::Seen => "seen",
        Orientation::Inferred => "inferred",
        Orientation::Unknown => "unknown",
    }
}

fn text(text: &str) -> Option<Value> {
    (!text.is_empty()).then(|| Value::Text(text.to_owned()))
}

fn list<T: Display>(items: impl IntoIterator<Item = T>) -> Option<Value> {
    let joined: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    text(&joined.join(", "))
}
