//! What the columns of a table are called.

use parquet::basic::{ConvertedType, LogicalType, Repetition};
use parquet::schema::types::{ColumnDescriptor, SchemaDescriptor, Type};

use super::codec;
use parquet::file::metadata::ParquetMetaData;

/// A column that may be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name, after the groups that it is in.
    pub path: Vec<String>,
    /// Its number among all.
    pub leaf: usize,
    /// What it has for a row.
    pub part: Part,
}

/// What a column has for a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// A value, or a list of them.
    Whole,
    /// The keys of a map.
    Keys,
    /// The values of a map.
    Values,
    /// A member of the first group of a list of groups, whose number is part of its name.
    First,
}

/// How a JSON pointer names the first member of a list.
const FIRST: &str = "0";

/// The columns whose rows are values, lists of values or maps; of lists of groups the first one.
pub fn columns(schema: &SchemaDescriptor) -> Vec<Column> {
    let columns = schema.columns().iter().enumerate();
    columns.filter_map(|(leaf, column)| named(schema.root_schema(), leaf, column)).collect()
}

/// Groups of rows whose pages of this column cannot be opened, by their compression.
pub fn unopened(meta: &ParquetMetaData, leaf: usize) -> Option<String> {
    let mut chunks = meta.row_groups().iter().filter_map(|group| group.columns().get(leaf));
    let chunk = chunks.find(|chunk| !codec::is_known(chunk.compression()))?;
    Some(chunk.compression().to_string())
}

fn named(root: &Type, leaf: usize, column: &ColumnDescriptor) -> Option<Column> {
    let parts = column.path().parts();
    let whole = |parts: &[String]| Some(Column { path: parts.to_vec(), leaf, part: Part::Whole });
    match column.max_rep_level() {
        0 => return whole(parts),
        1 => {}
        _ => return None,
    }
    // The one group, or value, that is repeated.
    let (mut group, mut parent) = (root, None);
    let mut depth = 0;
    for part in parts {
        let next = group.get_fields().iter().find(|field| field.name() == part)?;
        (parent, group) = (Some(group), next);
        if is_repeated(group) {
            break;
        }
        depth += 1;
    }
    let (before, behind) = (parts.get(..depth)?, parts.get(depth + 1..)?);
    let parent = parent.filter(|_| depth > 0);
    match behind {
        [] | [_] if parent.is_some_and(is_list) => whole(before),
        [] => whole(parts),
        [_] if parent.is_some_and(is_map) => {
            let is_key = group
                .get_fields()
                .first()
                .is_some_and(|key| Some(key.name()) == behind.first().map(String::as_str));
            let part = if is_key { Part::Keys } else { Part::Values };
            Some(Column { path: before.to_vec(), leaf, part })
        }
        [_, rest @ ..] if parent.is_some_and(is_list) => {
            let path = before.iter().chain(&[FIRST.to_owned()]).chain(rest).cloned().collect();
            Some(Column { path, leaf, part: Part::First })
        }
        _ => None,
    }
}

fn is_repeated(field: &Type) -> bool {
    let info = field.get_basic_info();
    info.has_repetition() && info.repetition() == Repetition::REPEATED
}

fn is_list(group: &Type) -> bool {
    let info = group.get_basic_info();
    info.converted_type() == ConvertedType::LIST || info.logical_type_ref() == Some(&LogicalType::List)
}

fn is_map(group: &Type) -> bool {
    let info = group.get_basic_info();
    matches!(info.converted_type(), ConvertedType::MAP | ConvertedType::MAP_KEY_VALUE)
        || info.logical_type_ref() == Some(&LogicalType::Map)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parquet::schema::parser::parse_message_type;

    use super::*;

    #[test]
    fn wrappers_of_lists_and_maps_are_no_names() {
        let text = "message rows {
            required binary plain (UTF8);
            optional group end { optional binary address (UTF8); optional int32 port; }
            optional group names (LIST) { repeated group list { optional binary element (UTF8); } }
            repeated int32 bare;
            optional group labels (MAP) { repeated group key_value { required binary key (UTF8); optional binary value (UTF8); } }
            optional group objects (LIST) { repeated group list { optional group element { optional int32 a; optional int32 b; } } }
        }";
        let schema = SchemaDescriptor::new(Arc::new(parse_message_type(text).unwrap()));
        let found: Vec<(String, usize, Part)> =
            columns(&schema).into_iter().map(|c| (c.path.join("/"), c.leaf, c.part)).collect();
        let expected = [
            ("plain", 0, Part::Whole),
            ("end/address", 1, Part::Whole),
            ("end/port", 2, Part::Whole),
            ("names", 3, Part::Whole),
            ("bare", 4, Part::Whole),
            ("labels", 5, Part::Keys),
            ("labels", 6, Part::Values),
            ("objects/0/a", 7, Part::First),
            ("objects/0/b", 8, Part::First),
        ];
        assert_eq!(found, expected.map(|(name, leaf, part)| (name.to_owned(), leaf, part)));
    }
}
