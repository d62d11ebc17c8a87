/// How alike two names must be to be worth a question, from 0 to 1.
const ALIKE: f64 = 0.8;

/// Prefixes that many symbols share, the longest first: they say nothing about who was meant.
const PREFIXES: [&str; 4] = ["BR2_PACKAGE_", "BR2_TARGET_", "BR2_", "CONFIG_"];

/// Returns the name that is most like another one, if any is much like it.
pub fn similar<'n>(name: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let prefix = PREFIXES.into_iter().find(|prefix| name.starts_with(prefix)).unwrap_or_default();
    let rest = name.strip_prefix(prefix).unwrap_or(name);
    let alike = |other: &'n str| {
        let other_rest = other.strip_prefix(prefix)?;
        // Comparing takes time, and names of very different length are not alike.
        (rest.len().abs_diff(other_rest.len()) <= 4)
            .then(|| (strsim::normalized_damerau_levenshtein(rest, other_rest), other))
    };
    let best = known.into_iter().filter_map(alike).max_by(|a, b| a.0.total_cmp(&b.0))?;
    (best.0 >= ALIKE).then_some(best.1)
}

#[cfg(test)]
mod tests {
    use super::similar;

    #[test]
    fn a_slip_is_recognised_and_another_name_is_not() {
        let known = ["BR2_PACKAGE_DOCKER_ENGINE", "BR2_PACKAGE_TIO", "BR2_PACKAGE_KODI"];
        assert_eq!(similar("BR2_PACKAGE_DOCKR_ENGINE", known), Some("BR2_PACKAGE_DOCKER_ENGINE"));
        assert_eq!(similar("BR2_PACKAGE_ATINOUT", known), None);
        assert_eq!(similar("BR2_PACKAGE_DOCKR", known), None);
    }
}
