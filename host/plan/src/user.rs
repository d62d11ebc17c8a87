//! Users tables, in the syntax of Buildroot's `BR2_ROOTFS_USERS_TABLES`.

use std::fmt;
use std::path::PathBuf;

use skiff_text::Shown as _;
use skiff_text::shown;

/// One line of a users table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Login name; `-` makes only the groups.
    pub name: String,
    /// User id. Of a line that makes only groups, it decides which ids the further groups get.
    pub uid: UserId,
    /// Main group.
    pub group: String,
    /// Its id.
    pub gid: UserId,
    /// `-` none allowed, `=text` plain text, `!=text` plain text and locked, `*` no login, else encrypted.
    pub password: String,
    /// Home directory; `-` for none.
    pub home: String,
    /// Login shell; `-` for none, empty for the system's default.
    pub shell: String,
    /// Further groups.
    pub groups: Vec<String>,
    /// The comment field.
    pub comment: String,
    /// The line as written, without the comment behind `#`.
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
#[error("{}:{line}: {fault}: `{}`", file.shown(), shown(text))]
pub struct UserError {
    /// The table.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub fault: UserFault,
    /// The line itself.
    pub text: String,
    /// Whether a `#` directly behind a character has made the rest of the line a comment.
    pub cut: bool,
}

/// What is wrong with a line of a users table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserFault {
    /// A field without which the line has no meaning is missing.
    Missing(&'static str),
    /// The field does not hold an id.
    Id {
        /// The field.
        field: &'static str,
        /// What it holds.
        found: String,
    },
    /// The field does not hold a name.
    Name {
        /// The field.
        field: &'static str,
        /// What it holds.
        found: String,
    },
    /// `root` cannot be made.
    Root,
    /// A character that no line of text has.
    Control,
    /// The field holds the character that separates fields in `/etc/passwd`.
    Colon(&'static str),
    /// The home directory is not one that can be made for a user.
    Home(String),
    /// The program that encrypts passwords would take it for an option.
    Password,
}

impl fmt::Display for UserFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(field) => write!(f, "the field `{field}` is missing"),
            Self::Id { field, found } => {
                write!(
                    f,
                    "expected a {field} from 1, or -1 (system) or -2 (people) for the next free one, found `{found}`"
                )
            }
            Self::Name { field, found } => write!(
                f,
                "expected a {field} of up to 32 letters, digits, `_`, `-` and `.` that starts with a letter or `_`, found `{found}`"
            ),
            Self::Root => f.write_str("the user `root` exists in every system"),
            Self::Control => f.write_str("the line has a control character"),
            Self::Colon(field) => write!(f, "the field `{field}` has a `:`"),
            Self::Home(found) => {
                write!(
                    f,
                    "expected an absolute path without `.` and `..` other than `/`, or `-`, as home, found `{found}`"
                )
            }
            Self::Password => f.write_str("a password in plain text starts with `-`"),
        }
    }
}

impl User {
    /// Parses a table as Buildroot's `mkusers` does: blanks and tabs separate fields, `#` starts a comment anywhere, and
    /// fields that mean nothing in a line are not checked. What `mkusers` would leave out or garble is an error, and a
    /// carriage return at the end of a line is a part of the line end.
    ///
    /// # Errors
    /// [`UserError`] names the first line that is wrong.
    pub fn parse_table(file: &std::path::Path, text: &str) -> Result<Vec<Self>, UserError> {
        let mut users = Vec::new();
        for (number, whole) in (1..).zip(text.lines()) {
            let line = whole.split('#').next().unwrap_or_default();
            let cut = line.len() < whole.len() && !line.is_empty() && !line.ends_with(BLANKS);
            let line = line.trim_end();
            if line.trim().is_empty() {
                continue;
            }
            users.push(parse_line(line).map_err(|fault| UserError {
                file: file.to_owned(),
                line: number,
                fault,
                text: line.to_owned(),
                cut,
            })?);
        }
        Ok(users)
    }
}

/// What separates fields.
const BLANKS: [char; 2] = [' ', '\t'];

/// Takes the first field off a line, and the blanks behind it.
fn take<'l>(line: &mut &'l str) -> &'l str {
    let (field, rest) = line.split_once(BLANKS).unwrap_or((line, ""));
    *line = rest.trim_start_matches(BLANKS);
    field
}

