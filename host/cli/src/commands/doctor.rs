use std::fs;
use std::path::Path;
use std::process::ExitCode;

use serde::Serialize;
use serde_json::json;
use skiff_build::EngineKind;
use skiff_build::Requirement;

use crate::args::JsonArgs;
use crate::command_error::Result;
use crate::output::data;
use skiff_project::Session;
use skiff_text::Shown as _;

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Finding {
    what: String,
    state: State,
    /// What is so, and what to do about it.
    text: String,
    /// The Debian package that brings it.
    package: Option<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Ok,
    /// Something works less well, or only for some systems.
    Note,
    /// The engine at hand cannot work.
    Missing,
}

/// Programs that some things need.
const OPTIONAL: [(&str, &str, &str); 4] = [
    ("git", "git", "to fetch Buildroot and to note the commit of this checkout"),
    ("qemu-system-aarch64", "qemu-system-arm", "to run virt/qemu_arm64"),
    ("qemu-system-x86_64", "qemu-system-x86", "to run virt/qemu"),
    ("ncurses6-config", "libncurses-dev", "for `skiff br menuconfig`"),
];

/// Tells what this machine lacks. Fails when the engine at hand cannot work.
pub(crate) fn run(session: &Session, args: &JsonArgs) -> Result<ExitCode> {
    let mut findings = Vec::new();
    let needed = session.settings.engine.value.kind().requirements;
    for Requirement { program, package } in needed {
        findings.push(program_finding(session, program, package, None));
    }
    for (program, package, why) in
        OPTIONAL.iter().filter(|(program, ..)| !needed.iter().any(|known| known.program == *program))
    {
        findings.push(program_finding(session, program, package, Some(why)));
    }
    findings.push(room(session));
    findings.push(search_path(session));
    findings.push(namespaces());
    findings.push(kvm());
    findings.push(letters(session));
    let missing = findings.iter().any(|finding| finding.state == State::Missing);
    let install = install_line(&findings);
    if args.json {
        data!("{:#}", json!({"engine": session.settings.engine.value, "findings": findings, "install": install}));
    } else {
        print(session, &findings, install.as_deref());
    }
    Ok(ExitCode::from(u8::from(missing)))
}

fn print(session: &Session, findings: &[Finding], install: Option<&str>) {
    data!("for the engine `{}` (`skiff --engine …` asks for another)", session.settings.engine.value);
    for finding in findings {
        let (colour, word) = match finding.state {
            State::Ok => (32, "ok"),
            State::Note => (33, "note"),
            State::Missing => (31, "MISSING"),
        };
        data!("\x1b[{colour}m{word:8}\x1b[0m {:22} {}", finding.what, finding.text);
    }
    if let Some(line) = install {
        data!("\nto install what is missing:\n  {line}");
    }
}

/// Returns the one command that installs everything that is not there.
fn install_line(findings: &[Finding]) -> Option<String> {
    let absent = findings.iter().filter(|finding| finding.state != State::Ok);
    let mut packages: Vec<&str> = absent.filter_map(|finding| finding.package).collect();
    packages.sort_unstable();
    packages.dedup();
    let sudo = if rustix::process::geteuid().is_root() { "" } else { "sudo " };
    (!packages.is_empty()).then(|| format!("{sudo}apt-get install {}", packages.join(" ")))
}

fn program_finding(session: &Session, program: &str, package: &'static str, why: Option<&str>) -> Finding {
    let (state, text) = match (session.console.environment.search_path().find(program), why) {
        (Some(path), _) => (State::Ok, path.shown().to_string()),
        (None, Some(why)) => (State::Note, format!("not there; needed {why}")),
        (None, None) => (State::Missing, "not there".into()),
    };
    Finding { what: program.to_owned(), state, text, package: Some(package) }
}

fn finding(what: &str, state: State, text: impl Into<String>) -> Finding {
    Finding { what: what.to_owned(), state, text: text.into(), package: None }
}

