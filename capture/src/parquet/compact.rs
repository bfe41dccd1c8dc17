//! Thrift's compact protocol, as far as Parquet's own structures need it: fields one by one, and over what
//! is not wanted.
//!
//! The footer and the heads of pages say how much there is of everything, and may say anything. They are
//! looked at here before the crate that decodes them makes room for it.

/// Structures inside one another that are followed; Parquet's own are nine deep.
const MAX_DEPTH: u8 = 24;

/// What a field is, as far as it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A truth value, which is in the field's head itself.
    Flag(bool),
    /// A number of one octet.
    Byte,
    /// A whole number of 16, 32 or 64 bits.
    Number,
    /// Eight octets.
    Double,
    /// Octets with their length before them.
    Octets,
    /// A list or set.
    List,
    /// Pairs.
    Map,
    /// Fields again.
    Struct,
}

/// Octets that are read from the front. Whatever does not fit into what is left is `None`.
#[derive(Clone, Copy, Debug)]
pub struct Compact<'a> {
    rest: &'a [u8],
    /// How many there were.
    whole: usize,
}

impl<'a> Compact<'a> {
    /// At the beginning of a structure.
    pub fn new(octets: &'a [u8]) -> Self {
        Compact { rest: octets, whole: octets.len() }
    }

    /// Octets that were read.
    pub fn used(&self) -> usize {
        self.whole - self.rest.len()
    }

    /// The fields of a structure, each given to `take` by its number, which reads it or returns false to have
    /// it passed over.
    pub fn fields(&mut self, mut take: impl FnMut(&mut Self, i16, Kind) -> Option<bool>) -> Option<()> {
        let mut last = 0_i16;
        while let Some((number, kind)) = self.field(last)? {
            last = number;
            if !take(self, number, kind)? {
                self.pass(kind, 0)?;
            }
        }
        Some(())
    }

    /// A whole number.
    pub fn number(&mut self) -> Option<i64> {
        let raw = self.unsigned()?;
        Some((raw >> 1).cast_signed() ^ -(raw & 1).cast_signed())
    }

    /// How many a list has, when they can be there at all, and what they are.
    pub fn list(&mut self) -> Option<(usize, Kind)> {
        let head = self.octet()?;
        let count = match head >> 4 {
            15 => usize::try_from(self.unsigned()?).ok()?,
            few => usize::from(few),
        };
        if count == 0 {
            return Some((0, Kind::Byte));
        }
        // Each takes an octet at least.
        (count <= self.rest.len()).then_some(())?;
        Some((count, element(head & 0x0f)?))
    }

    /// The number and kind of the next field; within it `None` at the end of the structure.
    #[expect(clippy::option_option, reason = "at the end, and cut, are two things")]
    fn field(&mut self, last: i16) -> Option<Option<(i16, Kind)>> {
        let head = self.octet()?;
        let code = head & 0x0f;
        if code == 0 {
            return Some(None);
        }
        let number = match head >> 4 {
            0 => i16::try_from(self.number()?).ok()?,
            step => last.checked_add(i16::from(step))?,
        };
        let kind = match code {
            1 => Kind::Flag(true),
            2 => Kind::Flag(false),
            other => element(other)?,
        };
        Some(Some((number, kind)))
    }

    /// Passes over a value.
    fn pass(&mut self, kind: Kind, depth: u8) -> Option<()> {
        if depth > MAX_DEPTH {
            return None;
        }
        match kind {
            Kind::Flag(_) => Some(()),
            Kind::Byte => self.skip(1),
            Kind::Number => self.unsigned().map(|_| ()),
            Kind::Double => self.skip(8),
            Kind::Octets => {
                let length = usize::try_from(self.unsigned()?).ok()?;
                self.skip(length)
            }
            Kind::List => {
                let (count, of) = self.list()?;
                (0..count).try_for_each(|_| self.pass_element(of, depth))
            }
            Kind::Map => {
                let count = usize::try_from(self.unsigned()?).ok()?;
                if count == 0 {
                    return Some(());
                }
                (count <= self.rest.len()).then_some(())?;
                let kinds = self.octet()?;
                let (key, value) = (element(kinds >> 4)?, element(kinds & 0x0f)?);
                (0..count).try_for_each(|_| {
                    self.pass_element(key, depth)?;
                    self.pass_element(value, depth)
                })
            }
            Kind::Struct => {
                let mut last = 0;
                while let Some((number, kind)) = self.field(last)? {
                    last = number;
                    self.pass(kind, depth + 1)?;
                }
                Some(())
            }
        }
    }

    /// Within a list a truth value is an octet of its own.
    fn pass_element(&mut self, kind: Kind, depth: u8) -> Option<()> {
        if matches!(kind, Kind::Flag(_)) { self.skip(1) } else { self.pass(kind, depth + 1) }
    }

    fn octet(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn skip(&mut self, octets: usize) -> Option<()> {
        self.rest = self.rest.get(octets..)?;
        Some(())
    }

    /// A number in groups of seven bits, the lowest first.
    pub fn unsigned(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let octet = self.octet()?;
            value |= u64::from(octet & 0x7f).checked_shl(shift)?;
            if octet & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }
}

fn element(code: u8) -> Option<Kind> {
    Some(match code {
        1 | 2 => Kind::Flag(true),
        3 => Kind::Byte,
        4..=6 => Kind::Number,
        7 => Kind::Double,
        8 => Kind::Octets,
        9 | 10 => Kind::List,
        11 => Kind::Map,
        12 => Kind::Struct,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_zigzag() {
        for (octets, number) in [(&[0][..], 0), (&[1], -1), (&[2], 1), (&[0xac, 0x02], 150)] {
            assert_eq!(Compact::new(octets).number(), Some(number));
        }
        assert_eq!(Compact::new(&[0xff; 11]).number(), None);
    }

    #[test]
    fn a_list_that_cannot_be_there_is_none() {
        assert_eq!(Compact::new(&[0xf5, 0xff, 0xff, 0xff, 0x7f, 0, 0]).list(), None);
        assert_eq!(Compact::new(&[0x25, 0, 0]).list(), Some((2, Kind::Number)));
    }

    #[test]
    fn structures_without_end_are_none() {
        // Field 1 of every structure is a structure.
        let nested = vec![0x1c; 10_000];
        assert_eq!(Compact::new(&nested).fields(|_, _, _| Some(false)), None);
    }
}
