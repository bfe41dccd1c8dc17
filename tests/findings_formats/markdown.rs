//! A comment as GitHub's Markdown reads it.

use comrak::nodes::{AstNode, NodeValue};
use comrak::{Arena, Options, parse_document};

/// HTML that we write ourselves.
const OURS: [&str; 2] = ["<details>\n<summary>Evidence and what to do</summary>\n", "</details>\n"];

/// What a page holds.
#[allow(dead_code, reason = "each test crate looks at its share")]
#[derive(Debug, Default)]
pub struct Page {
    /// Tables, rows, cells.
    pub tables: Vec<Vec<Vec<String>>>,
    /// Links, images and HTML that are not ours.
    pub foreign: Vec<String>,
    /// Text outside code.
    pub plain: Vec<String>,
}

impl Page {
    pub fn read(text: &str) -> Self {
        let mut options = Options::default();
        let extension = &mut options.extension;
        (extension.table, extension.autolink, extension.strikethrough) = (true, true, true);
        (extension.footnotes, extension.tasklist, extension.alerts) = (true, true, true);
        let arena = Arena::new();
        let mut page = Page::default();
        for node in parse_document(&arena, text, &options).descendants() {
            page.take(node);
        }
        page
    }

    fn take<'a>(&mut self, node: &'a AstNode<'a>) {
        match &node.data.borrow().value {
            NodeValue::HtmlInline(html) => self.foreign.push(html.clone()),
            NodeValue::HtmlBlock(block) if !OURS.contains(&block.literal.as_str()) => {
                self.foreign.push(block.literal.clone());
            }
            NodeValue::Link(link) | NodeValue::Image(link) => self.foreign.push(link.url.clone()),
            NodeValue::Text(text) => self.plain.push(text.to_string()),
            NodeValue::Table(_) => self.tables.push(Vec::new()),
            NodeValue::TableRow(_) => self.tables.last_mut().unwrap().push(Vec::new()),
            NodeValue::TableCell => {
                let text = text_of(node);
                self.tables.last_mut().unwrap().last_mut().unwrap().push(text);
            }
            _ => {}
        }
    }
}

fn text_of<'a>(node: &'a AstNode<'a>) -> String {
    let text = |node: &'a AstNode<'a>| match &node.data.borrow().value {
        NodeValue::Text(text) => text.to_string(),
        NodeValue::Code(code) => code.literal.clone(),
        _ => String::new(),
    };
    node.descendants().map(text).collect()
}
