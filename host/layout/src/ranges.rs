use std::collections::BTreeMap;
use std::ops::Range;

/// A set of bytes, as ranges that neither overlap nor touch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ranges {
    /// Start → end (the first byte behind).
    runs: BTreeMap<u64, u64>,
}

impl Ranges {
    /// Adds a range; what is there already counts once.
    pub fn add(&mut self, range: Range<u64>) {
        if range.is_empty() {
            return;
        }
        let Range { mut start, mut end } = range;
        if let Some((&before, &until)) = self.runs.range(..=start).next_back()
            && until >= start
        {
            start = before;
            end = end.max(until);
        }
        while let Some((&next, &until)) = self.runs.range(start..=end).next() {
            end = end.max(until);
            self.runs.remove(&next);
        }
        self.runs.insert(start, end);
    }

    /// Adds all of another set, each moved by `by` bytes.
    pub fn add_moved(&mut self, other: &Self, by: u64) {
        for run in other.iter() {
            self.add(run.start.saturating_add(by)..run.end.saturating_add(by));
        }
    }

    /// The ranges in rising order.
    pub fn iter(&self) -> impl Iterator<Item = Range<u64>> + '_ {
        self.runs.iter().map(|(&start, &end)| start..end)
    }

    /// How many bytes it holds.
    pub fn total(&self) -> u64 {
        self.iter().map(|run| run.end - run.start).sum()
    }

    /// Whether it holds all bytes of a range.
    pub fn contains(&self, range: &Range<u64>) -> bool {
        range.is_empty() || self.runs.range(..=range.start).next_back().is_some_and(|(_, &end)| end >= range.end)
    }

    /// The parts of a range that it holds.
    pub fn within(&self, range: Range<u64>) -> Self {
        let mut found = Self::default();
        let first = self.runs.range(..=range.start).next_back().map_or(range.start, |(&start, _)| start);
        for (&start, &end) in self.runs.range(first..range.end.max(first)) {
            found.add(start.max(range.start)..end.min(range.end));
        }
        found
    }

    /// The parts of a range that it lacks.
    pub fn gaps(&self, range: Range<u64>) -> Self {
        let mut found = Self::default();
        let mut at = range.start;
        for run in self.within(range.clone()).iter() {
            found.add(at..run.start);
            at = run.end;
        }
        found.add(at..range.end);
        found
    }

    /// The same with every range grown to multiples of `grain`, none beyond `limit`.
    pub fn rounded(&self, grain: u64, limit: u64) -> Self {
        let mut found = Self::default();
        for run in self.iter() {
            let end = run.end.checked_next_multiple_of(grain).unwrap_or(limit).min(limit);
            found.add(run.start - run.start % grain..end);
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(runs: &[(u64, u64)]) -> Ranges {
        let mut ranges = Ranges::default();
        for (start, end) in runs {
            ranges.add(*start..*end);
        }
        ranges
    }

    proptest! {
        #[test]
        fn it_is_a_set_of_bytes(runs in prop::collection::vec((0u64..64, 0u64..64), 0..12), within in (0u64..64, 0u64..64)) {
            let ranges = of(&runs);
            let has = |byte: u64| runs.iter().any(|(start, end)| (*start..*end).contains(&byte));
            let listed: Vec<u64> = ranges.iter().flatten().collect();
            prop_assert_eq!(&listed, &(0..64).filter(|byte| has(*byte)).collect::<Vec<_>>());
            prop_assert_eq!(ranges.total(), listed.len() as u64);
            let window = within.0..within.1.max(within.0);
            let inside: Vec<u64> = window.clone().filter(|byte| has(*byte)).collect();
            let outside: Vec<u64> = window.clone().filter(|byte| !has(*byte)).collect();
            prop_assert_eq!(ranges.contains(&window), outside.is_empty());
            prop_assert_eq!(ranges.within(window.clone()).iter().flatten().collect::<Vec<_>>(), inside);
            prop_assert_eq!(ranges.gaps(window).iter().flatten().collect::<Vec<_>>(), outside);
        }
    }

    #[test]
    fn runs_that_touch_are_one_and_rounding_stays_inside() {
        assert_eq!(of(&[(0, 2), (2, 4), (8, 9)]).iter().collect::<Vec<_>>(), [0..4, 8..9]);
        assert_eq!(of(&[(5, 6), (17, 18)]).rounded(8, 20).iter().collect::<Vec<_>>(), [0..8, 16..20]);
    }
}
