//! Templates: how the records of a data set are laid out.
//!
//! Template records are read by `netflow_parser`, one by one, which keeps nothing. Its own decoding
//! of data is not used: it takes an empty text of variable length for the end of the set, and Antrea
//! has one in nearly every record; it ends at the first set that it cannot read without a word; and
//! it makes a vector of typed values of every record, of which we need a few.

use netflow_parser::variable_versions::{ipfix, v9};
use nom_derive::Parse;

use super::element::{self, Item};

/// Fields of a template at most; real ones have a hundred.
const MAX_FIELDS: usize = 1024;
/// Length of a field whose length stands before it.
const VARIABLE: u16 = u16::MAX;
/// Template ids below are those of sets.
const FIRST_ID: u16 = 256;

/// One field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Field {
    item: Option<Item>,
    length: u16,
}

/// How a record is laid out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    fields: Box<[Field]>,
    /// Octets that a record has at least.
    least: usize,
    /// Whether it is about the exporter and not about flows.
    pub is_options: bool,
}

/// Values of one record: of each item the octets.
pub type Values<'a> = [Option<&'a [u8]>; element::ITEMS];

impl Layout {
    fn new(fields: impl Iterator<Item = (u32, u16, u16)>, is_options: bool) -> Option<Self> {
        let fields: Box<[Field]> = fields
            .take(MAX_FIELDS + 1)
            .map(|(enterprise, id, length)| Field { item: element::item(enterprise, id), length })
            .collect();
        let length = |field: &Field| if field.length == VARIABLE { 1 } else { usize::from(field.length) };
        let least = fields.iter().map(length).sum();
        // A record of no length would never end.
        (least > 0 && fields.len() <= MAX_FIELDS).then_some(Layout { fields, least, is_options })
    }

    /// Octets of memory that it takes, about.
    pub fn weight(&self) -> usize {
        self.fields.len() * size_of::<Field>() + 64
    }

    /// Takes a record off the front of a set; `None` when there is none any more. What is then left is
    /// padding when it is shorter than any record.
    pub fn record<'a>(&self, set: &mut &'a [u8], values: &mut Values<'a>) -> Option<()> {
        if set.len() < self.least {
            return None;
        }
        let mut rest = *set;
        values.fill(None);
        for field in &self.fields {
            let length = match field.length {
                VARIABLE => variable_length(&mut rest)?,
                length => usize::from(length),
            };
            let (value, behind) = rest.split_at_checked(length)?;
            rest = behind;
            if let Some(slot) = field.item.and_then(|item| values.get_mut(item as usize)) {
                *slot = Some(value);
            }
        }
        *set = rest;
        Some(())
    }

    /// Whether what is left of a set is only padding (RFC 7011 §3.3.1, RFC 3954 §5.3).
    pub fn is_padding(&self, left: &[u8]) -> bool {
        left.len() < self.least || left.iter().all(|octet| *octet == 0)
    }
}

/// The length in front of a value (RFC 7011 §7): an octet, or 255 and two more. It may be 0.
fn variable_length(rest: &mut &[u8]) -> Option<usize> {
    let (first, behind) = rest.split_first()?;
    *rest = behind;
    if *first < u8::MAX {
        return Some(usize::from(*first));
    }
    let (length, behind) = rest.split_first_chunk()?;
    *rest = behind;
    Some(usize::from(u16::from_be_bytes(*length)))
}

/// What a template set says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// Records of that id are laid out so.
    Template(u16, Layout),
    /// That id means nothing any more.
    Withdrawn(u16),
    /// No id of this kind of template does.
    AllWithdrawn,
}

/// The kinds of template sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Of NetFlow v9.
    V9,
    /// Of NetFlow v9, about the exporter.
    V9Options,
    /// Of IPFIX.
    Ipfix,
    /// Of IPFIX, about the exporter.
    IpfixOptions,
}

impl Kind {
    /// Whether templates can be withdrawn, and the id that withdraws all (RFC 7011 §8.1).
    fn withdraws_all(self) -> Option<u16> {
        match self {
            Kind::V9 | Kind::V9Options => None,
            Kind::Ipfix => Some(2),
            Kind::IpfixOptions => Some(3),
        }
    }
}

