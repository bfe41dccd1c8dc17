//! Words of text formats: addresses, numbers, times.

use std::net::IpAddr;

use flowfence_model::{Address, Protocol, Timestamp};

/// An address, as RFC 5952 or dotted.
pub fn address(word: &[u8]) -> Option<Address> {
    v4(word).map(Address::v4).or_else(|| {
        let ip: IpAddr = std::str::from_utf8(word).ok()?.parse().ok()?;
        Some(Address::from(ip))
    })
}

/// Four numbers between dots. Written out because every line of a log has two of them.
fn v4(word: &[u8]) -> Option<[u8; 4]> {
    if word.len() > 15 {
        return None;
    }
    let (mut octets, mut at) = ([0; 4], 0);
    let (mut sum, mut digits) = (0_u16, 0);
    for c in word {
        match c {
            b'0'..=b'9' if digits == 1 && sum == 0 => return None,
            b'0'..=b'9' if digits < 3 => {
                sum = sum * 10 + u16::from(c - b'0');
                digits += 1;
            }
            b'.' if digits > 0 && at < 3 => {
                *octets.get_mut(at)? = u8::try_from(sum).ok()?;
                (at, sum, digits) = (at + 1, 0, 0);
            }
            _ => return None,
        }
    }
    if at != 3 || digits == 0 {
        return None;
    }
    *octets.get_mut(at)? = u8::try_from(sum).ok()?;
    Some(octets)
}

/// A number without sign.
pub fn number(word: &[u8]) -> Option<u64> {
    if word.is_empty() || word.len() > 20 {
        return None;
    }
    if word.len() < 20 {
        // Nineteen digits cannot overflow.
        let mut sum = 0_u64;
        for c in word {
            let digit = c.wrapping_sub(b'0');
            if digit > 9 {
                return None;
            }
            sum = sum * 10 + u64::from(digit);
        }
        return Some(sum);
    }
    word.iter().try_fold(0_u64, |sum, c| {
        let digit = c.is_ascii_digit().then(|| u64::from(c - b'0'))?;
        sum.checked_mul(10)?.checked_add(digit)
    })
}

/// A port.
pub fn port(word: &[u8]) -> Option<u16> {
    u16::try_from(number(word)?).ok()
}

/// Seconds since 1970 with an optional fraction. Seconds have not had twelve digits yet: numbers that long are of
/// a finer unit, which several writers may be told to use.
pub fn epoch(word: &[u8]) -> Option<Timestamp> {
    if let Some(secs) = number(word) {
        return Some(since_1970(i64::try_from(secs).ok()?, 0));
    }
    let mut parts = word.splitn(2, |c| *c == b'.');
    let secs = i64::try_from(number(parts.next()?)?).ok()?;
    let nanos = match parts.next() {
        None => 0,
        Some(fraction) => {
            let digits = fraction.get(..fraction.len().min(9))?;
            let scale = 10_u64.pow(9 - u32::try_from(digits.len()).ok()?);
            u32::try_from(number(digits)? * scale).ok()?
        }
    };
    Some(since_1970(secs, nanos))
}

/// So many whole units, and billionths of one.
#[inline]
pub fn since_1970(whole: i64, billionths: u32) -> Timestamp {
    let unit = match whole {
        ..100_000_000_000 => return Timestamp::from_secs(whole, billionths),
        100_000_000_000..100_000_000_000_000 => 1_000_000,
        100_000_000_000_000..100_000_000_000_000_000 => 1_000,
        _ => 1,
    };
    let fraction = i64::from(billionths) * unit / 1_000_000_000;
    Timestamp::from_nanos(whole.saturating_mul(unit).saturating_add(fraction))
}

/// A moment as RFC 3339 writes it; an offset without its colon, as Suricata has it, is read too, and a moment without
/// an offset, as exports of tables have it, is one in UTC.
pub fn rfc3339(text: &str) -> Option<Timestamp> {
    let with_colon = || {
        let (moment, offset) = text.split_at_checked(text.len().checked_sub(5)?)?;
        let (hours, minutes) = offset.split_at_checked(3)?;
        format!("{moment}{hours}:{minutes}").parse().ok()
    };
    let in_utc = || format!("{}Z", text.strip_suffix(" UTC").unwrap_or(text)).parse().ok();
    text.parse().ok().or_else(with_colon).or_else(in_utc)
}