fn parse_line(line: &str) -> Result<User, UserFault> {
    if line.chars().any(|c| c.is_control() && c != '\t') {
        return Err(UserFault::Control);
    }
    let mut rest = line.trim_start_matches(BLANKS);
    let [name, uid, group, gid, password, home, shell, groups] = [(); 8].map(|()| take(&mut rest));
    let comment = rest;
    let user = name != "-";
    if gid.is_empty() {
        let fields = [("uid", uid), ("group", group), ("gid", gid)];
        let missing = fields.into_iter().find(|(_, field)| field.is_empty());
        return Err(UserFault::Missing(missing.map_or("gid", |(field, _)| field)));
    }
    // Buildroot splits at commas and does not mind empty names.
    let groups: Vec<String> = match groups {
        "-" => Vec::new(),
        groups => groups.split(',').filter(|group| !group.is_empty()).map(str::to_owned).collect(),
    };
    let gid = id("gid", gid)?;
    let uid = match id("uid", uid) {
        Ok(uid) => uid,
        // Only the ids of further groups follow from it, and Buildroot takes those for people where it has no number.
        Err(_) if !user && (groups.is_empty() || !is_number(uid)) => UserId::AutoUser,
        Err(fault) => return Err(fault),
    };
    let named = |field: &'static str, text: &str| match is_name(text) {
        true => Ok(()),
        false => Err(UserFault::Name { field, found: text.to_owned() }),
    };
    if group != "-" {
        named("group name", group)?;
    }
    for group in &groups {
        named("group name", group)?;
    }
    if user {
        check_user(name, password, home, shell, comment)?;
    }
    Ok(User {
        name: name.to_owned(),
        uid,
        group: group.to_owned(),
        gid,
        password: password.to_owned(),
        home: home.to_owned(),
        shell: shell.to_owned(),
        groups,
        comment: comment.to_owned(),
        text: line.to_owned(),
    })
}

/// Checks the fields that mean something only where a user is made.
fn check_user(name: &str, password: &str, home: &str, shell: &str, comment: &str) -> Result<(), UserFault> {
    if !is_name(name) {
        return Err(UserFault::Name { field: "user name", found: name.to_owned() });
    }
    if name == "root" {
        return Err(UserFault::Root);
    }
    let plain = password.strip_prefix('!').unwrap_or(password).strip_prefix('=');
    if plain.is_some_and(|plain| plain.starts_with('-')) {
        return Err(UserFault::Password);
    }
    // What is encrypted first may hold anything.
    let stored = if plain.is_some() { "" } else { password };
    let fields = [("password", stored), ("home", home), ("shell", shell), ("comment", comment)];
    if let Some((field, _)) = fields.into_iter().find(|(_, text)| text.contains(':')) {
        return Err(UserFault::Colon(field));
    }
    if home.is_empty() {
        return Err(UserFault::Missing("home"));
    }
    // `/` is not a home, also by another name.
    let is_plain = !home.split('/').any(|part| matches!(part, "." | ".."));
    let below_root = home.starts_with('/') && is_plain && !home.trim_matches('/').is_empty();
    match home == "-" || below_root {
        true => Ok(()),
        false => Err(UserFault::Home(home.to_owned())),
    }
}

/// What Buildroot and the target's tools take for a name. A `.` and capitals are unusual but work.
fn is_name(text: &str) -> bool {
    let start = |c: char| c.is_ascii_alphabetic() || c == '_';
    let rest = |c: char| start(c) || c.is_ascii_digit() || matches!(c, '-' | '.');
    text.len() <= 32 && text.starts_with(start) && text.chars().all(rest)
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
}

/// The largest id: the number behind it means "no id" to the kernel.
const LAST_ID: u32 = u32::MAX - 1;

