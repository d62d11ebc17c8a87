use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::Error;

/// The ids that Debian gives to system users and groups of packages (`FIRST_SYSTEM_UID`, `LAST_SYSTEM_UID`).
pub(super) const FIRST: u32 = 100;
pub(super) const LAST: u32 = 999;

/// Numbers that were chosen for names, to be recorded: files on media that outlive the system belong to numbers.
///
/// A name has one number, for the user and for the group of that name. Numbers that packages fix are not chosen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ids(BTreeMap<String, u32>);

impl Ids {
    /// Takes numbers that were recorded.
    ///
    /// # Errors
    /// A number is not one of a system user, or two names have it.
    pub fn recorded(ids: BTreeMap<String, u32>) -> Result<Self, Error> {
        let mut names: BTreeMap<u32, &String> = BTreeMap::new();
        for (name, id) in &ids {
            if !(FIRST..=LAST).contains(id) {
                return Err(Error::RecordedId { name: name.clone(), id: *id });
            }
            if let Some(first) = names.insert(*id, name) {
                return Err(Error::SharedId { id: *id, first: first.clone(), second: name.clone() });
            }
        }
        Ok(Self(ids))
    }

    /// Returns the numbers by name: those that were recorded, and those that were chosen since.
    pub fn by_name(&self) -> &BTreeMap<String, u32> {
        &self.0
    }
}

/// Chooses numbers: the recorded one, the one of skiff's table, or the highest free one.
pub(super) struct Chooser<'t> {
    ids: Ids,
    table: &'t BTreeMap<String, u32>,
    /// Numbers that packages fix.
    fixed: BTreeMap<u32, String>,
    reserved: BTreeSet<u32>,
}

impl<'t> Chooser<'t> {
    /// Begins with recorded numbers, and with those that packages fix.
    pub(super) fn new(
        ids: &Ids,
        table: &'t BTreeMap<String, u32>,
        fixed: BTreeMap<u32, String>,
    ) -> Result<Self, Error> {
        for (name, id) in &ids.0 {
            if let Some(other) = fixed.get(id).filter(|other| *other != name) {
                return Err(Error::SharedId { id: *id, first: other.clone(), second: name.clone() });
            }
        }
        let reserved = table.values().chain(ids.0.values()).chain(fixed.keys()).copied().collect();
        Ok(Self { ids: ids.clone(), table, fixed, reserved })
    }

    pub(super) fn choose(&mut self, name: &str) -> Result<u32, Error> {
        if let Some(id) = self.ids.0.get(name) {
            return Ok(*id);
        }
        let is_free = |id: &u32| !self.fixed.contains_key(id) && !self.ids.0.values().any(|other| other == id);
        let own = self.table.get(name).copied().filter(is_free);
        let id = own.or_else(|| (FIRST..=LAST).rev().find(|id| !self.reserved.contains(id)));
        let id = id.ok_or_else(|| Error::NoId { name: name.to_owned() })?;
        self.reserved.insert(id);
        self.ids.0.insert(name.to_owned(), id);
        Ok(id)
    }

    pub(super) fn finish(self) -> Ids {
        self.ids
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(ids: &[(&str, u32)]) -> BTreeMap<String, u32> {
        ids.iter().map(|(name, id)| ((*name).to_owned(), *id)).collect()
    }

    #[test]
    fn a_recorded_number_wins_and_no_number_is_given_twice() {
        let ids = Ids::recorded(map(&[("docker", 998), ("gone", 900)])).unwrap();
        let table = map(&[("docker", 901), ("kvm", 900), ("i2c", 902)]);
        let mut chooser = Chooser::new(&ids, &table, BTreeMap::from([(999, "fixed".into())])).unwrap();
        assert_eq!(chooser.choose("docker").unwrap(), 998);
        assert_eq!(chooser.choose("i2c").unwrap(), 902);
        assert_eq!(chooser.choose("kvm").unwrap(), 997, "the table's number is recorded for another name");
        assert_eq!(chooser.choose("new").unwrap(), 996);
        assert_eq!(chooser.choose("new").unwrap(), 996);
        assert_eq!(chooser.finish().by_name().get("gone"), Some(&900));
    }

    #[test]
    fn recorded_numbers_are_checked() {
        assert!(matches!(Ids::recorded(map(&[("a", 1000)])), Err(Error::RecordedId { .. })));
        assert!(matches!(Ids::recorded(map(&[("a", 500), ("b", 500)])), Err(Error::SharedId { .. })));
        let ids = Ids::recorded(map(&[("a", 500)])).unwrap();
        assert!(Chooser::new(&ids, &BTreeMap::new(), BTreeMap::from([(500, "b".into())])).is_err());
    }
}
