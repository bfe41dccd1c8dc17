//! The end of one JSON object in a stream of octets, found without reading its values.
//!
//! Structure is held to the grammar (RFC 8259), so that damage is noticed where it is and not at
//! the end of the input; numbers, escapes and the rest are for the decoder.

/// Objects and lists inside one another that are followed.
const MAX_DEPTH: u32 = 64;
/// Octets of a number or a word like `false`.
const MAX_SCALAR: usize = 512;

/// Members of an envelope whose list has what was logged, one value each: Azure, Cloud Logging,
/// `CloudWatch`, Kubernetes-like lists, Whisker and Goldmane, Elasticsearch.
const LISTS: [&[u8]; 10] = [
    b"records",
    b"Records",
    b"entries",
    b"logEvents",
    b"events",
    b"items",
    b"flows",
    b"hits",
    b"results",
    b"logs",
];
/// Members of an envelope whose object has such a list.
const PARENTS: [&[u8]; 3] = [b"hits", b"data", b"response"];

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// The octets end first.
    More,
    /// The object ends before this offset.
    End(usize),
    /// It is the envelope of a list, whose first object begins here, so many levels down.
    List { at: usize, levels: u32 },
    /// What is here cannot be.
    Broken(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expect {
    Value,
    ValueOrEnd,
    Key,
    KeyOrEnd,
    Colon,
    CommaOrEnd,
}

/// How far an object was followed. Offsets are from its beginning.
#[derive(Clone, Debug)]
pub struct Scan {
    at: usize,
    expect: Expect,
    depth: u32,
    /// A bit for each level, the innermost lowest: whether it is an object.
    objects: u64,
    /// Where the text began that is being passed.
    text: Option<usize>,
    key: Key,
    /// Whether level 2 is the object of one of [`PARENTS`].
    in_parent: bool,
    /// The list that may be an envelope's was just opened.
    opened_list: bool,
    /// Where a list began that comes first in it, and how deep that is.
    nested: Option<(usize, u32)>,
}

/// What the latest key on the outer two levels was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Key {
    is_list: bool,
    is_parent: bool,
}

impl Scan {
    /// At the brace that opens an object.
    pub fn new() -> Self {
        Scan {
            at: 0,
            expect: Expect::Value,
            depth: 0,
            objects: 0,
            text: None,
            key: Key { is_list: false, is_parent: false },
            in_parent: false,
            opened_list: false,
            nested: None,
        }
    }

    /// Inside an object, behind a member.
    pub fn rest() -> Self {
        Scan { expect: Expect::CommaOrEnd, depth: 1, objects: 1, ..Scan::new() }
    }

    /// Goes on. `data` begins where the object does, and holds at least what it held before.
    pub fn step(&mut self, data: &[u8]) -> Found {
        while let Some(octet) = data.get(self.at).copied() {
            if let Some(begin) = self.text {
                match self.pass_text(data, begin) {
                    Some(found) => return found,
                    None => continue,
                }
            }
            let here = self.at;
            match octet {
                b' ' | b'\t' | b'\r' | b'\n' => self.at += 1,
                b'"' => {
                    if matches!(self.expect, Expect::Colon | Expect::CommaOrEnd) {
                        return Found::Broken(here);
                    }
                    self.text = Some(here + 1);
                    self.at += 1;
                }
                b'{' | b'[' if self.wants_value() => {
                    if octet == b'{' && self.opened_list {
                        let (at, levels) = self.nested.unwrap_or((here, self.depth));
                        return Found::List { at, levels };
                    }
                    if octet == b'[' && self.opened_list {
                        // Rows of a table: lists of objects within the list.
                        self.nested = self.nested.or(Some((here, self.depth)));
                    } else {
                        self.nested = None;
                    }
                    if !self.open(octet == b'{') {
                        return Found::Broken(here);
                    }
                    self.at += 1;
                }
                b'}' | b']' => {
                    if !self.close(octet == b'}') {
                        return Found::Broken(here);
                    }
                    self.at += 1;
                    if self.depth == 0 {
                        return Found::End(self.at);
                    }
                }
                b',' if self.expect == Expect::CommaOrEnd => {
                    self.expect = if self.objects & 1 == 1 { Expect::Key } else { Expect::Value };
                    self.at += 1;
                }
                b':' if self.expect == Expect::Colon => {
                    self.expect = Expect::Value;
                    self.at += 1;
                }
                _ if self.wants_value() && is_scalar(octet) && self.depth > 0 => {
                    let rest = data.get(here..).unwrap_or_default();
                    match rest.iter().take(MAX_SCALAR).position(|c| !is_scalar(*c)) {
                        Some(length) => self.at += length,
                        None if rest.len() < MAX_SCALAR => return Found::More,
                        None => return Found::Broken(here),
                    }
                    (self.expect, self.opened_list) = (Expect::CommaOrEnd, false);
                }
                _ => return Found::Broken(here),
            }
        }
        Found::More
    }

    fn wants_value(&self) -> bool {
        matches!(self.expect, Expect::Value | Expect::ValueOrEnd)
    }

