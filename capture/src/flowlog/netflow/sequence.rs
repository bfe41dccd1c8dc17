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

/// The numbers of a NetFlow v9 exporter. RFC 3954 counts datagrams; some exporters count records all
/// the same. Whichever reading fits more often is the right one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Numbers {
    by_datagram: Sequence,
    by_record: Sequence,
    datagrams: u64,
    records: u64,
}

impl Numbers {
    /// A datagram whose number counts records.
    pub fn of_records(&mut self, number: u32, records: Option<u32>) {
        self.by_record.note(number, records);
    }

    /// A datagram whose number counts datagrams.
    pub fn of_datagrams(&mut self, number: u32, records: u32) {
        self.by_datagram.note(number, Some(1));
        self.datagrams += 1;
        self.records += u64::from(records);
    }

    /// A datagram whose number may count either.
    pub fn of_either(&mut self, number: u32, records: Option<u32>) {
        self.of_datagrams(number, records.unwrap_or(0));
        self.of_records(number, records);
    }

    /// Records that never came, an estimate where only datagrams are counted.
    pub fn lost(&self) -> u64 {
        if self.datagrams == 0 || self.by_record.hits > self.by_datagram.hits {
            return self.by_record.lost;
        }
        let each = self.records.div_ceil(self.datagrams).max(1);
        self.by_datagram.lost.saturating_mul(each)
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
        let mut numbers = Numbers::default();
        (0..100).for_each(|_| numbers.of_records(0, Some(7)));
        assert_eq!(numbers.lost(), 0);
    }

    #[test]
    fn version_9_may_count_datagrams_or_records() {
        let (mut datagrams, mut records) = (Numbers::default(), Numbers::default());
        for i in (0..50).filter(|i| *i != 20) {
            datagrams.of_either(1000 + i, Some(8));
            records.of_either(1000 + i * 8, Some(8));
        }
        assert_eq!((datagrams.lost(), records.lost()), (8, 8));
    }

    #[test]
    fn what_cannot_be_counted_is_not_called_lost() {
        let mut numbers = Numbers::default();
        numbers.of_records(10, None);
        numbers.of_records(40, Some(3));
        numbers.of_records(43, Some(3));
        assert_eq!(numbers.lost(), 0);
    }
}
