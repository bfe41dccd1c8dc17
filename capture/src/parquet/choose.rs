//! Which columns a decoder is given, and which format a table is of.

use serde_json::{Map, Value};

use super::schema::{Column, Part};
use crate::flowlog::{Asks, Form};

/// A field that the decoder asked for, and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// As the decoder calls it.
    pub field: String,
    /// Its column.
    pub leaf: usize,
    /// The column of the values, where `leaf` has the keys of a map.
    pub values: Option<usize>,
    /// Whether only the first of what it has is meant.
    pub is_first: bool,
}

/// The columns that are asked for.
pub fn choose(asks: &Asks, columns: &[Column]) -> Vec<Chosen> {
    let begins = |root: &Vec<String>| columns.iter().any(|column| column.path.starts_with(root));
    let root = asks.roots.iter().map(|root| parts(root)).find(begins).unwrap_or_default();
    let chosen = asks.fields.iter().filter_map(|field| {
        let path: Vec<String> = root.iter().cloned().chain(parts(field)).collect();
        let leaf = find(&path, columns, |part| part != Part::Values)?;
        let values = find(&path, columns, |part| part == Part::Values);
        let is_first = columns.iter().any(|column| column.leaf == leaf && column.part == Part::First);
        Some(Chosen { field: field.clone(), leaf, values, is_first })
    });
    chosen.collect()
}

/// A field as a decoder names it: a JSON pointer (RFC 6901), or a name.
fn parts(field: &str) -> Vec<String> {
    match field.strip_prefix('/') {
        Some(pointer) => pointer.split('/').map(member).collect(),
        None => vec![field.to_owned()],
    }
}

/// A member as a column has it. Of a list, of which a mapping may mean every place, a table has the first.
fn member(part: &str) -> String {
    if part == "*" { "0".to_owned() } else { part.replace("~1", "/").replace("~0", "~") }
}

/// The column of this name. Where none has it to the letter, one that has it but for case, and for what stands
/// between its words: catalogues write all names small, and dots and hyphens as underscores.
fn find(path: &[String], columns: &[Column], is_part: impl Fn(Part) -> bool) -> Option<usize> {
    let of = |test: &dyn Fn(&[String]) -> bool| {
        columns.iter().find(|column| is_part(column.part) && test(&column.path)).map(|column| column.leaf)
    };
    let dotted = path.join(".");
    let loose = loosely(&dotted);
    of(&|known| known == path)
        .or_else(|| of(&|known| known.join(".") == dotted))
        .or_else(|| of(&|known| loosely(&known.join(".")) == loose))
}

fn loosely(name: &str) -> String {
    name.chars().map(|c| if "-./".contains(c) { '_' } else { c.to_ascii_lowercase() }).collect()
}

/// The format that a table with these columns is of.
pub fn recognise(columns: &[Column]) -> Option<Form> {
    let object = as_object(columns);
    Form::of_table(&object, |asks| {
        let chosen = choose(asks, columns);
        let has = |field: &&str| chosen.iter().any(|chosen| chosen.field == **field);
        let names: Vec<String> = chosen.iter().map(|chosen| chosen.field.clone()).collect();
        asks.needs.iter().all(has).then(|| names.join(" "))
    })
}

/// An object as a log in JSON would have it, with names alone.
fn as_object(columns: &[Column]) -> String {
    let mut object = Map::new();
    for column in columns {
        object.entry(column.path.join(".")).or_insert(Value::Null);
        let mut within = Some(&mut object);
        for (i, part) in column.path.iter().enumerate() {
            let is_last = i + 1 == column.path.len();
            let new = if is_last { Value::Null } else { Value::Object(Map::new()) };
            within = within.and_then(|map| map.entry(part.clone()).or_insert(new).as_object_mut());
        }
    }
    Value::Object(object).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(path: &str, leaf: usize) -> Column {
        Column { path: path.split('/').map(str::to_owned).collect(), leaf, part: Part::Whole }
    }

    #[test]
    fn a_name_is_found_to_the_letter_first_and_then_loosely() {
        let columns =
            [column("srcaddr", 0), column("SrcAddr", 1), column("id/orig_h", 2), column("pkt_dstaddr", 3)];
        let find = |path: &str| find(&parts(path), &columns, |_| true);
        assert_eq!((find("SrcAddr"), find("srcaddr"), find("SRCADDR")), (Some(1), Some(0), Some(0)));
        assert_eq!((find("id.orig_h"), find("/id/orig_h"), find("ID_ORIG_H")), (Some(2), Some(2), Some(2)));
        assert_eq!((find("pkt-dstaddr"), find("other")), (Some(3), None));
    }

    #[test]
    fn formats_are_told_by_names_of_columns() {
        let token = |names: &[&str]| {
            let columns: Vec<Column> = names.iter().enumerate().map(|(i, name)| column(name, i)).collect();
            recognise(&columns).and_then(|form| form.format()).map(|format| format.token)
        };
        assert_eq!(
            token(&["version", "srcaddr", "dstaddr", "srcport", "dstport", "protocol"]),
            Some("aws-vpc")
        );
        assert_eq!(
            token(&["pkt_srcaddr", "pkt_dstaddr", "protocol", "az_id", "Extra Column"]),
            Some("aws-vpc")
        );
        assert_eq!(token(&["SrcAddr", "DstAddr", "Proto", "Bytes"]), Some("netobserv"));
        assert_eq!(token(&["srcaddr", "dstaddr", "proto", "bytes"]), None);
        let gcp = ["jsonPayload/connection/src_ip", "jsonPayload/connection/dest_ip", "jsonPayload/reporter"];
        assert_eq!(token(&gcp), Some("gcp-vpc"));
        assert_eq!(token(&["id/orig_h", "id/resp_h", "proto"]), Some("zeek-json"));
        assert_eq!(token(&["a", "b"]), None);
    }
}