/// A protocol by its IANA number; `None` for one without ports that is not ICMP.
#[inline]
pub fn protocol(number: u64) -> Option<Protocol> {
    // Looked up, since nobody foresees which protocol the next line is of.
    const KNOWN: [Option<Protocol>; 133] = {
        let mut known = [None; 133];
        (known[1], known[58]) = (Some(Protocol::Icmp), Some(Protocol::Icmp));
        (known[6], known[17], known[132]) = (Some(Protocol::Tcp), Some(Protocol::Udp), Some(Protocol::Sctp));
        known
    };
    KNOWN.get(usize::try_from(number).ok()?).copied().flatten()
}

/// A protocol by its name or number.
pub fn protocol_named(word: &str) -> Option<Protocol> {
    if let Some(known) = number(word.as_bytes()) {
        return protocol(known);
    }
    match word.to_ascii_lowercase().as_str() {
        "tcp" | "tcp6" | "t" => Some(Protocol::Tcp),
        "udp" | "udp6" | "u" => Some(Protocol::Udp),
        "sctp" => Some(Protocol::Sctp),
        "icmp" | "icmp6" | "icmpv4" | "icmpv6" | "ipv6-icmp" => Some(Protocol::Icmp),
        _ => None,
    }
}

/// Tells where the words of a line begin and end, with their places; how many there are.
#[inline]
pub fn words(line: &[u8], mut tell: impl FnMut(usize, usize, usize)) -> usize {
    let (mut count, mut start) = (0, 0);
    let mut end = |end: usize| {
        if start < end {
            tell(count, start, end);
            count += 1;
        }
        start = end + 1;
    };
    // A bit an octet for a whole block of them: a core foresees when a loop over some ten bits ends, and not how
    // many words end within eight octets.
    let (blocks, rest) = line.as_chunks::<BLOCK>();
    let mut ends = |at: usize, mut bits: u64| {
        while bits != 0 {
            let place = at + bits.trailing_zeros() as usize;
            if matches!(line.get(place), Some(b' ' | b'\t')) {
                end(place);
            }
            bits &= bits - 1;
        }
    };
    for (i, block) in blocks.iter().enumerate() {
        ends(i * BLOCK, low(block));
    }
    ends(blocks.len() * BLOCK, low(rest));
    end(line.len());
    count
}

/// Octets that a bit each is made of at a time.
const BLOCK: usize = 64;

/// A bit for each of some octets, `BLOCK` at most, that is a space or below.
#[inline]
fn low(octets: &[u8]) -> u64 {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGH: u64 = ONES << 7;
    /// The first octet above a space.
    const ABOVE: u64 = 0x21;
    /// Brings the lowest bits of eight octets together in the highest octet.
    const TOGETHER: u64 = 0x0102_0408_1020_4080;
    let of_eight = |eight: [u8; 8]| {
        let eight = u64::from_le_bytes(eight);
        // The highest bit is there to be borrowed from, so that no octet changes what is said of the next.
        let is_low = !(((eight | HIGH) - ABOVE * ONES) | eight) & HIGH;
        (is_low >> 7).wrapping_mul(TOGETHER) >> 56
    };
    let (eights, rest) = octets.as_chunks::<8>();
    let bits = eights.iter().rfold(0, |bits, eight| bits << 8 | of_eight(*eight));
    let last = rest.iter().rfold(0, |bits, octet| bits << 1 | u64::from(*octet <= b' '));
    // Of a whole block nothing is left, and a shift by all bits is none.
    if rest.is_empty() { bits } else { bits | last << (eights.len() * 8) }
}

/// The number of up to sixteen digits that a line has in front of `end`, of this length; `None` when it is longer, no
/// number, or the line has less than that in front of it. Eight digits take as long as one.
#[inline]
pub fn number_before(line: &[u8], end: usize, length: usize) -> Option<u64> {
    if length <= 8 {
        return eight_digits(line, end, length);
    }
    let high = eight_digits(line, end.checked_sub(8)?, length - 8)?;
    Some(high * 100_000_000 + eight_digits(line, end, 8)?)
}

