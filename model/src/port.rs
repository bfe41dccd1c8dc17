//! Ports as disjoint intervals.

use std::fmt;

/// An inclusive range of port numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortRange {
    /// Lowest port.
    pub first: u16,
    /// Highest port, not below `first`.
    pub last: u16,
}

impl PortRange {
    /// Every port number.
    pub const ALL: PortRange = PortRange { first: 0, last: u16::MAX };

    /// One port.
    pub const fn single(port: u16) -> Self {
        PortRange { first: port, last: port }
    }

    /// Whether `port` lies in the range.
    pub const fn contains(self, port: u16) -> bool {
        self.first <= port && port <= self.last
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last {
            write!(f, "{}", self.first)
        } else {
            write!(f, "{}-{}", self.first, self.last)
        }
    }
}

/// A set of ports: sorted ranges that neither overlap nor touch.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortSet(Vec<PortRange>);

impl PortSet {
    /// No port.
    pub const fn empty() -> Self {
        PortSet(Vec::new())
    }

    /// Every port.
    pub fn all() -> Self {
        PortSet(vec![PortRange::ALL])
    }

    /// Whether no port is in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The ranges, ascending.
    pub fn ranges(&self) -> &[PortRange] {
        &self.0
    }

    /// Whether `port` is in it.
    pub fn contains(&self, port: u16) -> bool {
        let after = self.0.partition_point(|r| r.first <= port);
        after.checked_sub(1).and_then(|i| self.0.get(i)).is_some_and(|r| r.contains(port))
    }

    /// How many ports are in it.
    pub fn len(&self) -> u32 {
        self.0.iter().map(|r| u32::from(r.last) - u32::from(r.first) + 1).sum()
    }

    /// The ports of either.
    #[must_use]
    pub fn union(&self, other: &PortSet) -> PortSet {
        self.0.iter().chain(&other.0).copied().collect()
    }

    /// The ports of both.
    #[must_use]
    pub fn intersection(&self, other: &PortSet) -> PortSet {
        let (mut mine, mut theirs) = (self.0.as_slice(), other.0.as_slice());
        let mut both = Vec::new();
        while let ([a, more_of_mine @ ..], [b, more_of_theirs @ ..]) = (mine, theirs) {
            let (first, last) = (a.first.max(b.first), a.last.min(b.last));
            if first <= last {
                both.push(PortRange { first, last });
            }
            if a.last <= b.last {
                mine = more_of_mine;
            } else {
                theirs = more_of_theirs;
            }
        }
        PortSet(both)
    }

    /// The ports of this set that the other lacks.
    #[must_use]
    pub fn difference(&self, other: &PortSet) -> PortSet {
        let mut gaps = Vec::with_capacity(other.0.len() + 1);
        let mut next = Some(0);
        for range in &other.0 {
            if let Some(first) = next.filter(|first| *first < range.first) {
                gaps.push(PortRange { first, last: range.first - 1 });
            }
            next = range.last.checked_add(1);
        }
        gaps.extend(next.map(|first| PortRange { first, last: u16::MAX }));
        self.intersection(&PortSet(gaps))
    }
}

impl FromIterator<PortRange> for PortSet {
    fn from_iter<I: IntoIterator<Item = PortRange>>(ranges: I) -> Self {
        let mut sorted: Vec<PortRange> = ranges.into_iter().collect();
        sorted.sort_unstable();
        let mut merged: Vec<PortRange> = Vec::with_capacity(sorted.len());
        for range in sorted {
            match merged.last_mut() {
                Some(top) if u32::from(range.first) <= u32::from(top.last) + 1 => {
                    top.last = top.last.max(range.last);
                }
                _ => merged.push(range),
            }
        }
        PortSet(merged)
    }
}

impl FromIterator<u16> for PortSet {
    fn from_iter<I: IntoIterator<Item = u16>>(ports: I) -> Self {
        ports.into_iter().map(PortRange::single).collect()
    }
}

impl fmt::Display for PortSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, range) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str(",")?;
            }
            range.fmt(f)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn touching_ranges_become_one() {
        let set: PortSet = [80u16, 81, 443, 82].into_iter().collect();
        assert_eq!(set.to_string(), "80-82,443");
        assert_eq!(set.len(), 4);
        assert!(set.contains(81) && !set.contains(83));
    }

    #[test]
    fn intersection_holds_the_ports_of_both() {
        let range = |first, last| PortRange { first, last };
        let a: PortSet = [range(1, 10), range(20, 30), range(40, u16::MAX)].into_iter().collect();
        let b: PortSet = [range(5, 25), range(30, 41), range(65_000, u16::MAX)].into_iter().collect();
        assert_eq!(a.intersection(&b).to_string(), "5-10,20-25,30,40-41,65000-65535");
        assert_eq!(a.intersection(&PortSet::all()), a);
        assert!(a.intersection(&PortSet::empty()).is_empty());
    }

    #[test]
    fn difference_holds_the_ports_that_the_other_lacks() {
        let range = |first, last| PortRange { first, last };
        let a: PortSet = [range(1, 10), range(20, 30), range(65_000, u16::MAX)].into_iter().collect();
        let b: PortSet = [range(0, 1), range(5, 22), range(30, 65_534)].into_iter().collect();
        assert_eq!(a.difference(&b).to_string(), "2-4,23-29,65535");
        assert_eq!(a.difference(&PortSet::empty()), a);
        assert!(a.difference(&PortSet::all()).is_empty());
        assert_eq!(PortSet::all().difference(&a).union(&a), PortSet::all());
    }

    #[test]
    fn the_highest_port_does_not_overflow() {
        let set = PortSet::all().union(&[u16::MAX].into_iter().collect());
        assert_eq!(set, PortSet::all());
        assert_eq!(set.len(), 65_536);
    }
}
