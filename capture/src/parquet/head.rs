//! Heads of pages.

use parquet::basic::Encoding;

use super::compact::{Compact, Kind};

/// What a page says of itself (`PageHeader` in parquet.thrift).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head {
    kind: i64,
    open: i64,
    packed: i64,
    /// The members of what the kind has of its own, by their number.
    own: [Option<i64>; 8],
}

/// Kinds of pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageKind {
    /// Values.
    Data,
    /// Values, levels apart from them.
    DataV2,
    /// What values of other pages stand for.
    Dictionary,
    /// Something else.
    Other,
}

impl Head {
    /// The head at the front, and its length.
    pub fn read(octets: &[u8]) -> Option<(Self, usize)> {
        let mut compact = Compact::new(octets);
        let mut head = Head { kind: -1, open: -1, packed: -1, own: [None; 8] };
        compact.fields(|compact, number, kind| {
            match (number, kind) {
                (1, Kind::Number) => head.kind = compact.number()?,
                (2, Kind::Number) => head.open = compact.number()?,
                (3, Kind::Number) => head.packed = compact.number()?,
                (5 | 7 | 8, Kind::Struct) => compact.fields(|compact, number, kind| {
                    let at = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
                    let member = at.and_then(|at| head.own.get_mut(at));
                    match (member, kind) {
                        (Some(member), Kind::Number) => *member = Some(compact.number()?),
                        (Some(member), Kind::Flag(flag)) => *member = Some(i64::from(flag)),
                        _ => return Some(false),
                    }
                    Some(true)
                })?,
                _ => return Some(false),
            }
            Some(true)
        })?;
        Some((head, compact.used()))
    }

    /// Its kind.
    pub fn kind(&self) -> PageKind {
        match self.kind {
            0 => PageKind::Data,
            2 => PageKind::Dictionary,
            3 => PageKind::DataV2,
            _ => PageKind::Other,
        }
    }

    /// Octets that follow the head, and what they come to when they are opened.
    pub fn lengths(&self) -> Option<(usize, usize)> {
        Some((usize::try_from(self.packed).ok()?, usize::try_from(self.open).ok()?))
    }

    /// A number of the kind's own members, from 1.
    pub fn count(&self, member: usize) -> Option<u32> {
        u32::try_from(self.own.get(member.checked_sub(1)?).copied().flatten()?).ok()
    }

    /// A flag of the kind's own members.
    pub fn flag(&self, member: usize) -> Option<bool> {
        Some(self.own.get(member.checked_sub(1)?).copied().flatten()? != 0)
    }

    /// An encoding among them.
    pub fn encoding(&self, member: usize) -> Option<Encoding> {
        Some(match self.count(member)? {
            0 => Encoding::PLAIN,
            2 => Encoding::PLAIN_DICTIONARY,
            3 => Encoding::RLE,
            #[expect(deprecated, reason = "levels of old files")]
            4 => Encoding::BIT_PACKED,
            5 => Encoding::DELTA_BINARY_PACKED,
            6 => Encoding::DELTA_LENGTH_BYTE_ARRAY,
            7 => Encoding::DELTA_BYTE_ARRAY,
            8 => Encoding::RLE_DICTIONARY,
            9 => Encoding::BYTE_STREAM_SPLIT,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_and_statistics_are_passed_over() {
        let octets = [
            0x15, 0x00, 0x15, 0x80, 0x02, 0x15, 0x40, // kind 0, 128 octets, packed to 32
            0x2c, 0x15, 0x14, 0x15, 0x10, 0x15, 0x06, 0x15, 0x06, // 10 values, encoding 8, levels 3
            0x1c, 0x18, 0x01, b'a', 0x00, // statistics: a text
            0x00, 0x00, 0xff,
        ];
        let (head, length) = Head::read(&octets).unwrap();
        assert_eq!(length, octets.len() - 1);
        assert_eq!((head.kind(), head.lengths()), (PageKind::Data, Some((32, 128))));
        assert_eq!((head.count(1), head.encoding(2)), (Some(10), Some(Encoding::RLE_DICTIONARY)));
        assert_eq!(Head::read(&octets[..20]), None);
    }
}