#[inline]
fn eight_digits(line: &[u8], end: usize, length: usize) -> Option<u64> {
    const ZEROS: u64 = u64::from_ne_bytes([b'0'; 8]);
    const HALVES: u64 = u64::from_ne_bytes([0xf0; 8]);
    /// What carries an octet above nine into the upper half.
    const SIX: u64 = u64::from_ne_bytes([6; 8]);
    const QUARTERS: u64 = 0xff_0000_00ff;
    let eight = u64::from_le_bytes(*line.get(..end)?.last_chunk()?);
    // What stands before the number counts as zeros.
    let before = u32::try_from(8_usize.checked_sub(length)?).ok()? * 8;
    let digits = u64::MAX.checked_shl(before)?;
    let eight = eight & digits | ZEROS & !digits;
    if eight & HALVES != ZEROS || eight.wrapping_add(SIX) & HALVES != ZEROS {
        return None;
    }
    // Neighbours are put together three times: to two digits, to four, to eight.
    let ones = eight ^ ZEROS;
    let tens = ones * 10 + (ones >> 8);
    let upper = (tens & QUARTERS).wrapping_mul(100 + (1_000_000 << 32));
    let lower = (tens >> 16 & QUARTERS).wrapping_mul(1 + (10_000 << 32));
    Some(upper.wrapping_add(lower) >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn addresses_are_read_as_the_standard_library_reads_them() {
        for word in [
            "10.0.0.1",
            "255.255.255.255",
            "0.0.0.0",
            "01.2.3.4",
            "256.1.1.1",
            "1.2.3",
            "1.2.3.4.5",
            "",
            "-",
            "::1",
            "2001:db8::7",
            "::ffff:10.0.0.1",
            "1.2.3.-4",
            "1..2.3",
        ] {
            let expected = word.parse::<IpAddr>().ok().map(Address::from);
            assert_eq!(address(word.as_bytes()), expected, "{word}");
        }
    }

    #[test]
    fn seconds_may_have_a_fraction_of_any_length() {
        assert_eq!(epoch(b"1795543370"), Some(Timestamp::from_secs(1_795_543_370, 0)));
        assert_eq!(epoch(b"1795543370.28"), Some(Timestamp::from_secs(1_795_543_370, 280_000_000)));
        assert_eq!(epoch(b"1.1234567891"), Some(Timestamp::from_secs(1, 123_456_789)));
        let half = Some(Timestamp::from_secs(1_795_543_370, 500_000_000));
        for word in ["1795543370500", "1795543370500.0", "1795543370500000", "1795543370500000000"] {
            assert_eq!(epoch(word.as_bytes()), half, "{word}");
        }
        assert_eq!(epoch(b"1795543370500.25"), Some(Timestamp::from_secs(1_795_543_370, 500_250_000)));
        assert_eq!((epoch(b""), epoch(b"x"), epoch(b"1.x"), epoch(b"-1")), (None, None, None, None));
    }

    #[test]
    fn words_are_what_stands_between_spaces_and_tabs() {
        for line in [
            "",
            " ",
            "a",
            " a",
            "a ",
            "\ta  b\t",
            "2 123456789012 eni-0 10.0.0.1 - OK",
            "a ! !b! ! ",
            "a\r\x0b b\0c",
            "é ü!\u{80} \t!x",
            "         !        ",
        ] {
            let expected: Vec<&[u8]> =
                line.as_bytes().split(|c| b" \t".contains(c)).filter(|word| !word.is_empty()).collect();
            let mut found = Vec::new();
            let count = words(line.as_bytes(), |place, start, end| {
                assert_eq!(place, found.len());
                found.push(&line.as_bytes()[start..end]);
            });
            assert_eq!((count, &found), (expected.len(), &expected), "{line:?}");
        }
    }

    proptest! {
        #[test]
        fn words_of_lines_of_any_length_are_found(line in prop::collection::vec(prop_oneof![6 => b'!'..=b'~', 2 => Just(b' '), 1 => any::<u8>()], 0..200)) {
            let expected: Vec<&[u8]> = line.split(|c| b" \t".contains(c)).filter(|word| !word.is_empty()).collect();
            let mut found = Vec::new();
            let count = words(&line, |_, start, end| found.push(&line[start..end]));
            prop_assert_eq!((count, found), (expected.len(), expected));
        }

        #[test]
        fn numbers_in_lines_are_those_of_words(before in "[ 0-9a-z]{8,20}", word in "[0-9]{1,18}|[0-9/:\u{0}-\u{7f}]{0,17}") {
            let line = format!("{before}{word} 7");
            let found = number_before(line.as_bytes(), before.len() + word.len(), word.len());
            let is_short = (1..=16).contains(&word.len());
            prop_assert_eq!(found, number(word.as_bytes()).filter(|_| is_short));
        }
    }

    #[test]
    fn a_number_at_the_beginning_of_a_line_is_left() {
        assert_eq!(
            (number_before(b"12345678", 8, 8), number_before(b"1234567", 7, 7)),
            (Some(12_345_678), None)
        );
        assert_eq!((number_before(b"123456789", 9, 9), number_before(b"1", 2, 1)), (None, None));
    }

    #[test]
    fn numbers_do_not_overflow() {
        assert_eq!(number(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!((number(b"18446744073709551616"), number(b"+1"), port(b"65536")), (None, None, None));
    }
}
