use super::known::Primary;
use super::known::Request;
use super::known::User;
use crate::script::Command;

/// Reads a command that makes users or groups, or returns nothing if it is another command, or if a word of it is not
/// known.
pub(super) fn read(call: &Command) -> Option<Vec<Request>> {
    let arguments = call.arguments()?;
    match call.verb() {
        "adduser" => adduser(&Arguments::read(&arguments, ADDUSER)?),
        "addgroup" => addgroup(&Arguments::read(&arguments, ADDUSER)?),
        "useradd" => useradd(&Arguments::read(&arguments, USERADD)?),
        "groupadd" => groupadd(&Arguments::read(&arguments, GROUPADD)?),
        "usermod" => usermod(&Arguments::read(&arguments, USERMOD)?),
        "gpasswd" => gpasswd(&Arguments::read(&arguments, GPASSWD)?),
        _ => None,
    }
}

/// Options with a value: short and long name. `-` stands for options without a short name.
type Options = &'static [(char, &'static str)];

const ADDUSER: Options = &[
    ('-', "home"),
    ('-', "shell"),
    ('-', "uid"),
    ('-', "gid"),
    ('-', "gecos"),
    ('-', "comment"),
    ('-', "ingroup"),
    ('-', "firstuid"),
    ('-', "lastuid"),
    ('-', "firstgid"),
    ('-', "lastgid"),
    ('-', "conf"),
    ('-', "add-extra-groups"),
];
const USERADD: Options = &[
    ('b', "base-dir"),
    ('c', "comment"),
    ('d', "home-dir"),
    ('e', "expiredate"),
    ('f', "inactive"),
    ('g', "gid"),
    ('G', "groups"),
    ('k', "skel"),
    ('K', "key"),
    ('p', "password"),
    ('R', "root"),
    ('P', "prefix"),
    ('s', "shell"),
    ('u', "uid"),
];
const GROUPADD: Options =
    &[('g', "gid"), ('K', "key"), ('p', "password"), ('R', "root"), ('P', "prefix"), ('U', "users")];
const USERMOD: Options = &[('G', "groups")];
const GPASSWD: Options = &[('a', "add")];

/// The arguments of a command.
#[derive(Default)]
struct Arguments<'w> {
    values: Vec<(&'static str, &'w str)>,
    flags: Vec<&'w str>,
    names: Vec<&'w str>,
}

impl<'w> Arguments<'w> {
    fn read(words: &[&'w str], options: Options) -> Option<Self> {
        let mut arguments = Self::default();
        let mut words = words.iter().copied();
        while let Some(word) = words.next() {
            if let Some(long) = word.strip_prefix("--") {
                let (name, value) = long.split_once('=').map_or((long, None), |(name, value)| (name, Some(value)));
                match options.iter().find(|(_, long)| *long == name) {
                    Some((_, long)) => arguments.values.push((long, value.or_else(|| words.next())?)),
                    None => arguments.flags.push(name),
                }
            } else if let Some(short) = word.strip_prefix('-').and_then(|word| word.chars().last()) {
                // `-rg 42`: only the last of joined letters has a value.
                arguments.flags.extend(word.get(1..).into_iter().flat_map(|word| word.split_inclusive(|_| true)));
                if let Some((_, long)) = options.iter().find(|(letter, _)| *letter == short) {
                    arguments.values.push((long, words.next()?));
                }
            } else {
                arguments.names.push(word);
            }
        }
        Some(arguments)
    }

    fn value(&self, name: &str) -> Option<&'w str> {
        self.values.iter().rev().find(|(other, _)| *other == name).map(|(_, value)| *value)
    }

    fn has(&self, flags: &[&str]) -> bool {
        self.flags.iter().any(|flag| flags.contains(flag))
    }

    fn id(&self, name: &str) -> Option<u32> {
        self.value(name).and_then(|id| id.parse().ok())
    }
}

/// Returns the group that a number or a name stands for.
fn group(text: &str) -> Primary {
    text.parse().map_or_else(|_| Primary::Named(text.to_owned()), Primary::Number)
}

/// Reads Debian's `adduser`; defaults are those of its version 3.122 and later.
fn adduser(arguments: &Arguments<'_>) -> Option<Vec<Request>> {
    let name = match arguments.names.as_slice() {
        [name] => (*name).to_owned(),
        [user, group] if !arguments.has(&["system"]) => {
            return Some(vec![Request::Member { user: (*user).to_owned(), group: (*group).to_owned() }]);
        }
        _ => return None,
    };
    // Users that are not system users have passwords and homes of people: no package makes such.
    if !arguments.has(&["system"]) {
        return None;
    }
    let primary = match arguments.value("ingroup").or(arguments.value("gid")) {
        Some(text) => group(text),
        None if arguments.has(&["group"]) => Primary::Own,
        None => Primary::Named("nogroup".into()),
    };
    let comment = match arguments.value("gecos").or(arguments.value("comment")).unwrap_or_default() {
        // The tool adds the empty fields for room and telephones.
        text if !text.is_empty() && !text.contains(',') => format!("{text},,,"),
        text => text.to_owned(),
    };
    Some(vec![Request::User(User {
        uid: arguments.id("uid"),
        primary,
        comment,
        home: arguments.value("home").unwrap_or("/nonexistent").to_owned(),
        shell: arguments.value("shell").unwrap_or("/usr/sbin/nologin").to_owned(),
        name,
    })])
}

