//! JSON as programs write it: nothing between its tokens, and texts of ASCII.
//!
//! Whoever meets anything else leaves the line to `serde_json`; so all that is read here, it reads to the
//! same.

/// Lists and objects in one another that are passed over.
const MAX_DEPTH: u32 = 32;

/// What is left of a text.
#[derive(Clone, Copy, Debug)]
pub struct Plain<'l> {
    rest: &'l [u8],
}

impl<'l> Plain<'l> {
    /// All of it.
    pub fn new(text: &'l [u8]) -> Self {
        Plain { rest: text }
    }

    /// What comes.
    #[inline]
    pub fn rest(&self) -> &'l [u8] {
        self.rest
    }

    /// Passes over so many octets.
    #[inline]
    pub fn pass(&mut self, octets: usize) -> Option<()> {
        self.rest = self.rest.get(octets..)?;
        Some(())
    }

    /// Whether this comes; then it is passed over.
    #[inline]
    pub fn eat(&mut self, octet: u8) -> bool {
        match self.rest {
            [first, rest @ ..] if *first == octet => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    /// A text in which nothing is escaped.
    #[inline]
    pub fn text(&mut self) -> Option<&'l str> {
        self.octets().and_then(|text| std::str::from_utf8(text).ok())
    }

    #[inline]
    fn octets(&mut self) -> Option<&'l [u8]> {
        let [b'"', rest @ ..] = self.rest else { return None };
        let (text, rest) = rest.split_at_checked(plain_octets(rest))?;
        let [b'"', rest @ ..] = rest else { return None };
        self.rest = rest;
        Some(text)
    }

    /// A whole number.
    #[inline]
    pub fn number(&mut self) -> Option<u64> {
        let mut sum = 0;
        let mut digits = 0;
        while let [digit @ b'0'..=b'9', rest @ ..] = self.rest {
            // Eighteen digits cannot overflow, and behind a zero that comes first there is none.
            if digits == 18 || (sum == 0 && digits == 1) {
                return None;
            }
            sum = sum * 10 + u64::from(digit - b'0');
            digits += 1;
            self.rest = rest;
        }
        (digits > 0 && !matches!(self.rest.first(), Some(b'.' | b'e' | b'E'))).then_some(sum)
    }

    /// Yes or no.
    #[inline]
    pub fn flag(&mut self) -> Option<bool> {
        let (flag, rest) = match self.rest {
            [b't', b'r', b'u', b'e', rest @ ..] => (true, rest),
            [b'f', b'a', b'l', b's', b'e', rest @ ..] => (false, rest),
            _ => return None,
        };
        self.rest = rest;
        Some(flag)
    }

    /// An object; `take` is given the name of each member, and takes its value.
    #[inline]
    pub fn members(&mut self, mut take: impl FnMut(&'l [u8], &mut Self) -> Option<()>) -> Option<()> {
        if !self.eat(b'{') {
            return None;
        }
        if self.eat(b'}') {
            return Some(());
        }
        loop {
            let name = self.name()?;
            take(name, self)?;
            if !self.eat(b',') {
                return self.eat(b'}').then_some(());
            }
        }
    }

    #[inline]
    fn name(&mut self) -> Option<&'l [u8]> {
        let name = self.octets()?;
        self.eat(b':').then_some(name)
    }

    /// Passes over a value of any kind; its octets.
    pub fn value(&mut self) -> Option<&'l [u8]> {
        let begin = self.rest;
        self.rest = behind(begin)?;
        begin.get(..begin.len() - self.rest.len())
    }
}

/// What comes behind a value.
fn behind(mut rest: &[u8]) -> Option<&[u8]> {
    // A bit for each list or object that we are in, the innermost last: 1 for an object.
    let (mut depth, mut is_object) = (0_u32, 0_u64);
    loop {
        rest = match rest {
            [b'"', rest @ ..] => behind_text(rest)?,
            [b'{', b'}', rest @ ..]
            | [b'[', b']', rest @ ..]
            | [b't', b'r', b'u', b'e', rest @ ..]
            | [b'f', b'a', b'l', b's', b'e', rest @ ..]
            | [b'n', b'u', b'l', b'l', rest @ ..] => rest,
            [open @ (b'{' | b'['), inner @ ..] => {
                let is_one = *open == b'{';
                (depth, is_object) = (depth + 1, is_object << 1 | u64::from(is_one));
                if depth > MAX_DEPTH {
                    return None;
                }
                rest = if is_one { behind_name(inner)? } else { inner };
                continue;
            }
            _ => behind_number(rest)?,
        };
        loop {
            if depth == 0 {
                return Some(rest);
            }
            let is_one = is_object & 1 == 1;
            rest = match rest {
                [b',', next @ ..] => {
                    rest = if is_one { behind_name(next)? } else { next };
                    break;
                }
                [b'}', next @ ..] if is_one => next,
                [b']', next @ ..] if !is_one => next,
                _ => return None,
            };
            (depth, is_object) = (depth - 1, is_object >> 1);
        }
    }
}

/// What comes behind the name of a member.
#[inline]
fn behind_name(rest: &[u8]) -> Option<&[u8]> {
    let [b'"', rest @ ..] = rest else { return None };
    let [b'"', b':', rest @ ..] = rest.get(plain_octets(rest)..)? else { return None };
    Some(rest)
}

