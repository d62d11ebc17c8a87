//! What is in a file system.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::Ext4Error;
use super::tools::Place;
use super::tools::Tools;
use super::tools::quoted;

/// Directories in directories that are gone into.
const MAX_DEPTH: usize = 64;

/// Names that are looked at: as many as on FAT.
const MAX_ENTRIES: usize = 1_000_000;

/// A name in a directory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
    /// Its path from the root, without `/` at the start.
    pub(crate) path: String,
    pub(crate) inode: u64,
    pub(crate) is_folder: bool,
    /// As in `stat`.
    pub(crate) mode: u32,
    /// The numbers of user and group.
    pub(crate) owner: (u32, u32),
}

/// The entries of a directory, `.` and `..` left out. The root is the empty path.
pub(crate) fn list(tools: &Tools, place: &Place, folder: &str) -> Result<Vec<Entry>, Ext4Error> {
    list_all(tools, place, &[folder.to_owned()])
}

/// Everything below a directory, each directory before what is in it.
pub(crate) fn walk(tools: &Tools, place: &Place, folder: &str) -> Result<Vec<Entry>, Ext4Error> {
    let damaged = |said: &str| Ext4Error::Damaged { said: said.into() };
    let mut found: Vec<Entry> = Vec::new();
    let mut level = vec![folder.to_owned()];
    let mut seen = BTreeSet::new();
    for _ in 0..MAX_DEPTH {
        let entries = list_all(tools, place, &level)?;
        // Only where something is wrong has a directory two names, and then it may hold itself.
        let mut folders = entries.iter().filter(|entry| entry.is_folder);
        if !folders.all(|folder| seen.insert(folder.inode)) {
            return Err(damaged("a directory has several names"));
        }
        level = entries.iter().filter(|entry| entry.is_folder).map(|entry| entry.path.clone()).collect();
        found.extend(entries);
        if found.len() > MAX_ENTRIES {
            return Err(damaged("it has too many files"));
        }
        if level.is_empty() {
            found.sort_by(|one, other| one.path.cmp(&other.path));
            return Ok(found);
        }
    }
    Err(damaged("its directories are too deep"))
}

/// The entries of directories; asked at once, since each start of the program reads the file system anew.
fn list_all(tools: &Tools, place: &Place, folders: &[String]) -> Result<Vec<Entry>, Ext4Error> {
    let mut script = String::new();
    for folder in folders {
        script += &format!("ls -p {}\n", quoted(&format!("/{folder}"))?);
    }
    let said = tools.ask_all(place, &script)?;
    // A name that is no text, or ends its line, is not what it looks like here: better nothing than something else.
    let strange = |line: &str| Ext4Error::Name(line.chars().take(100).collect());
    let mut questions = script.lines().zip(folders);
    let mut folder = "";
    let mut found = Vec::new();
    for line in said.lines() {
        // Before its answer, the program repeats each question.
        if let Some(question) = line.strip_prefix("debugfs: ") {
            let (asked, of) = questions.next().ok_or_else(|| strange(line))?;
            if question.trim_end() != asked.trim_end() {
                return Err(strange(line));
            }
            folder = of;
            continue;
        }
        if line.trim().is_empty() {
            continue;
        }
        if line.contains('\u{fffd}') || line.chars().any(char::is_control) || line.split('/').count() != 8 {
            return Err(strange(line));
        }
        // /inode/mode/uid/gid/name/size/ – a name holds no `/`.
        let mut fields = line.split('/');
        let (Some(""), Some(inode), Some(mode)) = (fields.next(), fields.next(), fields.next()) else { continue };
        let (Some(user), Some(group), Some(name)) = (fields.next(), fields.next(), fields.next()) else { continue };
        let (Ok(inode), Ok(mode)) = (inode.trim().parse(), u32::from_str_radix(mode, 8)) else { continue };
        let (Ok(user), Ok(group)) = (user.trim().parse(), group.trim().parse()) else { return Err(strange(line)) };
        if inode == 0 || matches!(name, "." | "..") {
            continue;
        }
        let path = if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
        found.push(Entry { path, inode, is_folder: mode & 0o170_000 == 0o040_000, mode, owner: (user, group) });
    }
    Ok(found)
}

/// The commands that remove entries, given with each directory before what is in it. Of what is spared they take the name only.
pub(crate) fn removal(entries: &[Entry], spared: &[Entry]) -> Result<String, Ext4Error> {
    let mut commands = String::new();
    for entry in entries.iter().rev() {
        let command = match entry.is_folder {
            true => "rmdir",
            false if spared.iter().any(|other| other.inode == entry.inode) => "unlink",
            false => "rm",
        };
        let _ = writeln!(commands, "{command} {}", quoted(&format!("/{}", entry.path))?);
    }
    Ok(commands)
}
