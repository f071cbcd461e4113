//! A set of moments, each between two lines.

use std::collections::VecDeque;

/// Moments, as ranges with gaps between them. Moment `n` is just before line `n`.
///
/// New moments are added at the end, and old ones are dropped from the beginning. So the cost grows with
/// what changes, not with the size of the set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Moments {
    ranges: VecDeque<(u64, u64)>,
}

impl Moments {
    pub(super) fn only(moment: u64) -> Self {
        Moments {
            ranges: VecDeque::from([(moment, moment)]),
        }
    }

    pub(super) fn first(&self) -> Option<u64> {
        self.ranges.front().map(|&(first, _)| first)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    #[cfg(test)]
    pub(super) fn ranges(&self) -> usize {
        self.ranges.len()
    }

    /// Adds the present moment. No moment of the set is later.
    pub(super) fn add(&mut self, now: u64) {
        match self.ranges.back_mut() {
            Some((_, last)) if *last + 1 >= now => *last = now.max(*last),
            _ => self.ranges.push_back((now, now)),
        }
    }

    /// Keeps those after a line.
    pub(super) fn keep_after(&mut self, line: u64) {
        while let Some((first, last)) = self.ranges.front_mut() {
            if *last <= line {
                self.ranges.pop_front();
            } else {
                *first = (*first).max(line + 1);
                return;
            }
        }
    }

    /// Keeps those before a line.
    pub(super) fn keep_before(&mut self, line: u64) {
        while let Some((first, last)) = self.ranges.back_mut() {
            if *first > line {
                self.ranges.pop_back();
            } else {
                *last = (*last).min(line);
                return;
            }
        }
    }

    pub(super) fn union(&mut self, other: Moments) {
        if self.ranges.is_empty() {
            *self = other;
            return;
        }
        if self == &other || other.is_empty() {
            return;
        }
        let mut all: Vec<(u64, u64)> = self.ranges.drain(..).chain(other.ranges).collect();
        all.sort_unstable();
        for (first, last) in all {
            match self.ranges.back_mut() {
                Some((_, end)) if *end + 1 >= first => *end = last.max(*end),
                _ => self.ranges.push_back((first, last)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_of_moments_grow_at_the_end_and_shrink_at_both() {
        let mut moments = Moments::only(3);
        moments.add(4);
        moments.add(7);
        moments.add(8);
        assert_eq!(moments.ranges, [(3, 4), (7, 8)]);
        moments.keep_after(3);
        moments.keep_before(7);
        assert_eq!(moments.ranges, [(4, 4), (7, 7)]);
        moments.union(Moments::only(5));
        assert_eq!(moments.ranges, [(4, 5), (7, 7)]);
        moments.keep_after(5);
        assert_eq!(moments.first(), Some(7));
        moments.keep_after(7);
        assert!(moments.is_empty());
    }
}
