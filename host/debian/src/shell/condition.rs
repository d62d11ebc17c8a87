use super::expand::Field;

/// The status of a command at a first installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Truth {
    Yes,
    No,
    /// It depends on the machine.
    Maybe,
}

impl Truth {
    pub(super) fn of(is_true: bool) -> Self {
        if is_true { Self::Yes } else { Self::No }
    }

    pub(super) fn negated(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            Self::Maybe => Self::Maybe,
        }
    }

    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Yes, Self::Yes) => Self::Yes,
            _ => Self::Maybe,
        }
    }

    fn or(self, other: Self) -> Self {
        self.negated().and(other.negated()).negated()
    }
}

/// Returns the status of a command that is not a function of the script. Commands that change something succeed.
pub(super) fn status(words: &[Field]) -> Truth {
    let Some((verb, arguments)) = words.split_first() else { return Truth::Yes };
    let Some(verb) = verb.known() else { return Truth::Maybe };
    let has = |word: &str| arguments.iter().any(|argument| argument.known() == Some(word));
    match verb {
        ":" | "true" | "set" | "umask" | "export" | "local" | "echo" | "printf" | "shift" => Truth::Yes,
        "false" => Truth::No,
        "[" => match arguments.split_last() {
            Some((_, arguments)) => test(arguments),
            None => Truth::Maybe,
        },
        "test" => test(arguments),
        "dpkg" if has("--compare-versions") => compare(arguments),
        // No administrator has overridden an owner, and no unit was installed before.
        "dpkg-statoverride" if has("--list") => Truth::No,
        "deb-systemd-helper" if has("debian-installed") => Truth::No,
        "deb-systemd-helper" if has("was-enabled") => Truth::Yes,
        "adduser"
        | "addgroup"
        | "useradd"
        | "groupadd"
        | "usermod"
        | "gpasswd"
        | "chown"
        | "chmod"
        | "chgrp"
        | "ln"
        | "mkdir"
        | "touch"
        | "dpkg-statoverride"
        | "deb-systemd-helper"
        | "update-alternatives" => Truth::Yes,
        _ => Truth::Maybe,
    }
}

/// Returns the result of `test`.
fn test(arguments: &[Field]) -> Truth {
    let is = |word: &'static str| move |argument: &Field| argument.known() == Some(word);
    let all = |part: &[Field]| part.split(is("-a")).map(test_one).fold(Truth::Yes, Truth::and);
    arguments.split(is("-o")).map(all).fold(Truth::No, Truth::or)
}

fn test_one(arguments: &[Field]) -> Truth {
    let texts: Vec<Option<&str>> = arguments.iter().map(Field::known).collect();
    match texts.as_slice() {
        [Some("!"), ..] => arguments.get(1..).map_or(Truth::Maybe, |rest| {
            // `test ! ! x` is nowhere.
            if rest.first().and_then(Field::known) == Some("!") { Truth::Maybe } else { test_one(rest).negated() }
        }),
        [] => Truth::No,
        [Some(text)] => Truth::of(!text.is_empty()),
        [Some("-z"), Some(text)] => Truth::of(text.is_empty()),
        [Some("-n"), Some(text)] => Truth::of(!text.is_empty()),
        // The target does not run while it is configured.
        [Some("-d" | "-e"), Some("/run/systemd/system" | "/run/systemd/system/")] => Truth::No,
        [Some(left), Some("=" | "=="), Some(right)] => Truth::of(left == right),
        [Some(left), Some("!="), Some(right)] => Truth::of(left != right),
        _ => Truth::Maybe,
    }
}

/// Returns the result of `dpkg --compare-versions OLD OPERATOR NEW` for no old version.
fn compare(arguments: &[Field]) -> Truth {
    let texts: Vec<Option<&str>> = arguments.iter().map(Field::known).collect();
    match texts.as_slice() {
        [_, Some(""), Some(operator), Some(new)] if !new.is_empty() => match *operator {
            "lt" | "le" | "ne" | "gt-nl" | "ge-nl" | "<<" | "<=" | "<" => Truth::Yes,
            "gt" | "ge" | "eq" | "lt-nl" | "le-nl" | ">>" | ">=" | ">" | "=" => Truth::No,
            _ => Truth::Maybe,
        },
        _ => Truth::Maybe,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status_of(text: &str) -> Truth {
        let field = |word: String| if word == "?" { Field::Unknown("$x".into()) } else { Field::Known(word) };
        status(&shlex::split(text).unwrap().into_iter().map(field).collect::<Vec<_>>())
    }

    #[test]
    fn a_first_installation_decides_conditions() {
        for (text, truth) in [
            ("[ configure = configure ]", Truth::Yes),
            ("[ configure = triggered ]", Truth::No),
            ("[ -z '' ]", Truth::Yes),
            ("[ -n '' ]", Truth::No),
            ("[ ! -d /run/systemd/system ]", Truth::Yes),
            ("[ -x /etc/init.d/dbus ]", Truth::Maybe),
            ("[ ? = 65534 ]", Truth::Maybe),
            ("[ configure = configure -a ! -e /x ]", Truth::Maybe),
            ("[ configure = x -a ! -e /x ]", Truth::No),
            ("[ configure = x -o -z '' ]", Truth::Yes),
            ("dpkg --compare-versions '' lt 1.0", Truth::Yes),
            ("dpkg --compare-versions '' lt-nl 1.0", Truth::No),
            ("dpkg --compare-versions ? lt-nl 1.0", Truth::Maybe),
            ("deb-systemd-helper debian-installed ssh.socket", Truth::No),
            ("deb-systemd-helper --quiet was-enabled ssh.service", Truth::Yes),
            ("getent group docker", Truth::Maybe),
        ] {
            assert_eq!(status_of(text), truth, "{text}");
        }
    }
}
