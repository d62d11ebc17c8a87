use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::HashMap;
use std::collections::HashSet;

/// The lines of `/etc/passwd`, `/etc/group` or `/etc/shadow`: fields separated by colons, the first a unique name, the third
/// an id where there are ids, the fourth of a group its members.
#[derive(Default)]
pub(crate) struct Table {
    lines: Vec<Vec<String>>,
    /// The first line of each name.
    names: HashMap<String, usize>,
    /// The lines of each id.
    ids: BTreeMap<String, BTreeSet<usize>>,
    /// The members of groups that have got some.
    members: HashMap<usize, HashSet<String>>,
}

impl Table {
    pub(crate) fn parse(text: &str) -> Self {
        let mut table = Self::default();
        text.lines().filter(|line| !line.trim().is_empty()).for_each(|line| table.push(line));
        table
    }

    pub(crate) fn text(&self) -> String {
        self.lines.iter().map(|line| format!("{}\n", line.join(":"))).collect()
    }

    fn push(&mut self, line: &str) {
        let (at, fields): (usize, Vec<String>) = (self.lines.len(), line.split(':').map(str::to_owned).collect());
        self.names.entry(fields.first().cloned().unwrap_or_default()).or_insert(at);
        self.lines.push(fields);
        self.index(at);
    }

    /// Enters a line under its id.
    fn index(&mut self, at: usize) {
        if let Some(id) = self.lines.get(at).and_then(|fields| fields.get(2)) {
            self.ids.entry(id.clone()).or_default().insert(at);
        }
    }

    pub(crate) fn field(&self, name: &str, number: usize) -> Option<&str> {
        self.lines.get(*self.names.get(name)?)?.get(number).map(String::as_str)
    }

    /// Returns the names, in the order of the lines.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().filter_map(|line| line.first()).map(String::as_str)
    }

    pub(crate) fn id(&self, name: &str) -> Option<u32> {
        self.field(name, 2)?.parse().ok()
    }

    /// Returns who has an id, in the order of the lines.
    pub(crate) fn with_id(&self, id: u32) -> impl Iterator<Item = &str> {
        let lines = self.ids.get(&id.to_string()).into_iter().flatten();
        lines.filter_map(|at| self.lines.get(*at)?.first()).map(String::as_str)
    }

    /// Puts a line in the place of that of the same name, or at the end.
    pub(crate) fn replace(&mut self, name: &str, line: &str) {
        let Some(at) = self.names.get(name).copied() else { return self.push(line) };
        if let Some(present) = self.lines.get_mut(at) {
            let fields: Vec<String> = line.split(':').map(str::to_owned).collect();
            let before = std::mem::replace(present, fields);
            if let Some(lines) = before.get(2).and_then(|id| self.ids.get_mut(id)) {
                lines.remove(&at);
            }
        }
        self.members.remove(&at);
        self.index(at);
    }

    /// Sets a field other than the name and the id.
    pub(crate) fn set(&mut self, name: &str, number: usize, value: &str) {
        let line = self.names.get(name).and_then(|at| self.lines.get_mut(*at));
        if let Some(field) = line.and_then(|line| line.get_mut(number)) {
            value.clone_into(field);
        }
    }

    /// Adds a user to a group.
    pub(crate) fn add_member(&mut self, group: &str, user: &str) {
        let Some(at) = self.names.get(group).copied() else { return };
        let Some(field) = self.lines.get_mut(at).and_then(|line| line.get_mut(3)) else { return };
        let known = || field.split(',').filter(|member| !member.is_empty()).map(str::to_owned).collect();
        if self.members.entry(at).or_insert_with(known).insert(user.to_owned()) {
            if !field.is_empty() {
                field.push(',');
            }
            field.push_str(user);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_found_by_name_and_id_also_after_changes() {
        let text = "root:x:0:\nadm:x:4:a,b\ntwin:x:4:\nodd\nadm:x:9:\n";
        let mut table = Table::parse(text);
        assert_eq!(table.text(), text);
        assert_eq!(table.with_id(4).collect::<Vec<_>>(), ["adm", "twin"]);
        assert_eq!((table.id("adm"), table.id("odd"), table.id("nobody")), (Some(4), None, None));
        table.add_member("adm", "a");
        table.add_member("adm", "c");
        table.add_member("root", "c");
        table.replace("adm", &format!("adm:x:7:{}", table.field("adm", 3).unwrap()));
        table.add_member("adm", "d");
        table.replace("new", "new:x:4:");
        table.set("twin", 1, "y");
        assert_eq!(table.with_id(4).collect::<Vec<_>>(), ["twin", "new"]);
        assert_eq!(table.text(), "root:x:0:c\nadm:x:7:a,b,c,d\ntwin:y:4:\nodd\nadm:x:9:\nnew:x:4:\n");
    }
}
