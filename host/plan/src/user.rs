//! Users tables, in the syntax of Buildroot's `BR2_ROOTFS_USERS_TABLES`.

use std::path::PathBuf;

/// One line of a users table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Login name; `-` makes only the group.
    pub name: String,
    /// User id.
    pub uid: UserId,
    /// Main group.
    pub group: String,
    /// Its id.
    pub gid: UserId,
    /// `-` none allowed, `=text` plain text, `!=text` plain text and locked, `*` no login, else encrypted.
    pub password: String,
    /// Home directory; `-` for none.
    pub home: String,
    /// Login shell; `-` for none.
    pub shell: String,
    /// Further groups.
    pub groups: Vec<String>,
    /// The comment field.
    pub comment: String,
    /// The line as written.
    pub text: String,
}

/// The id of a user or group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserId {
    /// This one.
    Fixed(u32),
    /// The next free one of those for services, 100 to 999 (`-1`).
    AutoSystem,
    /// The next free one of those for people, 1000 to 1999 (`-2`).
    AutoUser,
}

/// A line of a users table that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}:{line}: {message}: `{text}`", file.display())]
pub struct UserError {
    /// The table.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub message: &'static str,
    /// The line itself.
    pub text: String,
}

impl User {
    /// Parses a table as Buildroot does; empty lines and comments, at the ends of lines as well, are skipped.
    ///
    /// # Errors
    /// [`UserError`] names the first line that is wrong.
    pub fn parse_table(file: &std::path::Path, text: &str) -> Result<Vec<Self>, UserError> {
        let mut users = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.split('#').next().unwrap_or_default().trim_end();
            if line.trim().is_empty() {
                continue;
            }
            users.push(parse_line(line).map_err(|message| UserError {
                file: file.to_owned(),
                line: number,
                message,
                text: line.to_owned(),
            })?);
        }
        Ok(users)
    }
}

fn parse_line(line: &str) -> Result<User, &'static str> {
    let mut words = line.split_whitespace();
    let mut word = || words.next().ok_or("A users line has nine fields, the last of which may be empty");
    let name = word()?.to_owned();
    let uid = id(word()?)?;
    let group = word()?.to_owned();
    let gid = id(word()?)?;
    let password = word()?.to_owned();
    let home = word()?.to_owned();
    let shell = word()?.to_owned();
    let groups = word()?;
    let groups = if groups == "-" { Vec::new() } else { groups.split(',').map(str::to_owned).collect() };
    let comment = words.collect::<Vec<_>>().join(" ");
    let plain = |name: &&String| *name != "-" && !is_name(name);
    if [&name, &group].into_iter().chain(&groups).any(|name| plain(&name)) {
        return Err("A name is up to 32 lower-case letters, digits, `_` and `-`, and starts with a letter or `_`");
    }
    if name == "root" {
        return Err("root is there already; BR2_TARGET_GENERIC_ROOT_PASSWD sets its password");
    }
    if line.chars().any(|c| c.is_control() && c != '\t') {
        return Err("A users line has no control characters");
    }
    let fields = [&name, &group, &password, &home, &shell, &comment];
    if fields.iter().any(|field| field.contains(':')) {
        return Err("A field must not contain `:`");
    }
    let below_root =
        home.starts_with('/') && !home.split('/').any(|part| part == "..") && !home.trim_matches('/').is_empty();
    if home != "-" && !below_root {
        return Err("A home directory is an absolute path without `..` other than `/`, or `-`");
    }
    Ok(User { name, uid, group, gid, password, home, shell, groups, comment, text: line.to_owned() })
}

/// What `useradd` takes for a name.
fn is_name(text: &str) -> bool {
    let start = |c: char| c.is_ascii_lowercase() || c == '_';
    let rest = |c: char| start(c) || c.is_ascii_digit() || c == '-';
    text.len() <= 32 && text.starts_with(start) && text.chars().all(rest)
}

fn id(text: &str) -> Result<UserId, &'static str> {
    match text {
        "-1" => Ok(UserId::AutoSystem),
        "-2" => Ok(UserId::AutoUser),
        _ => match text.parse() {
            Ok(id @ 1..) => Ok(UserId::Fixed(id)),
            _ => Err("An id is a number from 1, or -1 (system) or -2 (people) for the next free one"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_nine_fields() {
        let table = "# x\n\nalice -1 wheel 1000 =pw /home/alice /bin/sh adm,video Alice A\n";
        let users = User::parse_table("t".as_ref(), table).unwrap();
        let alice = &users[0];
        assert_eq!(
            (alice.uid, alice.gid, alice.groups.len(), alice.comment.as_str()),
            (UserId::AutoSystem, UserId::Fixed(1000), 2, "Alice A")
        );
    }

    #[test]
    fn wrong_lines_name_file_and_line() {
        for bad in [
            "alice -1 alice",
            "a x a -1 * / - -",
            "a -1 a -1 * ../x - - c",
            "a:b -1 a -1 * - - - c",
            "root 5 root 5 * - - - c",
            "a -1 a -1 * - - x,b:c c",
            "a 0 a -1 * - - - c",
            "a -1 a -3 * - - - c",
            "a -1 a -1 * / - - c",
        ] {
            let error = User::parse_table("t".as_ref(), &format!("\n{bad}\n")).unwrap_err();
            assert!(error.to_string().starts_with("t:2: "), "{error}");
        }
    }
}
