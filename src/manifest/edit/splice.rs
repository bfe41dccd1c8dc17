//! Exchanging parts of a text.

use std::ops::Range;

/// New text for a range of bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Splice {
    pub range: Range<usize>,
    pub text: String,
}

impl Splice {
    pub(super) fn remove(range: Range<usize>) -> Self {
        Splice { range, text: String::new() }
    }

    pub(super) fn insert(at: usize, text: String) -> Self {
        Splice { range: at..at, text }
    }
}

/// Applies splices that do not overlap; `None` when they do. Of several at one place the earlier
/// given comes first.
pub(super) fn apply(text: &str, mut splices: Vec<Splice>) -> Option<String> {
    splices.sort_by_key(|splice| (splice.range.start, splice.range.end));
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for splice in splices {
        out.push_str(text.get(at..splice.range.start)?);
        out.push_str(&splice.text);
        at = splice.range.end;
    }
    out.push_str(text.get(at..)?);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_overlaps_is_refused() {
        let one = Splice { range: 1..3, text: "x".to_owned() };
        assert_eq!(apply("abcd", vec![Splice::insert(4, "!".to_owned()), one.clone()]).unwrap(), "axd!");
        assert_eq!(apply("abcd", vec![one, Splice::remove(2..4)]), None);
    }
}
