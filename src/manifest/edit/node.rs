//! A YAML text as a tree whose nodes know their bytes. JSON is YAML in flow style.

use granit_parser::{Event, Parser, StructureStyle};

/// A node of a document.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// What it holds.
    pub body: Body,
    /// Where its content begins, in bytes.
    pub start: usize,
    /// Where it ends; of block style only that of its last child.
    pub end: usize,
    /// Whether it is written as `[…]` or `{…}`.
    pub is_flow: bool,
    /// Whether an anchor names it.
    pub is_anchored: bool,
}

/// What a node holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Body {
    /// A scalar, and whether it is written without quotes.
    Scalar(String, bool),
    /// A sequence.
    Sequence(Vec<Node>),
    /// A mapping, in its order.
    Mapping(Vec<(Node, Node)>),
    /// What an anchor named.
    Alias,
}

/// Equal content, wherever it stands and however it is indented.
impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.body == other.body
    }
}

impl Eq for Node {}

impl Node {
    /// The value of a key.
    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|(_, value)| value)
    }

    /// A key and its value.
    pub(super) fn entry(&self, key: &str) -> Option<&(Node, Node)> {
        match &self.body {
            Body::Mapping(entries) => entries.iter().find(|(own, _)| own.text() == Some(key)),
            _ => None,
        }
    }

    /// The text of a scalar.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.body {
            Body::Scalar(text, _) => Some(text),
            _ => None,
        }
    }

    /// The items of a sequence.
    pub(super) fn items(&self) -> &[Node] {
        match &self.body {
            Body::Sequence(items) => items,
            _ => &[],
        }
    }

    /// Whether it is null, which lists and rules may be.
    pub(super) fn is_null(&self) -> bool {
        matches!(&self.body, Body::Scalar(text, true) if matches!(text.as_str(), "" | "~" | "null"))
    }

    /// Whether anything in it is an alias or has an anchor: what is edited there changes
    /// elsewhere.
    pub(super) fn is_shared(&self) -> bool {
        self.is_anchored
            || match &self.body {
                Body::Alias => true,
                Body::Scalar(..) => false,
                Body::Sequence(items) => items.iter().any(Node::is_shared),
                Body::Mapping(entries) => {
                    entries.iter().any(|(key, value)| key.is_shared() || value.is_shared())
                }
            }
    }
}

/// A collection that is still open.
struct Open {
    node: Node,
    key: Option<Node>,
}

/// The documents of a text.
pub(super) fn parse(text: &str) -> Result<Vec<Node>, String> {
    let mut documents = Vec::new();
    let mut open: Vec<Open> = Vec::new();
    let options = granit_parser::options! { emit_comments: false };
    for next in Parser::new_from_str_with_options(text, options) {
        let (event, span) = next.map_err(|error| error.to_string())?;
        let Some(range) = span.byte_range() else { return Err("places are unknown".to_owned()) };
        let mut node = Node {
            body: Body::Alias,
            start: range.start,
            end: range.end,
            is_flow: false,
            is_anchored: event.anchor_id().is_some_and(|anchor| anchor > 0),
        };
        match event {
            Event::Alias(_) | Event::UnresolvedAlias(_) => place(node, &mut open, &mut documents),
            Event::Scalar(text, style, ..) => {
                node.body = Body::Scalar(text.into_owned(), style == granit_parser::ScalarStyle::Plain);
                place(node, &mut open, &mut documents);
            }
            Event::SequenceStart(style, ..) => {
                node.is_flow = style == StructureStyle::Flow;
                node.body = Body::Sequence(Vec::new());
                open.push(Open { node, key: None });
            }
            Event::MappingStart(style, ..) => {
                node.is_flow = style == StructureStyle::Flow;
                node.body = Body::Mapping(Vec::new());
                open.push(Open { node, key: None });
            }
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(mut done) = open.pop() {
                    if done.node.is_flow {
                        done.node.end = range.end;
                    }
                    place(done.node, &mut open, &mut documents);
                }
            }
            _ => {}
        }
    }
    Ok(documents)
}

/// Puts a finished node into the collection around it.
fn place(node: Node, open: &mut [Open], documents: &mut Vec<Node>) {
    let Some(around) = open.last_mut() else { return documents.push(node) };
    if !around.node.is_flow {
        around.node.end = around.node.end.max(node.end);
    }
    match (&mut around.node.body, around.key.take()) {
        (Body::Mapping(entries), Some(key)) => entries.push((key, node)),
        (Body::Mapping(_), None) => around.key = Some(node),
        (Body::Sequence(items), _) => items.push(node),
        (Body::Scalar(..) | Body::Alias, _) => {}
    }
}