/// Reads an id. Leading zeros are refused: `mkusers` takes such a number for octal in one place and not in another.
fn id(field: &'static str, text: &str) -> Result<UserId, UserFault> {
    match text {
        "-1" => Ok(UserId::AutoSystem),
        "-2" => Ok(UserId::AutoUser),
        _ => match text.parse() {
            Ok(id @ 1..=LAST_ID) if text.starts_with(|c: char| matches!(c, '1'..='9')) => Ok(UserId::Fixed(id)),
            _ => Err(UserFault::Id { field, found: text.to_owned() }),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(table: &str) -> Result<Vec<User>, UserError> {
        User::parse_table("t".as_ref(), table)
    }

    fn one(line: &str) -> User {
        parse(line).unwrap().remove(0)
    }

    #[test]
    fn a_line_has_nine_fields() {
        let alice = one("# x\n\nalice -1 wheel 1000 =pw /home/alice /bin/sh adm,video Alice  A\n");
        assert_eq!(
            (alice.uid, alice.gid, alice.groups.len(), alice.comment.as_str()),
            (UserId::AutoSystem, UserId::Fixed(1000), 2, "Alice  A")
        );
    }

    #[test]
    fn a_line_that_makes_only_groups_says_nothing_of_a_user() {
        for line in [
            "- - input -1 * - - - Input device group",
            "- - kvm -1",
            "- x kvm -1 : root relative - a:b",
            "- 0 kvm -1 * / - -",
            "- -7 kvm -1 =-x / - ,",
        ] {
            let group = one(line);
            assert_eq!((group.name.as_str(), group.gid, group.groups.len()), ("-", UserId::AutoSystem, 0), "{line}");
        }
        let groups = one("- - kvm -1 * - - disk,plug x");
        assert_eq!((groups.uid, groups.groups.len()), (UserId::AutoUser, 2));
        assert_eq!(one("- -1 kvm 7 * - - disk x").uid, UserId::AutoSystem);
        assert!(parse("- 0 kvm -1 * - - disk x").is_err());
        assert!(parse("- - kvm x").is_err());
    }

    #[test]
    fn names_may_have_capitals_and_dots() {
        let user = one("User1 1001 Users 1001 =pw /home/User1 /bin/sh dialout,video, Test");
        assert_eq!((user.name.as_str(), user.groups), ("User1", vec!["dialout".into(), "video".into()]));
        assert_eq!(one("john.doe 1002 staff 50 =pw /home/john.doe /bin/sh - J").name, "john.doe");
        for name in ["1a", ".a", "-a", "a/b", "a*", "ä", "a$", "a\\b", &"a".repeat(33)] {
            assert!(parse(&format!("{name} -1 a -1 * - - - c")).is_err(), "{name}");
            assert!(parse(&format!("a -1 a -1 * - - {name} c")).is_err(), "{name}");
        }
    }

    #[test]
    fn fields_at_the_end_may_be_missing() {
        let pi = one("pi -1 pi -1 =secret /home/pi");
        assert_eq!((pi.shell.as_str(), pi.groups.len(), pi.comment.as_str()), ("", 0, ""));
        assert_eq!(one("pi -1 pi -1 =secret /home/pi /bin/sh -").comment, "");
        for (line, missing) in
            [("a", "uid"), ("a -1", "group"), ("a -1 a", "gid"), ("a -1 a -1", "home"), ("- - a", "gid")]
        {
            assert_eq!(parse(line).unwrap_err().fault, UserFault::Missing(missing), "{line}");
        }
    }

    #[test]
    fn comments_start_anywhere() {
        assert_eq!(one("a -1 a -1 * - - - A # not this").comment, "A");
        let error = parse("web 1000 web 1000 =a#b /srv/web /bin/sh - Web").unwrap_err();
        assert_eq!((error.fault, error.cut), (UserFault::Missing("home"), true));
        assert!(!parse("web 1000 web 1000 =a # /srv/web").unwrap_err().cut);
    }

    #[test]
    fn line_ends_of_other_systems_are_line_ends() {
        let users = parse("alice\t-2\talice\t-2\t=pw\t/home/alice\t/bin/sh\twheel\tAlice\r\nb -1 b -1 * - - -\r\n\r\n")
            .unwrap();
        assert_eq!((users[0].comment.as_str(), users[1].groups.len(), users.len()), ("Alice", 0, 2));
        assert!(!users[0].text.contains('\r'));
    }

    #[test]
    fn passwords_in_plain_text_may_have_colons() {
        for password in ["=a:b", "!=a:b", "=", "!=", "*", "!", "-", "$6$x$y", "=a=b"] {
            assert_eq!(one(&format!("a -1 a -1 {password} - - - c")).password, password);
        }
        for password in ["a:b", "!a:b", "=-x", "!=-x"] {
            assert!(parse(&format!("a -1 a -1 {password} - - - c")).is_err(), "{password}");
        }
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
            "a -1 a -1 * /. - - c",
            "a -1 a -1 * /x/./ - - c",
            "a 010 a -1 * - - - c",
            "a +5 a -1 * - - - c",
            "a 4294967295 a -1 * - - - c",
            "a -1 a -1 * - - - c\u{b}d",
            "a -1 a -1 * - /bin/s:h - c",
        ] {
            let error = parse(&format!("\n{bad}\n")).unwrap_err();
            assert!(error.to_string().starts_with("t:2: "), "{error}");
        }
        let error = parse("a -1 a -1 * - - - c\u{1b}d").unwrap_err().to_string();
        assert!(error.ends_with("has a control character: `a -1 a -1 * - - - c\\u{1b}d`"), "{error}");
    }
}
