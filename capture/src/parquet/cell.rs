//! One value as the text that a log would have.

use std::io::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

use flowfence_model::Timestamp;
use parquet::basic::{ConvertedType, LogicalType, TimeUnit, Type};
use parquet::schema::types::ColumnDescriptor;

/// How moments are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moments {
    /// As RFC 3339 writes them.
    Rfc3339,
    /// Seconds since 1970, with a fraction.
    Epoch,
}

/// What the values of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Text, or the number as it is.
    Plain,
    /// A whole number without sign.
    Unsigned,
    /// A number with so many digits behind the point.
    Decimal(u32),
    /// A moment, so many nanoseconds a unit.
    Moment(i64, Moments),
    /// An address in four or sixteen octets.
    Address,
    /// A UUID.
    Uuid,
}

const NANOS_A_DAY: i64 = 86_400_000_000_000;

impl Style {
    /// That of a column; `None` for one whose values are nothing for a log.
    pub fn of(column: &ColumnDescriptor, moments: Moments) -> Option<Self> {
        let unit = |unit: &TimeUnit| match unit {
            TimeUnit::MILLIS => 1_000_000,
            TimeUnit::MICROS => 1_000,
            TimeUnit::NANOS => 1,
        };
        let scale = |scale: i32| u32::try_from(scale).ok().filter(|scale| *scale <= 38);
        if column.physical_type() == Type::INT96 {
            return Some(Style::Moment(1, moments));
        }
        match column.logical_type_ref() {
            Some(LogicalType::Timestamp(stamp)) => return Some(Style::Moment(unit(&stamp.unit), moments)),
            Some(LogicalType::Date) => return Some(Style::Moment(NANOS_A_DAY, moments)),
            Some(LogicalType::Decimal(decimal)) => return scale(decimal.scale).map(Style::Decimal),
            Some(LogicalType::Integer(integer)) if !integer.is_signed => return Some(Style::Unsigned),
            Some(LogicalType::Uuid) if column.type_length() == 16 => return Some(Style::Uuid),
            Some(LogicalType::Float16 | LogicalType::Bson | LogicalType::Variant(_)) => return None,
            _ => {}
        }
        match column.converted_type() {
            ConvertedType::TIMESTAMP_MILLIS => Some(Style::Moment(1_000_000, moments)),
            ConvertedType::TIMESTAMP_MICROS => Some(Style::Moment(1_000, moments)),
            ConvertedType::DATE => Some(Style::Moment(NANOS_A_DAY, moments)),
            ConvertedType::DECIMAL => scale(column.type_scale()).map(Style::Decimal),
            ConvertedType::UINT_8
            | ConvertedType::UINT_16
            | ConvertedType::UINT_32
            | ConvertedType::UINT_64 => Some(Style::Unsigned),
            ConvertedType::INTERVAL | ConvertedType::BSON => None,
            _ if column.physical_type() == Type::FIXED_LEN_BYTE_ARRAY => match column.type_length() {
                4 | 16 => Some(Style::Address),
                1..=64 => Some(Style::Plain),
                _ => None,
            },
            _ => Some(Style::Plain),
        }
    }

    /// Writes a whole number; `bits` is its width. Nothing where it cannot be said.
    pub fn whole(self, value: i64, bits: u32, to: &mut Vec<u8>) {
        match self {
            Style::Unsigned => {
                let value = value.cast_unsigned();
                digits(if bits == 32 { value & u64::from(u32::MAX) } else { value }, to);
            }
            Style::Decimal(scale) => decimal(i128::from(value), scale, to),
            Style::Moment(scale, moments) => {
                if let Some(nanos) = value.checked_mul(scale) {
                    moment(nanos, moments, to);
                }
            }
            Style::Plain | Style::Address | Style::Uuid => {
                if value < 0 {
                    to.push(b'-');
                }
                digits(value.unsigned_abs(), to);
            }
        }
    }

    /// Writes a number that need not be whole.
    pub fn real(value: f64, to: &mut Vec<u8>) {
        const EXACT: f64 = 9_007_199_254_740_992.0;
        if value.is_finite() && value.fract() == 0.0 && value.abs() < EXACT {
            #[expect(clippy::cast_possible_truncation, reason = "whole, and less than 2^53")]
            Style::Plain.whole(value as i64, 64, to);
        } else if value.is_finite() {
            let _ = write!(to, "{value}");
        }
    }

    /// Writes octets.
    pub fn octets(self, value: &[u8], to: &mut Vec<u8>) {
        match (self, value) {
            (Style::Decimal(scale), _) => {
                if let Some(value) = big_endian(value) {
                    decimal(value, scale, to);
                }
            }
            (Style::Address, [a, b, c, d]) => {
                let _ = write!(to, "{}", Ipv4Addr::new(*a, *b, *c, *d));
            }
            (Style::Address, _) => {
                if let Ok(octets) = <[u8; 16]>::try_from(value) {
                    let _ = write!(to, "{}", Ipv6Addr::from(octets));
                }
            }
            (Style::Uuid, _) => {
                for (i, octet) in value.iter().enumerate() {
                    let dash = if matches!(i, 4 | 6 | 8 | 10) { "-" } else { "" };
                    let _ = write!(to, "{dash}{octet:02x}");
                }
            }
            _ => to.extend_from_slice(value),
        }
    }