fn behind_number(rest: &[u8]) -> Option<&[u8]> {
    let digits = |rest: &[u8]| rest.iter().take_while(|octet| octet.is_ascii_digit()).count();
    let rest = rest.strip_prefix(b"-").unwrap_or(rest);
    let whole = digits(rest);
    if whole == 0 || (whole > 1 && rest.first() == Some(&b'0')) {
        return None;
    }
    let rest = rest.get(whole..)?;
    let Some(fraction) = rest.strip_prefix(b".") else { return Some(rest) };
    let count = digits(fraction);
    if count == 0 { None } else { fraction.get(count..) }
}

/// What comes behind a text, in which something may be escaped. Its quote is passed.
#[inline]
fn behind_text(mut rest: &[u8]) -> Option<&[u8]> {
    loop {
        rest = match rest.get(plain_octets(rest)..)? {
            [b'"', rest @ ..] => return Some(rest),
            [b'\\', b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', rest @ ..] => rest,
            [b'\\', b'u', a, b, c, d, rest @ ..]
                if [a, b, c, d].iter().all(|octet| octet.is_ascii_hexdigit()) =>
            {
                rest
            }
            _ => return None,
        };
    }
}

/// How many octets come before a quote, what is escaped, what must be, and what is not ASCII.
#[inline]
fn plain_octets(text: &[u8]) -> usize {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGH: u64 = ONES << 7;
    // The lowest bit that is set is right; those above it may be borrowed from it.
    let below = |eight: u64, limit: u8| eight.wrapping_sub(u64::from(limit) * ONES) & !eight;
    let is = |eight: u64, octet: u8| below(eight ^ (u64::from(octet) * ONES), 1);
    let (eights, rest) = text.as_chunks::<8>();
    for (i, eight) in eights.iter().enumerate() {
        let eight = u64::from_le_bytes(*eight);
        let ends = (is(eight, b'"') | is(eight, b'\\') | below(eight, b' ') | eight) & HIGH;
        if ends != 0 {
            return i * 8 + (ends.trailing_zeros() / 8) as usize;
        }
    }
    let is_plain = |octet: &&u8| matches!(octet, b' '..=b'\x7f') && !matches!(octet, b'"' | b'\\');
    eights.len() * 8 + rest.iter().take_while(is_plain).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde::de::IgnoredAny;

    fn passed(text: &[u8]) -> Option<usize> {
        Plain::new(text).value().map(<[u8]>::len)
    }

    #[test]
    fn values_of_every_kind_are_passed_over() {
        for text in [
            "0",
            "-7",
            "1.50",
            "true",
            "false",
            "null",
            r#""""#,
            r#""a\"b\\\/\b\f\n\r\t\u00e9c""#,
            "{}",
            "[]",
            r#"{"a":[1,{"b":"longer than eight"},[]],"c":{}}"#,
        ] {
            assert_eq!(passed(text.as_bytes()), Some(text.len()), "{text}");
            assert_eq!(passed(format!("{text},1").as_bytes()), Some(text.len()), "{text}");
        }
    }

    #[test]
    fn what_is_not_plain_is_left_to_others() {
        for text in [
            "",
            "{",
            "[",
            "[1",
            "[1 ]",
            " 1",
            "{\"a\": 1}",
            "{\"a\"}",
            "{1:2}",
            "{,}",
            "[,]",
            "[1,]",
            "{\"a\":1,}",
            "\"é\"",
            "\"\\x\"",
            "\"\\u00g0\"",
            "\"\t\"",
            "\"a",
            "01",
            "-",
            "1.",
            "nul",
            "tru",
            "+1",
            "{\"a\":1]",
            "[1}",
        ] {
            assert_eq!(passed(text.as_bytes()), None, "{text}");
        }
        assert_eq!(passed("[".repeat(40).as_bytes()), None);
    }

    #[test]
    fn numbers_are_whole_and_written_in_one_way() {
        let number = |text: &str| Plain::new(text.as_bytes()).number();
        assert_eq!((number("0,"), number("8080}")), (Some(0), Some(8080)));
        assert_eq!(number("123456789012345678"), Some(123_456_789_012_345_678));
        for text in ["", "-1", "007", "053", "01", "00", "1.5", "1e3", "1234567890123456789", "\"1\""] {
            assert_eq!(number(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_number_is_that_of_json(text in "[0-9]{1,3}|[0-9]{1,20}[.eE,}]?") {
            let digits = text.trim_end_matches([',', '}']);
            if let Some(number) = Plain::new(text.as_bytes()).number() {
                prop_assert_eq!(serde_json::from_str(digits).ok(), Some(number));
            } else {
                prop_assert!(digits.len() > 18 || serde_json::from_str::<u64>(digits).is_err(), "{}", text);
            }
        }

        #[test]
        fn the_run_of_plain_octets_ends_where_it_must(text in prop::collection::vec(prop_oneof![8 => b' '..=b'z', 1 => any::<u8>()], 0..40)) {
            let is_end = |octet: &u8| matches!(octet, b'"' | b'\\' | 0..0x20 | 0x80..);
            prop_assert_eq!(plain_octets(&text), text.iter().position(is_end).unwrap_or(text.len()));
        }

        #[test]
        fn all_that_is_passed_over_is_json(text in r#"[\[\]{}",:\\u0-9a.\-ntrfalse ]{0,24}"#) {
            if let Some(length) = passed(text.as_bytes()) {
                let value: Result<IgnoredAny, _> = serde_json::from_str(&text[..length]);
                prop_assert!(value.is_ok(), "{}", text);
            }
        }
    }
}
