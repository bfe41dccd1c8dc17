//! Moments of lines that follow one another: most are of the same second as the one before.

use flowfence_model::Timestamp;

/// Octets of a moment of RFC 3339 up to its whole second.
const WHOLE: usize = 19;

/// Reads moments, and remembers the second of the last one.
#[derive(Debug, Default)]
pub struct Second {
    text: [u8; WHOLE],
    at: Option<Timestamp>,
}

impl Second {
    /// The moment that `text` is by RFC 3339.
    pub fn moment(&mut self, text: &str) -> Option<Timestamp> {
        let (second, rest) = text.as_bytes().split_at_checked(WHOLE)?;
        if let Some(at) = self.at.filter(|_| self.text == *second)
            && let Some(nanos) = nanos(rest)
        {
            return Some(Timestamp::from_nanos(at.as_nanos() + nanos));
        }
        let moment = text.parse().ok()?;
        self.learn(second);
        Some(moment)
    }

    fn learn(&mut self, second: &[u8]) {
        let Ok(text) = <[u8; WHOLE]>::try_from(second) else { return };
        let whole = std::str::from_utf8(second).ok().and_then(|text| format!("{text}Z").parse().ok());
        // A leap second is read as the one before, and what lies beyond a timestamp as its end.
        let is_plain = |at: &Timestamp| !text.ends_with(b"60") && *at < Timestamp::MAX.minus(SECOND);
        (self.text, self.at) = (text, whole.filter(is_plain));
    }
}

const SECOND: std::time::Duration = std::time::Duration::from_secs(1);

/// A fraction of a second, and that the moment is in UTC.
fn nanos(rest: &[u8]) -> Option<i64> {
    match rest {
        b"Z" => Some(0),
        [b'.', digits @ .., b'Z'] if (1..=9).contains(&digits.len()) => {
            let sum = digits
                .iter()
                .try_fold(0_i64, |sum, c| c.is_ascii_digit().then(|| sum * 10 + i64::from(c - b'0')))?;
            let left = u32::try_from(9 - digits.len()).ok()?;
            Some(sum * 10_i64.pow(left))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_the_same_whatever_was_read_before() {
        let texts = [
            "2026-09-21T14:00:00.000030000Z",
            "2026-09-21T14:00:00Z",
            "2026-09-21T14:00:00.5Z",
            "2026-09-21T14:00:00.123456789Z",
            "2026-09-21T14:00:00.1234567891Z",
            "2026-09-21T14:00:00.Z",
            "2026-09-21T14:00:00.12x4Z",
            "2026-09-21T14:00:00.25+02:00",
            "2026-09-21T14:00:00z",
            "2016-12-31T23:59:60.25Z",
            "2016-12-31T23:59:60Z",
            "1969-12-31T23:59:59.75Z",
            "2300-01-01T00:00:00.5Z",
            "1500-01-01T00:00:00.5Z",
            "2026-09-21T14:00:0",
            "2026-09-21T14:00:00",
            "",
            "é26-09-21T14:00:00.5Zéé",
        ];
        for before in texts {
            for text in texts {
                let mut second = Second::default();
                second.moment(before);
                assert_eq!(second.moment(text), text.parse().ok(), "{text} after {before}");
            }
        }
    }
}
