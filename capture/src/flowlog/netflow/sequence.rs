//! Sequence numbers: what was sent and never came.

/// A jump further ahead than this is an exporter that began anew, not a loss.
const MAX_GAP: u32 = 1 << 20;
/// A number so little behind the one that was due is late, not a restart.
const MAX_LATE: u32 = 2048;

/// One number that an exporter counts up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sequence {
    due: Option<u32>,
    /// Numbers that were as they were due.
    hits: u64,
    /// What is missing.
    lost: u64,
}

impl Sequence {
    /// Takes the number of a datagram, and by how much it moves the next one; `None` when that cannot
    /// be told.
    pub fn note(&mut self, number: u32, step: Option<u32>) {
        if let Some(due) = self.due {
            let ahead = number.wrapping_sub(due);
            let behind = due.wrapping_sub(number);
            if ahead == 0 {
                self.hits += 1;
            } else if ahead <= MAX_GAP {
                self.lost += u64::from(ahead);
            } else if behind <= MAX_LATE && number != 0 {
                // It was counted as lost when the one after it came.
                self.lost = self.lost.saturating_sub(u64::from(step.unwrap_or(0)));
                return;
            }
        }
        self.due = step.map(|step| number.wrapping_add(step));
    }
}

/// What an exporter may count up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    /// Records before this datagram: IPFIX (RFC 7011 §3.1) and NetFlow v5.
    Records,
    /// Datagrams: NetFlow v9 (RFC 3954 §5.1) and sFlow.
    Datagrams,
    /// Records up to the end of this datagram.
    RecordsAfter,
    /// Records of flows, without those about the exporter.
    Flows,
    /// Likewise up to the end of this datagram, as softflowd does.
    FlowsAfter,
}

const READINGS: [Reading; 5] =
    [Reading::Records, Reading::Datagrams, Reading::RecordsAfter, Reading::Flows, Reading::FlowsAfter];

/// The numbers of one exporter. Not all of them count what their standard says, so all readings are
/// followed, and whichever fits most often is the right one; of equals the standard's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbers {
    standard: Reading,
    readings: [Sequence; READINGS.len()],
    datagrams: u64,
    records: u64,
}

impl Numbers {
    /// Of an exporter whose standard counts records.
    pub fn of_records() -> Self {
        Numbers { standard: Reading::Records, readings: Default::default(), datagrams: 0, records: 0 }
    }

    /// Of one whose standard counts datagrams.
    pub fn of_datagrams() -> Self {
        Numbers { standard: Reading::Datagrams, ..Numbers::of_records() }
    }

    /// Takes the number of a datagram with so many records, so many of them of flows; `None` where
    /// they could not be counted.
    pub fn note(&mut self, number: u32, records: Option<u32>, flows: Option<u32>) {
        self.datagrams += 1;
        self.records += u64::from(records.unwrap_or(0));
        for (sequence, reading) in self.readings.iter_mut().zip(READINGS) {
            let (step, is_after) = match reading {
                Reading::Records => (records, false),
                Reading::Datagrams => (Some(1), false),
                Reading::RecordsAfter => (records, true),
                Reading::Flows => (flows, false),
                Reading::FlowsAfter => (flows, true),
            };
            let before = if is_after { step.unwrap_or(0) } else { 0 };
            sequence.note(number.wrapping_sub(before), step);
        }
    }

    /// Records that never came, an estimate where only datagrams are counted.
    pub fn lost(&self) -> u64 {
        let all = || self.readings.iter().zip(READINGS);
        let rank = |(sequence, reading): &(&Sequence, Reading)| (sequence.hits, *reading == self.standard);
        let Some((sequence, reading)) = all().max_by_key(rank) else { return 0 };
        if reading != Reading::Datagrams {
            return sequence.lost;
        }
        let each = self.records.div_ceil(self.datagrams.max(1)).max(1);
        sequence.lost.saturating_mul(each)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_lost_until_what_filled_it_comes_late() {
        let mut sequence = Sequence::default();
        for number in [100, 110, 130, 140] {
            sequence.note(number, Some(10));
        }
        assert_eq!(sequence.lost, 10);
        sequence.note(120, Some(10));
        sequence.note(150, Some(10));
        assert_eq!((sequence.lost, sequence.due), (0, Some(160)));
    }

    #[test]
    fn numbers_wrap_around_and_begin_anew_without_loss() {
        let mut sequence = Sequence::default();
        for number in [u32::MAX - 1, 3, 0, 5] {
            sequence.note(number, Some(5));
        }
        sequence.note(1 << 30, Some(5));
        assert_eq!(sequence.lost, 0);
    }

    #[test]
    fn an_exporter_that_always_says_nought_loses_nothing() {
        let mut numbers = Numbers::of_records();
        (0..100).for_each(|_| numbers.note(0, Some(7), Some(7)));
        assert_eq!(numbers.lost(), 0);
    }

    /// Datagrams of various sizes, every fifth with a record about the exporter; the twentieth is lost.
    fn numbers(mut numbers: Numbers, reading: Reading) -> u64 {
        let (mut datagrams, mut records, mut flows) = (1000_u32, 5000, 9000);
        for i in 0..50_u32 {
            let n = 3 + i * 7 % 11;
            let all = n + u32::from(i % 5 == 0);
            let number = match reading {
                Reading::Records => records,
                Reading::Datagrams => datagrams,
                Reading::RecordsAfter => records + all,
                Reading::Flows => flows,
                Reading::FlowsAfter => flows + n,
            };
            (datagrams, records, flows) = (datagrams + 1, records + all, flows + n);
            if i != 21 {
                numbers.note(number, Some(all), Some(n));
            }
        }
        numbers.lost()
    }

    #[test]
    fn whatever_an_exporter_counts_its_gap_is_found() {
        for reading in READINGS {
            // 3 + 21 * 7 % 11 = 7 records were in it; 8 are in one on average.
            let lost = if reading == Reading::Datagrams { 9 } else { 7 };
            assert_eq!(numbers(Numbers::of_records(), reading), lost, "{reading:?}");
            assert_eq!(numbers(Numbers::of_datagrams(), reading), lost, "{reading:?}");
        }
    }

    #[test]
    fn what_cannot_be_counted_is_not_called_lost() {
        let mut numbers = Numbers::of_records();
        numbers.note(10, None, None);
        numbers.note(40, Some(3), Some(3));
        numbers.note(43, Some(3), Some(3));
        assert_eq!(numbers.lost(), 0);
    }
}
