//! Sharing room among partitions that may give way.

/// What one of those wants who share: sizes in grains.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Want {
    /// Less will not do.
    pub(crate) least: u64,
    /// More is of no use; none takes whatever there is.
    pub(crate) most: Option<u64>,
    /// Its share of what there is beyond the least sizes.
    pub(crate) weight: u32,
}

/// Shares `room` grains. Where all that have a greatest size can have it, they do, and the others share what is left;
/// otherwise everybody has its least size and a share of the rest by weight, none more than it has use for.
/// None if the least sizes are too much.
pub(crate) fn share(room: u64, wants: &[Want]) -> Option<Vec<u64>> {
    fn sum(mut sizes: impl Iterator<Item = u64>) -> Option<u64> {
        sizes.try_fold(0, u64::checked_add)
    }
    let least = sum(wants.iter().map(|want| want.least))?;
    if least > room {
        return None;
    }
    let full = sum(wants.iter().map(|want| want.most.unwrap_or(want.least)));
    let start = |want: &Want| match full {
        Some(full) if full <= room => want.most.unwrap_or(want.least),
        _ => want.least,
    };
    let mut sizes: Vec<u64> = wants.iter().map(start).collect();
    let mut left = room - sum(sizes.iter().copied())?;
    // Who reaches its greatest size frees the rest of its share for the others: at most one round for each.
    for _ in 0..=wants.len() {
        let hungry: Vec<usize> = wants
            .iter()
            .zip(&sizes)
            .enumerate()
            .filter(|(_, (want, size))| want.most.is_none_or(|most| **size < most))
            .map(|(index, _)| index)
            .collect();
        let weights: u64 =
            hungry.iter().filter_map(|index| wants.get(*index)).map(|want| u64::from(want.weight.max(1))).sum();
        if left == 0 || weights == 0 {
            break;
        }
        let pot = left;
        for index in hungry {
            let (Some(want), Some(size)) = (wants.get(index), sizes.get_mut(index)) else { continue };
            let part = u128::from(pot) * u128::from(want.weight.max(1)) / u128::from(weights);
            let part = u64::try_from(part).unwrap_or(u64::MAX).max(1).min(left);
            let part = want.most.map_or(part, |most| part.min(most.saturating_sub(*size)));
            *size += part;
            left -= part;
        }
    }
    Some(sizes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn want(least: u64, most: impl Into<Option<u64>>, weight: u32) -> Want {
        Want { least, most: most.into(), weight }
    }

    #[test]
    fn all_have_their_size_where_there_is_room_and_the_last_has_the_rest() {
        let wants = [want(256, 7628, 8), want(64, 1908, 2), want(64, None, 6)];
        assert_eq!(share(30_000, &wants).unwrap(), [7628, 1908, 20_464]);
        assert_eq!(share(7628 + 1908 + 64, &wants).unwrap(), [7628, 1908, 64]);
        assert_eq!(share(384, &wants).unwrap(), [256, 64, 64]);
        assert_eq!(share(383, &wants), None);
    }

    #[test]
    fn shares_are_by_weight_where_there_is_not() {
        assert_eq!(
            share(384 + 1600, &[want(256, 7628, 8), want(64, 1908, 2), want(64, None, 6)]).unwrap(),
            [1056, 264, 664]
        );
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_nobody_has_less_than_the_least(
            room in 0u64..1_000_000,
            wants in prop::collection::vec((0u64..1000, prop::option::of(0u64..100_000), 0u32..20), 1..8),
        ) {
            let wants: Vec<Want> = wants
                .into_iter()
                .map(|(least, most, weight)| want(least, most.map(|most| most.max(least)), weight))
                .collect();
            if let Some(sizes) = share(room, &wants) {
                prop_assert!(sizes.iter().sum::<u64>() <= room);
                for (size, want) in sizes.iter().zip(&wants) {
                    prop_assert!(*size >= want.least && want.most.is_none_or(|most| *size <= most));
                }
                if wants.iter().any(|want| want.most.is_none()) {
                    prop_assert_eq!(sizes.iter().sum::<u64>(), room);
                }
            } else {
                prop_assert!(wants.iter().map(|want| want.least).sum::<u64>() > room);
            }
        }
    }
}