    /// Passes the text that began at `begin`; `None` when it ended.
    fn pass_text(&mut self, data: &[u8], begin: usize) -> Option<Found> {
        let rest = data.get(self.at..).unwrap_or_default();
        let Some(stop) = memchr::memchr3(b'"', b'\\', b'\n', rest) else {
            self.at = data.len();
            return Some(Found::More);
        };
        let stop = self.at + stop;
        match data.get(stop) {
            Some(b'\\') if stop + 1 >= data.len() => {
                self.at = stop;
                Some(Found::More)
            }
            Some(b'\\') => {
                self.at = stop + 2;
                None
            }
            Some(b'"') => {
                self.text = None;
                self.at = stop + 1;
                self.end_text(data.get(begin..stop).unwrap_or_default());
                None
            }
            _ => Some(Found::Broken(stop)),
        }
    }

    fn end_text(&mut self, text: &[u8]) {
        if self.wants_value() {
            (self.expect, self.opened_list) = (Expect::CommaOrEnd, false);
            return;
        }
        self.expect = Expect::Colon;
        let is_outer = self.depth == 1 || (self.depth == 2 && self.in_parent);
        self.key = Key {
            is_list: is_outer && LISTS.contains(&text),
            is_parent: self.depth == 1 && PARENTS.contains(&text),
        };
    }

    fn open(&mut self, is_object: bool) -> bool {
        if self.depth >= MAX_DEPTH {
            return false;
        }
        let is_member = self.objects & 1 == 1;
        self.opened_list = !is_object && (is_member && self.key.is_list || self.nested.is_some());
        if self.depth == 1 {
            self.in_parent = is_object && is_member && self.key.is_parent;
        }
        self.depth += 1;
        self.objects = self.objects << 1 | u64::from(is_object);
        self.expect = if is_object { Expect::KeyOrEnd } else { Expect::ValueOrEnd };
        true
    }

    fn close(&mut self, is_object: bool) -> bool {
        let may_end = if is_object {
            [Expect::KeyOrEnd, Expect::CommaOrEnd]
        } else {
            [Expect::ValueOrEnd, Expect::CommaOrEnd]
        };
        if self.depth == 0 || (self.objects & 1 == 1) != is_object || !may_end.contains(&self.expect) {
            return false;
        }
        self.depth -= 1;
        self.objects >>= 1;
        (self.expect, self.opened_list) = (Expect::CommaOrEnd, false);
        true
    }
}

fn is_scalar(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b"+-.".contains(&octet)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(text: &str) -> Found {
        Scan::new().step(text.as_bytes())
    }

    #[test]
    fn an_object_ends_with_its_brace_wherever_the_octets_were_cut() {
        let text = r#"{"a":[1,-2.5e3,"x\"}",{"b":null}],"c":{},"d":[], "e":"\\"} {"next":1}"#;
        let end = text.find(" {\"next").unwrap();
        assert_eq!(whole(text), Found::End(end));
        for cut in 0..end {
            let mut scan = Scan::new();
            assert_eq!(scan.step(&text.as_bytes()[..cut]), Found::More, "cut at {cut}");
            assert_eq!(scan.step(text.as_bytes()), Found::End(end), "cut at {cut}");
        }
    }

    #[test]
    fn damage_is_noticed_where_it_is() {
        for (text, at) in [
            (r#"{"a":}"#, 5),
            (r#"{"a" 1}"#, 5),
            (r#"{"a":1 "b":2}"#, 7),
            (r#"{"a":[1}"#, 7),
            (r#"{"a":1,}"#, 7),
            ("{\"a\":\"x\n\"}", 7),
            (r"{a:1}", 1),
            ("{\"a\":1\n{\"a\":1}", 7),
        ] {
            assert_eq!(whole(text), Found::Broken(at), "{text}");
        }
    }

    #[test]
    fn depth_is_bounded() {
        let deep = format!("{{\"a\":{}", "[".repeat(100));
        assert!(matches!(whole(&deep), Found::Broken(_)));
    }

    #[test]
    fn an_envelope_is_told_by_the_name_of_its_list() {
        assert_eq!(whole(r#"{"records":[{"a":1}]}"#), Found::List { at: 12, levels: 2 });
        assert_eq!(
            whole(r#"{"hits":{"total":1,"hits":[{"_source":{}}]}}"#),
            Found::List { at: 27, levels: 3 }
        );
        assert_eq!(whole(r#"{"results":[[{"a":1}]]}"#), Found::List { at: 12, levels: 2 });
        for text in [
            r#"{"records":[1]}"#,
            r#"{"a":{"records":[{}]}}"#,
            r#"{"other":[{}]}"#,
            r#"{"records":{}}"#,
            r#"{"records":[[1],[{}]]}"#,
            r#"{"records":[[[]],{}]}"#,
            r#"{"other":[[{}]]}"#,
        ] {
            assert_eq!(whole(text), Found::End(text.len()), "{text}");
        }
    }
}