    /// Writes a moment of the old kind: nanoseconds of a day, and the day by Julius Scaliger's count.
    pub fn int96(self, [low, high, day]: [u32; 3], to: &mut Vec<u8>) {
        const DAY_OF_1970: i64 = 2_440_588;
        let nanos = i64::from(high) << 32 | i64::from(low);
        let day = (i64::from(day) - DAY_OF_1970).checked_mul(NANOS_A_DAY);
        if let (Some(nanos), Style::Moment(_, moments)) = (day.and_then(|day| day.checked_add(nanos)), self) {
            moment(nanos, moments, to);
        }
    }
}

/// Digits of a number. Written out because every row has a dozen of them.
fn digits(mut value: u64, to: &mut Vec<u8>) {
    let mut octets = [b'0'; 20];
    let mut count = 0;
    for place in octets.iter_mut().rev() {
        *place = b'0' + u8::try_from(value % 10).unwrap_or(0);
        value /= 10;
        count += 1;
        if value == 0 {
            break;
        }
    }
    to.extend_from_slice(octets.get(20 - count..).unwrap_or_default());
}

fn decimal(value: i128, scale: u32, to: &mut Vec<u8>) {
    let unit = 10_u128.pow(scale);
    let (sign, value) = (if value < 0 { "-" } else { "" }, value.unsigned_abs());
    let _ = write!(to, "{sign}{}", value / unit);
    let fraction = value % unit;
    if fraction > 0 {
        let _ = write!(to, ".{fraction:0width$}", width = scale as usize);
    }
}

/// A number with sign, the highest octet first.
fn big_endian(octets: &[u8]) -> Option<i128> {
    let first = *octets.first()?;
    let start = if first & 0x80 == 0 { 0 } else { -1 };
    (octets.len() <= 16).then(|| octets.iter().fold(start, |value, octet| value << 8 | i128::from(*octet)))
}

fn moment(nanos: i64, moments: Moments, to: &mut Vec<u8>) {
    let written = match moments {
        Moments::Rfc3339 => write!(to, "{}", Timestamp::from_nanos(nanos)),
        Moments::Epoch => {
            let (secs, rest) = (nanos.div_euclid(1_000_000_000), nanos.rem_euclid(1_000_000_000));
            if rest == 0 { write!(to, "{secs}") } else { write!(to, "{secs}.{rest:09}") }
        }
    };
    // A vector takes everything.
    let _ = written;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut to = Vec::new();
        write(&mut to);
        String::from_utf8(to).unwrap()
    }

    #[test]
    fn numbers_are_as_a_log_has_them() {
        assert_eq!(text(|to| Style::Plain.whole(0, 32, to)), "0");
        assert_eq!(text(|to| Style::Plain.whole(i64::MIN, 64, to)), "-9223372036854775808");
        assert_eq!(text(|to| Style::Unsigned.whole(-1, 32, to)), "4294967295");
        assert_eq!(text(|to| Style::Unsigned.whole(-1, 64, to)), "18446744073709551615");
        assert_eq!(text(|to| Style::Decimal(2).whole(-1005, 64, to)), "-10.05");
        assert_eq!(text(|to| Style::Decimal(0).octets(&[0xff, 0x38], to)), "-200");
        assert_eq!(text(|to| Style::real(443.0, to)), "443");
        assert_eq!(text(|to| Style::real(0.5, to)), "0.5");
        assert_eq!(text(|to| Style::real(f64::NAN, to)), "");
    }

    #[test]
    fn moments_are_those_of_their_unit() {
        let at = |scale, moments| text(|to| Style::Moment(scale, moments).whole(1_795_514_400_250, 64, to));
        assert_eq!(at(1_000_000, Moments::Epoch), "1795514400.250000000");
        assert_eq!(at(1_000_000, Moments::Rfc3339), "2026-11-24T10:00:00.250000Z");
        let days = text(|to| Style::Moment(NANOS_A_DAY, Moments::Epoch).whole(20_781, 32, to));
        assert_eq!(days, "1795478400");
        let old = |at| text(|to| Style::Moment(1, Moments::Epoch).int96(at, to));
        assert_eq!(old([5, 0, 2_440_588]), "0.000000005");
        assert_eq!(old([u32::MAX; 3]), "");
        assert_eq!(text(|to| Style::Moment(NANOS_A_DAY, Moments::Epoch).whole(i64::MAX, 64, to)), "");
    }

    #[test]
    fn octets_are_addresses_where_they_are_as_many() {
        assert_eq!(text(|to| Style::Address.octets(&[10, 42, 1, 7], to)), "10.42.1.7");
        assert_eq!(text(|to| Style::Address.octets(&[0; 16], to)), "::");
        let uuid: Vec<u8> = (0..16).collect();
        assert_eq!(text(|to| Style::Uuid.octets(&uuid, to)), "00010203-0405-0607-0809-0a0b0c0d0e0f");
    }
}
