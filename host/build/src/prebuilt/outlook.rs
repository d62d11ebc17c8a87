//! What a system will be like: who can log in, and what layers say that it lacks.

use skiff_layers::Lack;
use skiff_plan::BuildPlan;
use skiff_plan::Overlay;
use skiff_plan::Target;
use skiff_plan::User;

use super::unsupported;
use super::wished::Wished;
use crate::Lacking;
use crate::Outlook;

/// Files of overlays that change who can log in, in ways that are not looked into.
const UNKNOWN: [&str; 6] =
    ["etc/inittab", "etc/passwd", "etc/shadow", "etc/init.d/rcS", "root/.ssh/authorized_keys", "etc/dropbear"];

/// Packages with a server that people log in through.
const SERVERS: [&str; 3] = ["dropbear-bin", "openssh-server", "tinysshd"];

/// The script of `skiff/system` that gives root the keys of the image and of the persistent partition.
const GATHERS_KEYS: &str = "opt/skiff/scripts/root-keys.sh";

/// Where it finds those of the image.
const KEYS: &str = "etc/skiff/authorized_keys";

/// Who can log in to a system.
#[derive(Debug, PartialEq, Eq)]
enum Login {
    /// Somebody: how.
    Possible(String),
    /// Nobody: why.
    Impossible(&'static str),
    /// It depends on files of layers.
    Unknown,
}

/// Returns what the system of a plan will be like.
pub(crate) fn of(plan: &BuildPlan, wished: &Wished) -> Outlook {
    let mut outlook = Outlook::default();
    match login(plan, wished) {
        Login::Possible(how) => outlook.login = Some(how),
        Login::Impossible(why) => {
            outlook.lacks.push(Lacking { layer: None, text: format!("nobody can log in: {why}"), fatal: false });
        }
        Login::Unknown => {}
    }
    let is_true = |symbols: &[String]| {
        symbols.is_empty() || symbols.iter().any(|symbol| unsupported::is_gap(plan, wished.distribution.id(), symbol))
    };
    let said = plan.prebuilt.lacks.iter().filter(|lack| is_true(&lack.symbols));
    // What every system may lack comes after what the layers of the chain are for.
    let (base, own): (Vec<_>, Vec<_>) = said.partition(|lack| lack.layer.starts_with("base/"));
    let lacking =
        |lack: &Lack, layer: Option<String>| Lacking { layer, text: lack.text.to_string(), fatal: lack.fatal };
    outlook.lacks.extend(own.into_iter().map(|lack| lacking(lack, Some(lack.layer.clone()))));
    outlook.lacks.extend(base.into_iter().map(|lack| lacking(lack, None)));
    outlook
}

fn login(plan: &BuildPlan, wished: &Wished) -> Login {
    let overlaid = |file: &&str| plan.overlays.iter().any(|overlay| overlay.path.join(file).symlink_metadata().is_ok());
    if UNKNOWN.iter().any(overlaid) {
        return Login::Unknown;
    }
    let console = console_login(&wished.target, &plan.users);
    match wished.requests.iter().any(|request| SERVERS.contains(&request.package.as_str())) {
        false => console,
        true if overlaid(&GATHERS_KEYS) => with_keys(console, plan.overlays.iter().any(has_keys)),
        true => Login::Unknown,
    }
}

/// Returns whether an overlay has public keys for root.
fn has_keys(overlay: &Overlay) -> bool {
    let entries = std::fs::read_dir(overlay.path.join(KEYS)).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).any(|path| path.extension().is_some_and(|extension| extension == "pub"))
}

/// Adds the ssh server, which takes keys of root only, to what the console gives.
fn with_keys(console: Login, has_keys: bool) -> Login {
    let over_ssh = match has_keys {
        true => "root logs in over ssh with a key of the image",
        false => {
            "over ssh only keys of the persistent partition log in (`build --ssh-key FILE` puts one into the image)"
        }
    };
    match console {
        Login::Possible(how) => Login::Possible(format!("{how}; {over_ssh}")),
        // The partition can get a key when the medium is written.
        Login::Impossible(_) => Login::Possible(over_ssh.to_owned()),
        Login::Unknown => Login::Unknown,
    }
}