/// Reads a template set; false when something in it cannot be read.
pub fn read(kind: Kind, mut set: &[u8], mut take: impl FnMut(News)) -> bool {
    while let Some(&[i0, i1, c0, c1]) = set.first_chunk() {
        let (id, count) = (u16::from_be_bytes([i0, i1]), u16::from_be_bytes([c0, c1]));
        if let Some(all) = kind.withdraws_all()
            && count == 0
            && (id == all || id >= FIRST_ID)
        {
            take(if id == all { News::AllWithdrawn } else { News::Withdrawn(id) });
            set = set.get(4..).unwrap_or_default();
            continue;
        }
        if id < FIRST_ID {
            break;
        }
        let Some((rest, layout)) = template(kind, set) else { return false };
        let Some(layout) = layout else { return false };
        take(News::Template(id, layout));
        set = rest;
    }
    set.iter().all(|octet| *octet == 0)
}

/// One template, and what stands behind it.
fn template(kind: Kind, set: &[u8]) -> Option<(&[u8], Option<Layout>)> {
    let of_ipfix = |field: &ipfix::TemplateField| {
        (field.enterprise_number.unwrap_or(0), field.field_type_number, field.field_length)
    };
    let of_v9 = |field: &v9::TemplateField| (0, field.field_type_number, field.field_length);
    match kind {
        Kind::Ipfix => {
            let (rest, template) = ipfix::Template::parse(set).ok()?;
            Some((rest, Layout::new(template.fields.iter().map(of_ipfix), false)))
        }
        Kind::IpfixOptions => {
            let (rest, template) = ipfix::OptionsTemplate::parse(set).ok()?;
            Some((rest, Layout::new(template.fields.iter().map(of_ipfix), true)))
        }
        Kind::V9 => {
            let (rest, template) = v9::Template::parse(set).ok()?;
            Some((rest, Layout::new(template.fields.iter().map(of_v9), false)))
        }
        Kind::V9Options => {
            let (rest, template) = v9::OptionsTemplate::parse(set).ok()?;
            // Scopes have numbers of their own (RFC 3954 §6.1), and none is used.
            let scopes = template.scope_fields.iter().map(|field| (u32::MAX, 0, field.field_length));
            Some((rest, Layout::new(scopes.chain(template.option_fields.iter().map(of_v9)), true)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(fields: &[(u16, u16)]) -> Layout {
        Layout::new(fields.iter().map(|(id, length)| (0, *id, *length)), false).unwrap()
    }

    #[test]
    fn lengths_before_values_may_be_long_and_may_be_nothing() {
        let layout = layout(&[(82, VARIABLE), (4, 1)]);
        let long = [&[255, 1, 44][..], &[b'x'; 300], &[6, 0, 17]].concat();
        let mut set = &long[..];
        let mut values = [None; element::ITEMS];
        let mut protocols = Vec::new();
        while layout.record(&mut set, &mut values).is_some() {
            protocols.push(values[Item::Protocol as usize].unwrap()[0]);
        }
        assert_eq!((protocols, set.len()), (vec![6, 17], 0));
    }

    #[test]
    fn a_record_of_no_length_is_no_layout() {
        assert_eq!(Layout::new([(0, 4, 0)].into_iter(), false), None);
        assert_eq!(Layout::new(std::iter::empty(), false), None);
        assert_eq!(Layout::new(std::iter::repeat_n((0, 4, 1), MAX_FIELDS + 1), false), None);
    }

    #[test]
    fn a_withdrawal_of_an_options_template_has_no_count_of_scopes() {
        let set = [1, 0, 0, 0, 0, 3, 0, 0];
        let mut news = Vec::new();
        assert!(read(Kind::IpfixOptions, &set, |one| news.push(one)));
        assert_eq!(news, [News::Withdrawn(256), News::AllWithdrawn]);
        // v9 has no withdrawal: a template without fields cannot be used.
        assert!(!read(Kind::V9, &set[..4], |_| ()));
    }
}