fn addgroup(arguments: &Arguments<'_>) -> Option<Vec<Request>> {
    match arguments.names.as_slice() {
        [name] => Some(vec![Request::Group { name: (*name).to_owned(), gid: arguments.id("gid") }]),
        [user, group] => Some(vec![Request::Member { user: (*user).to_owned(), group: (*group).to_owned() }]),
        _ => None,
    }
}

fn useradd(arguments: &Arguments<'_>) -> Option<Vec<Request>> {
    let [name] = arguments.names.as_slice() else { return None };
    let name = (*name).to_owned();
    let primary = match arguments.value("gid") {
        Some(text) => group(text),
        None if arguments.has(&["N", "no-user-group"]) => Primary::Named("users".into()),
        None => Primary::Own,
    };
    let mut requests = vec![Request::User(User {
        uid: arguments.id("uid"),
        primary,
        comment: arguments.value("comment").unwrap_or_default().to_owned(),
        home: arguments.value("home-dir").map_or_else(|| format!("/home/{name}"), str::to_owned),
        shell: arguments.value("shell").unwrap_or("/bin/sh").to_owned(),
        name: name.clone(),
    })];
    requests.extend(members(&name, arguments.value("groups")));
    Some(requests)
}

fn groupadd(arguments: &Arguments<'_>) -> Option<Vec<Request>> {
    let [name] = arguments.names.as_slice() else { return None };
    Some(vec![Request::Group { name: (*name).to_owned(), gid: arguments.id("gid") }])
}

fn usermod(arguments: &Arguments<'_>) -> Option<Vec<Request>> {
    let [name] = arguments.names.as_slice() else { return None };
    let is_known = |flag: &&str| matches!(*flag, "a" | "G" | "append");
    let is_addition = arguments.has(&["a", "append"]) && arguments.flags.iter().all(is_known);
    is_addition.then(|| members(name, arguments.value("groups")))
}

fn gpasswd(arguments: &Arguments<'_>) -> Option<Vec<Request>> {
    let [group] = arguments.names.as_slice() else { return None };
    let user = arguments.value("add")?;
    Some(vec![Request::Member { user: user.to_owned(), group: (*group).to_owned() }])
}

fn members(user: &str, groups: Option<&str>) -> Vec<Request> {
    let groups = groups.unwrap_or_default().split(',').filter(|group| !group.is_empty());
    groups.map(|group| Request::Member { user: user.to_owned(), group: group.to_owned() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::Script;

    fn requests(command: &str) -> Vec<Option<Vec<Request>>> {
        let (script, gap) = Script::read("package", Some(command));
        assert_eq!(gap, None);
        script.calls.iter().map(read).collect()
    }

    fn only_user(command: &str) -> User {
        match requests(command).remove(0).unwrap().remove(0) {
            Request::User(user) => user,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn values_with_spaces_are_not_names() {
        let user = only_user("adduser --system \\\n --home /run/d --gecos \"The mDNS daemon\" --group d");
        assert_eq!(
            (user.name.as_str(), user.comment.as_str(), user.primary),
            ("d", "The mDNS daemon,,,", Primary::Own)
        );
        assert_eq!((user.home.as_str(), user.shell.as_str()), ("/run/d", "/usr/sbin/nologin"));
    }

    #[test]
    fn users_get_the_group_that_their_tool_gives() {
        assert_eq!(only_user("adduser --system a").primary, Primary::Named("nogroup".into()));
        assert_eq!(only_user("useradd --system --gid nogroup a").primary, Primary::Named("nogroup".into()));
        assert_eq!(only_user("useradd -r -u 12 -g 5 a").primary, Primary::Number(5));
        assert_eq!(only_user("useradd -r a").primary, Primary::Own);
        assert_eq!(only_user("useradd -ru 12 a").uid, Some(12));
    }

    #[test]
    fn groups_and_members_are_read() {
        let group = |name: &str, gid| Some(vec![Request::Group { name: name.into(), gid }]);
        let member = Some(vec![Request::Member { user: "me".into(), group: "video".into() }]);
        assert_eq!(requests("N=x\naddgroup --quiet --system $N"), [group("x", None)]);
        assert_eq!(requests("groupadd -g 42 shadow"), [group("shadow", Some(42))]);
        for command in ["adduser me video", "usermod -aG video me", "usermod -a -G video me", "gpasswd -a me video"] {
            assert_eq!(requests(command), std::slice::from_ref(&member), "{command}");
        }
    }

    #[test]
    fn commands_with_unknown_words_are_not_read() {
        assert_eq!(requests("adduser --system $(id)\nusermod -d /x me\nadduser person\nls"), [None, None, None, None]);
    }
}