fn room(session: &Session) -> Finding {
    let root = session.workspace.root();
    let folder = root.ancestors().find(|folder| folder.is_dir()).unwrap_or(Path::new("/"));
    match rustix::fs::statvfs(folder) {
        Ok(stat) => {
            let free = stat.f_bavail.saturating_mul(stat.f_frsize);
            let kind = session.settings.engine.value.kind();
            let wanted = kind.room.filter(|room| free < *room);
            let more = wanted.map(|room| format!("; a build with {} takes {} GB and more", kind.title, room >> 30));
            let (more, state) = more.map_or((String::new(), State::Ok), |more| (more, State::Note));
            finding("room", state, format!("{} free in {}{more}", indicatif::HumanBytes(free), root.shown()))
        }
        Err(error) => finding("room", State::Note, format!("cannot look at {}: {error}", folder.shown())),
    }
}

/// Some engines refuse to work with such a search path.
fn search_path(session: &Session) -> Finding {
    let path = session.console.environment.raw("PATH").map(|path| std::env::split_paths(path).collect::<Vec<_>>());
    let bad = path
        .unwrap_or_default()
        .into_iter()
        .find(|folder| !folder.is_absolute() || folder.to_string_lossy().contains(char::is_whitespace));
    match bad {
        None => finding("PATH", State::Ok, "all its directories are absolute and have no blanks"),
        Some(folder) => {
            let own = session.settings.engine.value.kind();
            let state = if own.needs_plain_path { State::Missing } else { State::Note };
            let strict = Some(own).filter(|kind| kind.needs_plain_path);
            let strict = strict.or_else(|| EngineKind::first(|kind| kind.needs_plain_path));
            let title = strict.map_or("some engine", |kind| kind.title);
            let text = format!("holds `{}`; {title} wants absolute directories without blanks", folder.shown());
            finding("PATH", state, text)
        }
    }
}

/// Where they can be had, all workspaces share compiled objects.
fn namespaces() -> Finding {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default().trim().to_owned();
    let forbidden = read("/proc/sys/kernel/unprivileged_userns_clone") == "0"
        || read("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1"
        || read("/proc/sys/user/max_user_namespaces") == "0";
    match forbidden && !rustix::process::geteuid().is_root() {
        false => finding("namespaces", State::Ok, "workspaces can be built at one path and share compiled objects"),
        true => finding(
            "namespaces",
            State::Note,
            "user namespaces are forbidden here, so that workspaces share fewer compiled objects \
             (sysctl kernel.apparmor_restrict_unprivileged_userns, kernel.unprivileged_userns_clone)",
        ),
    }
}

fn kvm() -> Finding {
    match fs::OpenOptions::new().read(true).write(true).open("/dev/kvm") {
        Ok(_) => {
            finding("KVM", State::Ok, "/dev/kvm is there; `run` tries whether it works, and has QEMU emulate otherwise")
        }
        Err(error) => {
            finding("KVM", State::Note, format!("/dev/kvm: {error}; QEMU emulates, which is slow (group `kvm`?)"))
        }
    }
}

/// The kernel's sources have files whose names differ in case only.
fn letters(session: &Session) -> Finding {
    let folder = session.workspace.root();
    let probe = || -> std::io::Result<bool> {
        let folder = folder.ancestors().find(|folder| folder.is_dir()).unwrap_or(Path::new("/"));
        let file = tempfile::Builder::new().prefix(".skiff-case-").suffix("-a").tempfile_in(folder)?;
        let name = file.path().file_name().unwrap_or_default().to_string_lossy().to_uppercase();
        Ok(!folder.join(name).exists())
    };
    match probe() {
        Ok(true) => finding("letter case", State::Ok, "names that differ in case only are different files"),
        Ok(false) => finding("letter case", State::Missing, format!("{} ignores the case of names", folder.shown())),
        Err(error) => finding("letter case", State::Note, format!("cannot write to {}: {error}", folder.shown())),
    }
}
