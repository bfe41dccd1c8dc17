//! XML 1.0: elements and attributes through one writer, so that no text from outside becomes markup.

use std::io::{self, Write};

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};

use super::safe;

/// A document that is being written, indented by two spaces.
pub struct Xml<W: Write> {
    writer: Writer<W>,
    open: Vec<&'static str>,
}

impl<W: Write> Xml<W> {
    /// Begins a document with its declaration.
    pub fn begin(out: W) -> io::Result<Self> {
        let mut writer = Writer::new_with_indent(out, b' ', 2);
        writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
        Ok(Xml { writer, open: Vec::new() })
    }

    /// Opens an element.
    pub fn open(&mut self, name: &'static str, attributes: &[(&str, &str)]) -> io::Result<()> {
        self.open.push(name);
        self.writer.write_event(Event::Start(start(name, attributes)))
    }

    /// Closes the element that was opened last.
    pub fn close(&mut self) -> io::Result<()> {
        match self.open.pop() {
            Some(name) => self.writer.write_event(Event::End(BytesEnd::new(name))),
            None => Ok(()),
        }
    }

    /// An element without content.
    pub fn empty(&mut self, name: &'static str, attributes: &[(&str, &str)]) -> io::Result<()> {
        self.writer.write_event(Event::Empty(start(name, attributes)))
    }

    /// An element that holds only text.
    pub fn text(&mut self, name: &'static str, attributes: &[(&str, &str)], text: &str) -> io::Result<()> {
        self.writer.write_event(Event::Start(start(name, attributes)))?;
        self.writer.write_event(Event::Text(BytesText::new(&clean(text))))?;
        self.writer.write_event(Event::End(BytesEnd::new(name)))
    }

    /// The same with line breaks kept.
    pub fn lines(&mut self, name: &'static str, attributes: &[(&str, &str)], text: &str) -> io::Result<()> {
        self.writer.write_event(Event::Start(start(name, attributes)))?;
        self.writer.write_event(Event::Text(BytesText::new(&sound(&safe::lines(text)))))?;
        self.writer.write_event(Event::End(BytesEnd::new(name)))
    }

    /// Closes what is open and ends the document.
    pub fn end(mut self) -> io::Result<()> {
        while !self.open.is_empty() {
            self.close()?;
        }
        self.writer.into_inner().write_all(b"\n")
    }
}

fn start<'a>(name: &'a str, attributes: &[(&'a str, &str)]) -> BytesStart<'a> {
    let mut start = BytesStart::new(name);
    for (name, value) in attributes {
        start.push_attribute((*name, defanged(clean(value)).as_str()));
    }
    start
}

/// A program that shows the document may make a link of an attribute: text that would run there, or bring a page of its own,
/// is no address any more.
fn defanged(value: String) -> String {
    let begins = value.trim_start();
    let scheme = begins.split_once(':').map(|(scheme, _)| scheme.trim_end().to_ascii_lowercase());
    match scheme.as_deref() {
        Some("javascript" | "vbscript" | "data" | "file") => value.replacen(':', " :", 1),
        _ => value,
    }
}

/// Without what hides or reorders text.
fn clean(text: &str) -> String {
    sound(&safe::line(text))
}

/// Without what XML 1.0 cannot hold (section 2.2, Char) beyond control characters.
fn sound(text: &str) -> String {
    text.replace(['\u{fffe}', '\u{ffff}'], "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_attribute_is_an_address_that_runs() {
        assert_eq!(defanged(" JavaScript:x()".to_owned()), " JavaScript :x()");
        assert_eq!(defanged("data:text/html,x:y".to_owned()), "data :text/html,x:y");
        for fine in ["data/StatefulSet/cache", "https://a.example", "8080", "shop: javascript:x"] {
            assert_eq!(defanged(fine.to_owned()), fine);
        }
    }

    #[test]
    fn text_from_outside_stays_text() {
        let mut out = Vec::new();
        let mut xml = Xml::begin(&mut out).unwrap();
        xml.open("a", &[("b", "\"><x y='1'>&z;")]).unwrap();
        xml.text("c", &[], "</c>]]>\u{0}\u{fffe}&#0;").unwrap();
        xml.empty("d", &[]).unwrap();
        xml.end().unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<a b=\"&quot;&gt;&lt;x y=&apos;1&apos;&gt;&amp;z;\">\n  \
             <c>&lt;/c&gt;]]&gt;&amp;#0;</c>\n  <d/>\n</a>\n"
        );
    }
}
