use std::collections::BTreeMap;

use super::known::Primary;
use super::known::Request;
use super::known::User;
use crate::Error;
use crate::TreePath;
use crate::tree::Tree;

/// Bytes of a file, and files.
const MAX_FILE: u64 = 256 << 10;
const MAX_FILES: usize = 1000;

const NOLOGIN: &str = "/usr/sbin/nologin";

/// A file of `sysusers.d`.
pub(super) struct File {
    pub(super) name: String,
    pub(super) lines: Vec<Request>,
}

/// Reads all files, in the order of their names. A file in `etc` replaces one of the same name in `usr/lib`.
pub(super) fn files(tree: Tree<'_>) -> Result<Vec<File>, Error> {
    let mut paths = BTreeMap::new();
    for folder in ["usr/lib/sysusers.d", "etc/sysusers.d"] {
        let folder = TreePath::parse(folder).unwrap_or_default();
        for name in tree.list(&folder)?.into_iter().filter(|name| name.ends_with(".conf")) {
            paths.insert(name.clone(), folder.join(&name));
        }
    }
    if paths.len() > MAX_FILES {
        return Err(Error::TooMany { what: "files of sysusers.d", limit: MAX_FILES });
    }
    let mut files = Vec::new();
    for (name, path) in paths {
        let text = tree.text(&path, MAX_FILE)?.unwrap_or_default();
        files.push(File { name, lines: text.lines().flat_map(read).collect() });
    }
    Ok(files)
}

/// Reads a line (`sysusers.d(5)`).
fn read(line: &str) -> Vec<Request> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Vec::new();
    }
    let fields = shlex::split(line).unwrap_or_default();
    let field = |index: usize| fields.get(index).map(String::as_str).filter(|text| !matches!(*text, "-" | ""));
    let (Some(kind), Some(name)) = (field(0), field(1)) else { return Vec::new() };
    let name = name.to_owned();
    match kind.trim_end_matches('!') {
        "u" => user(name, field(2), field(3), field(4), field(5)),
        // A path stands for the group of that path, which is not known before the system runs.
        "g" => vec![Request::Group { name, gid: field(2).and_then(|id| id.parse().ok()) }],
        "m" => field(2).map(|group| Request::Member { user: name, group: group.to_owned() }).into_iter().collect(),
        _ => Vec::new(),
    }
}

fn user(
    name: String,
    id: Option<&str>,
    comment: Option<&str>,
    home: Option<&str>,
    shell: Option<&str>,
) -> Vec<Request> {
    let (uid, group) = match id.map(|id| id.split_once(':').unwrap_or((id, ""))) {
        None => (None, ""),
        Some((uid, group)) => (uid.parse().ok(), group),
    };
    let primary = match (group, group.parse()) {
        ("" | "-", _) => Primary::Own,
        (_, Ok(number)) => Primary::Number(number),
        (group, Err(_)) => Primary::Named(group.to_owned()),
    };
    let default_shell = if uid == Some(0) { "/bin/sh" } else { NOLOGIN };
    let default_home = if uid == Some(0) { "/root" } else { "/" };
    vec![Request::User(User {
        comment: comment.unwrap_or_default().to_owned(),
        home: home.unwrap_or(default_home).to_owned(),
        shell: shell.unwrap_or(default_shell).to_owned(),
        name,
        uid,
        primary,
    })]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_with_quotes_and_both_numbers() {
        let lines = read("u sync 4:65534 - /bin /bin/sync");
        let [Request::User(user)] = lines.as_slice() else { panic!("{lines:?}") };
        assert_eq!((user.uid, &user.primary, user.shell.as_str()), (Some(4), &Primary::Number(65534), "/bin/sync"));
        let lines = read("u! net -:nogroup \"Network Management\"");
        let [Request::User(user)] = lines.as_slice() else { panic!("{lines:?}") };
        assert_eq!((user.uid, &user.primary), (None, &Primary::Named("nogroup".into())));
        assert_eq!(
            (user.comment.as_str(), user.home.as_str(), user.shell.as_str()),
            ("Network Management", "/", NOLOGIN)
        );
        assert_eq!(read("g adm 4 -"), [Request::Group { name: "adm".into(), gid: Some(4) }]);
        assert_eq!(read("m me video"), [Request::Member { user: "me".into(), group: "video".into() }]);
        assert!(read("# u x").is_empty() && read("r - 500-900").is_empty() && read("u \"x").is_empty());
    }
}
