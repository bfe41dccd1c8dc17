//! Rules, peers and ports as text for a place in a file.

use std::io;

use flowfence_model::{Direction, PolicyPeer, PolicyPort, PolicyRule};
use serde::Serialize;
use serde_json::ser::Formatter;

use crate::manifest::write::{peers, ports, rules};
use crate::manifest::yaml;

/// Entries of a list, whatever they are.
#[derive(Clone, Copy, Debug)]
pub(super) enum Entries<'a> {
    /// Rules of a direction.
    Rules(Direction, &'a [PolicyRule]),
    /// Peers.
    Peers(&'a [PolicyPeer]),
    /// Ports.
    Ports(&'a [PolicyPort]),
}

impl Entries<'_> {
    /// As items of a block sequence whose dashes stand in `column`, each line with its break.
    pub(super) fn block(&self, column: usize, line_break: &str) -> String {
        let mut text = String::new();
        // Writing to a string fails only when the crate cannot spell a value, and ours are plain.
        let _ = match self {
            Entries::Rules(direction, all) => yaml::write(&mut text, &rules(*direction, all)),
            Entries::Peers(all) => yaml::write(&mut text, &peers(all)),
            Entries::Ports(all) => yaml::write(&mut text, &ports(all)),
        };
        let indent = " ".repeat(column);
        let lines: Vec<String> = text.lines().map(|line| format!("{indent}{line}{line_break}")).collect();
        lines.concat()
    }

    /// As a flow sequence, which is JSON too.
    pub(super) fn flow(&self) -> String {
        match self {
            Entries::Rules(direction, all) => json(&rules(*direction, all)),
            Entries::Peers(all) => json(&peers(all)),
            Entries::Ports(all) => json(&ports(all)),
        }
    }

    /// The items of a flow sequence, without its brackets.
    pub(super) fn flow_items(&self) -> String {
        let text = self.flow();
        text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or_default().to_owned()
    }
}

fn json<T: Serialize>(value: &T) -> String {
    let mut bytes = Vec::new();
    let mut writer = serde_json::Serializer::with_formatter(&mut bytes, Spaced);
    match value.serialize(&mut writer) {
        Ok(()) => String::from_utf8(bytes).unwrap_or_default(),
        Err(_) => String::new(),
    }
}

/// JSON with a space after each colon and comma, as people write flow style.
struct Spaced;

impl Formatter for Spaced {
    fn begin_array_value<W: ?Sized + io::Write>(&mut self, out: &mut W, is_first: bool) -> io::Result<()> {
        if is_first { Ok(()) } else { out.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, out: &mut W, is_first: bool) -> io::Result<()> {
        if is_first { Ok(()) } else { out.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        out.write_all(b": ")
    }
}
