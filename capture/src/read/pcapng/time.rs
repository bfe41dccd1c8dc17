//! Time stamps of pcapng: a count of units since the epoch, whose size each interface tells.

use flowfence_model::Timestamp;

const NANOS_PER_SEC: u64 = 1_000_000_000;

/// How an interface writes time: `if_tsresol` and `if_tsoffset` (§4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Clock {
    unit: Unit,
    offset_secs: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    /// So many nanoseconds: seconds to nanoseconds in powers of ten.
    Nanos(u64),
    /// So many units in a nanosecond: finer powers of ten.
    PerNano(u128),
    /// 2 to the minus so many seconds.
    Binary(u32),
}

impl Default for Clock {
    /// Microseconds.
    fn default() -> Self {
        Clock { unit: Unit::Nanos(1_000), offset_secs: 0 }
    }
}

impl Clock {
    pub(super) fn set_resolution(&mut self, resolution: u8) {
        let exponent = u32::from(resolution & 0x7f);
        self.unit = if resolution & 0x80 != 0 {
            Unit::Binary(exponent)
        } else if exponent <= 9 {
            Unit::Nanos(10_u64.pow(9 - exponent))
        } else {
            Unit::PerNano(10_u128.checked_pow(exponent - 9).unwrap_or(u128::MAX))
        };
    }

    pub(super) fn set_offset(&mut self, secs: i64) {
        self.offset_secs = secs;
    }

    /// The moment of a count; saturates.
    #[inline]
    pub(super) fn time(&self, count: u64) -> Timestamp {
        let nanos = match self.unit {
            Unit::Nanos(unit) => count.saturating_mul(unit),
            Unit::PerNano(units) => u64::try_from(u128::from(count) / units).unwrap_or(u64::MAX),
            Unit::Binary(shift) => {
                let nanos = (u128::from(count) * u128::from(NANOS_PER_SEC)).checked_shr(shift);
                u64::try_from(nanos.unwrap_or(0)).unwrap_or(u64::MAX)
            }
        };
        let nanos = i64::try_from(nanos).unwrap_or(i64::MAX);
        Timestamp::from_nanos(nanos.saturating_add(Timestamp::from_secs(self.offset_secs, 0).as_nanos()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_resolution_says_the_same_moment() {
        let moment = Timestamp::from_secs(1_795_542_599, 500_000_000);
        let half_secs = 1_795_542_599_u64 * 2 + 1;
        for (resolution, count) in [
            (6, half_secs * 500_000),
            (9, half_secs * 500_000_000),
            (3, half_secs * 500),
            (1, half_secs * 5),
            (0x81, half_secs),
            (0x94, half_secs << 19),
        ] {
            let mut clock = Clock::default();
            clock.set_resolution(resolution);
            assert_eq!(clock.time(count), moment, "{resolution:#x}");
        }
        let mut clock = Clock::default();
        clock.set_resolution(10);
        clock.set_offset(1_795_542_599);
        assert_eq!(clock.time(5_000_000_000), moment);
    }

    #[test]
    fn a_resolution_that_nobody_means_saturates() {
        for resolution in 0..=255 {
            let mut clock = Clock::default();
            clock.set_resolution(resolution);
            clock.set_offset(i64::MAX);
            for count in [0, 1, u64::MAX] {
                let _ = clock.time(count);
            }
        }
    }
}
