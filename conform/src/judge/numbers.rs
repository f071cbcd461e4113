//! A set of numbers that costs no memory where it has no gaps.

use std::collections::BTreeMap;

/// Numbers that have been used, as ranges: first to last.
#[derive(Debug, Clone, Default)]
pub(super) struct Numbers {
    ranges: BTreeMap<u64, u64>,
}

impl Numbers {
    #[cfg(test)]
    pub(super) fn ranges(&self) -> usize {
        self.ranges.len()
    }

    pub(super) fn contains(&self, number: u64) -> bool {
        let before = self.ranges.range(..=number).next_back();
        before.is_some_and(|(_, &last)| number <= last)
    }

    /// Adds a number, and says whether it is new.
    pub(super) fn insert(&mut self, number: u64) -> bool {
        let before = self.ranges.range(..=number).next_back();
        let before = before.map(|(&first, &last)| (first, last));
        if before.is_some_and(|(_, last)| number <= last) {
            return false;
        }
        let first = match before {
            Some((first, last)) if last + 1 == number => first,
            _ => number,
        };
        let last = number
            .checked_add(1)
            .and_then(|next| self.ranges.remove(&next))
            .unwrap_or(number);
        self.ranges.insert(first, last);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_without_gaps_are_one_range() {
        let mut numbers = Numbers::default();
        for number in [2, 1, 4, 3, u64::MAX, 0] {
            assert!(!numbers.contains(number));
            assert!(numbers.insert(number));
            assert!(!numbers.insert(number));
            assert!(numbers.contains(number));
        }
        assert_eq!(
            numbers.ranges,
            BTreeMap::from([(0, 4), (u64::MAX, u64::MAX)])
        );
        assert!(!numbers.contains(5));
    }
}
