//! How long packages take, from what Buildroot records: `build/build-time.log`.

use std::collections::BTreeMap;
use std::path::Path;

use crate::FileError;
use crate::atomic::read_optional;
use crate::atomic::write_file;

/// Seconds of each step of each package.
pub type StepTimes = BTreeMap<String, BTreeMap<String, f64>>;

/// Reads the record of a workspace: lines `<seconds>:<start or end>:<step>:<package>`. Where a step was made more than
/// once, the last time counts.
pub fn read_step_times(workspace: &Path) -> StepTimes {
    // Without a record, nothing is known, and nothing fails.
    let text = read_optional(&workspace.join("build/build-time.log")).ok().flatten().unwrap_or_default();
    parse(&String::from_utf8_lossy(&text))
}

fn parse(text: &str) -> StepTimes {
    let mut started = BTreeMap::new();
    let mut times = StepTimes::new();
    for line in text.lines() {
        let mut fields = line.splitn(4, ':').map(str::trim);
        let (Some(time), Some(event), Some(step), Some(package)) =
            (fields.next().and_then(|t| t.parse::<f64>().ok()), fields.next(), fields.next(), fields.next())
        else {
            continue;
        };
        match event {
            "start" => drop(started.insert((package, step), time)),
            "end" => {
                if let Some(start) = started.remove(&(package, step)) {
                    let seconds = (time - start).max(0.0);
                    times.entry(package.to_owned()).or_default().insert(step.to_owned(), seconds);
                }
            }
            _ => {}
        }
    }
    times
}

/// Seconds that each package took at its last build, in any workspace.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct KnownTimes(BTreeMap<String, f64>);

/// The file of remembered times in the cache.
const FILE: &str = "build-times.json";

impl KnownTimes {
    pub(crate) fn read(cache: &Path) -> Self {
        let read = || serde_json::from_slice(&read_optional(&cache.join(FILE)).ok()??).ok();
        Self(read().unwrap_or_default())
    }

    /// Adds what a workspace has recorded.
    pub(crate) fn learn(&mut self, times: &StepTimes) {
        self.0.extend(times.iter().map(|(package, steps)| (package.clone(), steps.values().sum())));
    }

    pub(crate) fn write(&self, cache: &Path) -> Result<(), FileError> {
        write_file(&cache.join(FILE), serde_json::json!(self.0).to_string().as_bytes())
    }

    /// Estimates how many seconds some packages will take together: those never built count as the middle one of
    /// those that were. `None` when more than half of them were never built.
    pub(crate) fn estimate<'p>(&self, packages: impl Iterator<Item = &'p str>) -> Option<f64> {
        let times: Vec<Option<f64>> = packages.map(|name| self.0.get(name).copied()).collect();
        let mut known: Vec<f64> = times.iter().flatten().copied().collect();
        if known.is_empty() || known.len() * 2 < times.len() {
            return None;
        }
        known.sort_by(f64::total_cmp);
        let middle = known.get(known.len() / 2).copied().unwrap_or_default();
        Some(times.iter().map(|time| time.unwrap_or(middle)).sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "100.5:start:extract             : host-m4\n101.0:end  :extract             : host-m4\n\
                       101.0:start:build               : host-m4\n111.0:end  :build               : host-m4\n\
                       111.0:start:build               : gcc\nrubbish\n";

    #[test]
    fn times_are_those_of_finished_steps() {
        let times = parse(LOG);
        assert_eq!(times["host-m4"], BTreeMap::from([("extract".to_owned(), 0.5), ("build".to_owned(), 10.0)]));
        assert!(!times.contains_key("gcc"));
    }

    #[test]
    fn an_estimate_needs_half_of_the_packages() {
        let mut known = KnownTimes::default();
        known.learn(&parse(LOG));
        assert_eq!(known.estimate(["host-m4", "other"].into_iter()), Some(21.0));
        assert_eq!(known.estimate(["a", "host-m4", "b"].into_iter()), None);
    }
}
