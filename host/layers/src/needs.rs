use std::collections::BTreeMap;
use std::collections::VecDeque;

use crate::Chain;
use crate::LayerName;
use crate::Location;
use crate::ReadError;

/// Which packages of a chain need which, and where they say so.
#[derive(Debug)]
pub struct Needs {
    /// For each package, those that need it.
    needed_by: BTreeMap<LayerName, Vec<(LayerName, Location)>>,
}

impl Needs {
    /// Reads the dependencies of a chain.
    ///
    /// # Errors
    /// If a package cannot be read.
    pub fn of(chain: &Chain) -> Result<Self, ReadError> {
        let mut needed_by: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for package in chain.packages() {
            for (dependency, at) in package.dependencies()? {
                needed_by.entry(dependency).or_default().push((package.name.clone(), at));
            }
        }
        Ok(Self { needed_by })
    }

    /// Returns the packages that need one, each with the line that says so.
    pub fn by(&self, wanted: &LayerName) -> &[(LayerName, Location)] {
        self.needed_by.get(wanted).map(Vec::as_slice).unwrap_or_default()
    }

    /// Finds the shortest way from one of the roots to a package: the root first. A way that is the package alone means that no
    /// root leads to it.
    pub fn way(&self, wanted: &LayerName, roots: &[&LayerName]) -> Vec<LayerName> {
        let mut ways = VecDeque::from([vec![wanted.clone()]]);
        let mut seen = vec![wanted.clone()];
        while let Some(way) = ways.pop_front() {
            let Some(last) = way.last() else { continue };
            if roots.contains(&last) && way.len() > 1 {
                return way.into_iter().rev().collect();
            }
            for (by, _) in self.by(last) {
                if !seen.contains(by) {
                    seen.push(by.clone());
                    ways.push_back(way.iter().cloned().chain([by.clone()]).collect());
                }
            }
        }
        vec![wanted.clone()]
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn the_shortest_way_begins_at_a_root() {
        let name = |text: &str| text.parse::<LayerName>().unwrap();
        let at = || Location { file: PathBuf::from("dependencies"), line: Some(1) };
        let needed_by = [("x/c", vec!["x/b", "x/d"]), ("x/d", vec!["x/b"]), ("x/b", vec!["x/a"])];
        let needed_by = needed_by.map(|(of, by)| (name(of), by.into_iter().map(|by| (name(by), at())).collect()));
        let needs = Needs { needed_by: needed_by.into() };
        assert_eq!(needs.way(&name("x/c"), &[&name("x/a")]), ["x/a", "x/b", "x/c"].map(name));
        assert_eq!(needs.way(&name("x/c"), &[&name("x/e")]), [name("x/c")]);
    }
}