/// Works out who can log in on the console.
fn console_login(target: &Target, users: &[User]) -> Login {
    let Some(getty) = &target.getty else {
        return Login::Impossible("no console has a login prompt (BR2_TARGET_GENERIC_GETTY)");
    };
    let port = &getty.port;
    // `-n` asks for no name, and `-l PROGRAM` runs a program in the place of `login`.
    let has = |option: &str| getty.options.split_whitespace().any(|word| word == option);
    if has("-n") && has("-l") {
        return Login::Possible(format!("a shell starts on {port} without a login"));
    }
    let root = match target.root_password.as_deref() {
        Some("") => Some("root logs in without a password"),
        Some(_) => Some("root logs in with a password"),
        None => None,
    };
    let names: Vec<&str> = users.iter().filter(|user| may_log_in(user)).map(|user| user.name.as_str()).collect();
    match (root, names.is_empty()) {
        (None, true) => Login::Impossible("root login is off and no user has a password (util/rootlogin turns it on)"),
        (Some(root), true) => Login::Possible(format!("{root} on {port}")),
        (Some(root), false) => Login::Possible(format!("{root} on {port}, and so can {}", names.join(", "))),
        (None, false) => Login::Possible(format!("{} can log in on {port}", names.join(", "))),
    }
}

/// Returns whether a user has a shell and a password that some input equals.
fn may_log_in(user: &User) -> bool {
    let is_shell = !matches!(user.shell.as_str(), "-" | "/bin/false" | "/sbin/nologin" | "/usr/sbin/nologin");
    user.name != "-" && is_shell && !user.password.starts_with(['!', '*'])
}

#[cfg(test)]
mod tests {
    use skiff_plan::Getty;

    use super::*;

    fn target(root_password: Option<&str>, options: &str) -> Target {
        let getty = Getty { port: "ttyS0".into(), baudrate: 0, term: String::new(), options: options.into() };
        Target { root_password: root_password.map(str::to_owned), getty: Some(getty), ..Target::default() }
    }

    #[test]
    fn who_can_log_in_is_worked_out_from_accounts_and_the_console() {
        let users = |text: &str| User::parse_table(std::path::Path::new("t"), text).unwrap();
        let locked = users(
            "a -1 a -1 * /home/a /bin/sh - A\nb -1 b -1 !=x /home/b /bin/sh - B\n\
                            c -1 c -1 =x /home/c - - C\nd -1 d -1 =x /home/d /bin/false - D\n",
        );
        let open = users("alice -1 alice -1 =secret /home/alice /bin/sh - Alice\n");
        let said = |target: &Target, users: &[User]| match console_login(target, users) {
            Login::Possible(how) => how,
            Login::Impossible(why) => format!("nobody: {why}"),
            Login::Unknown => "unknown".into(),
        };
        assert!(said(&target(None, ""), &locked).starts_with("nobody: root login is off"));
        assert_eq!(said(&target(None, ""), &open), "alice can log in on ttyS0");
        assert_eq!(said(&target(Some(""), ""), &locked), "root logs in without a password on ttyS0");
        assert_eq!(said(&target(Some("x"), ""), &open), "root logs in with a password on ttyS0, and so can alice");
        assert_eq!(said(&target(None, "-n -l /bin/x"), &locked), "a shell starts on ttyS0 without a login");
        assert!(said(&target(None, "-n"), &locked).starts_with("nobody"));
        let possible = || Login::Possible("a shell".into());
        let impossible = || Login::Impossible("none");
        assert!(
            matches!(with_keys(possible(), true), Login::Possible(how) if how.starts_with("a shell; root logs in"))
        );
        assert!(matches!(with_keys(possible(), false), Login::Possible(how) if how.contains("--ssh-key")));
        assert!(matches!(with_keys(impossible(), true), Login::Possible(how) if how.starts_with("root logs in over")));
        assert!(matches!(with_keys(impossible(), false), Login::Possible(how) if how.contains("--ssh-key")));
    }
}
