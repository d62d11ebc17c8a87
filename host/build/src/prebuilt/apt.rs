//! A private apt: its own lists and caches, the host's sources and keys, nothing of the host's state.

use skiff_file::Lock;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use skiff_plan::Arch;
use skiff_report::Cancel;
use skiff_report::Reporter;
use skiff_report::Task;
use skiff_report::Unit;
use skiff_trust::Trust;
use tempfile::TempDir;
use tracing::debug;

use super::Prebuilt;
use super::PrebuiltError;
use super::stubs;
use crate::BuildContext;
use crate::FileError;
use crate::atomic::write_file;
use crate::process::watch;
use crate::workspace_lock::wait_for;

/// How the directories that apt runs in start.
const RUN: &str = ".run-";

/// How old package lists may be before they are fetched again.
const MAX_AGE: Duration = Duration::from_secs(24 * 3600);

/// apt's configuration, but for the architecture.
///
/// apt neither quotes the names in it, nor when it passes its settings on to the programs that check signatures. So it
/// holds no names: apt runs in a directory below its state, and the paths are relative to that. It is read with `-c`,
/// after the host's own files, whose hooks would run as the user. `Dir::Etc` stays the host's: its sources and keys are
/// the ones to trust.
const CONFIGURATION: &str = r##"Dir::State "../";
Dir::State::status "../status";
Dir::Cache "../cache";
Dir::Cache::pkgcache "pkgcache.bin";
Dir::Cache::srcpkgcache "srcpkgcache.bin";
APT::Sandbox::User "";
APT::Install-Recommends "false";
APT::Update::Error-Mode "any";
Acquire::Languages "none";
Acquire::Retries "3";
Acquire::http::Timeout "30";
Acquire::https::Timeout "30";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear Acquire::IndexTargets::deb::DEP-11;
#clear Acquire::IndexTargets::deb::CNF;
#clear APT::Architectures;
"##;

/// apt for one architecture.
pub(crate) struct Apt<'a> {
    state: PathBuf,
    pub(super) packages: PathBuf,
    pub(super) arch: Arch,
    pub(super) trust: &'a Trust,
    pub(super) offline: bool,
    pub(super) reporter: &'a Arc<dyn Reporter>,
    pub(super) cancel: &'a Cancel,
}

/// The right to use apt's state, which one skiff at a time has.
pub(super) struct Hold {
    _lock: Lock,
}

/// The package lists, after a look at their age.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Lists {
    /// They were fetched now.
    New,
    /// They are less than a day old, and were left alone.
    Recent,
    /// The network may not be used.
    Offline,
    /// At least one could not be fetched, for this reason.
    Failed(String),
}

/// What an apt program said.
pub(super) struct Said {
    pub(super) success: bool,
    pub(super) stdout: String,
    /// The first complaint.
    pub(super) complaint: Option<String>,
}

impl<'a> Apt<'a> {
    pub(crate) fn new(engine: &'a Prebuilt, arch: Arch, context: &'a BuildContext) -> Self {
        let Prebuilt { cache, trust, policy, .. } = engine;
        Self {
            state: cache.join("apt").join(arch.debian()),
            packages: cache.join("packages"),
            arch,
            trust,
            offline: policy.offline,
            reporter: &context.reporter,
            cancel: &context.cancel,
        }
    }

    /// Makes sure that nobody else can have filled apt's state, waits for other skiffs, and writes the configuration.
    pub(super) fn hold(&self) -> Result<Hold, PrebuiltError> {
        // From the cache's own directory downwards.
        let cache = self.packages.parent().unwrap_or(&self.packages);
        for folder in [cache, &cache.join("apt"), &self.state] {
            self.trust.make_private(folder)?;
        }
        self.refuse_control_characters()?;
        for folder in ["lists", "lists/partial", "cache", "cache/archives", "cache/archives/partial"] {
            self.trust.make_private(&self.state.join(folder))?;
        }
        let title = "Waiting for another skiff that downloads";
        let lock = wait_for(&self.state.join("skiff-lock"), title, self.reporter, self.cancel)?;
        self.clear_runs().map_err(FileError::at("clear", &self.state))?;
        let arch = self.arch.debian();
        let text = format!("{CONFIGURATION}APT::Architecture \"{arch}\";\nAPT::Architectures {{ \"{arch}\"; }};\n");
        write_file(&self.state.join("apt.conf"), text.as_bytes())?;
        Ok(Hold { _lock: lock })
    }

    /// Writes which packages apt takes for installed: the stubs that no layer names.
    pub(super) fn write_status(&self, _: &Hold, named: &[String]) -> Result<(), PrebuiltError> {
        let path = self.state.join("status");
        let failed = |error| FileError::at("write", &path)(std::io::Error::other(error));
        let status = stubs::status(self.arch, named).map_err(failed)?;
        // apt builds its index of the lists again, for some seconds, when this file is newer than it.
        let is_regular = path.symlink_metadata().is_ok_and(|metadata| metadata.is_file());
        if !is_regular || fs::read(&path).ok().as_deref() != Some(status.as_bytes()) {
            write_file(&path, status.as_bytes())?;
        }
        Ok(())
    }

    /// apt tells its programs where to write in lines of `Name: value`, and would let a name add lines.
    fn refuse_control_characters(&self) -> Result<(), FileError> {
        let failed = || FileError::at("use the cache", &self.state);
        let path = self.state.canonicalize().map_err(failed())?;
        if path.as_os_str().as_encoded_bytes().iter().any(u8::is_ascii_control) {
            let why = "apt cannot work in a directory whose name has control characters";
            return Err(failed()(std::io::Error::new(std::io::ErrorKind::InvalidInput, why)));
        }
        Ok(())
    }

    /// Removes what killed runs have left.
    fn clear_runs(&self) -> std::io::Result<()> {
        for entry in fs::read_dir(&self.state)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(RUN) && entry.file_type()?.is_dir() {
                skiff_tree::remove(rustix::fs::CWD, &entry.path(), &|| Ok(()))?;
            }
        }
        Ok(())
    }

    /// Makes an empty directory for apt to run in.
    pub(super) fn run_folder(&self, _: &Hold) -> Result<TempDir, FileError> {
        let make = tempfile::Builder::new().prefix(RUN).tempdir_in(&self.state);
        make.map_err(FileError::at("make a directory in", &self.state))
    }

    /// Returns whether any package lists are there.
    pub(super) fn has_lists(&self) -> bool {
        let Ok(entries) = fs::read_dir(self.state.join("lists")) else { return false };
        entries.flatten().any(|entry| entry.file_name().to_string_lossy().contains("_Packages"))
    }

    /// Fetches the package lists unless they are recent.
    pub(super) fn refresh(&self, hold: &Hold, force: bool) -> Result<Lists, PrebuiltError> {
        if self.offline {
            return Ok(Lists::Offline);
        }
        let stamp = self.state.join("refreshed");
        let age =
            fs::metadata(&stamp).and_then(|metadata| metadata.modified()).ok().and_then(|time| time.elapsed().ok());
        if !force && age.is_some_and(|age| age < MAX_AGE) {
            return Ok(Lists::Recent);
        }
        let task =
            Task::start(self.reporter, &format!("Fetching package lists for {}", self.arch), Unit::Items, Some(100));
        let mut done = 0;
        let said = self.watch(self.run_folder(hold)?.path(), &["update"], |part| {
            let percent = (part * 100.0) as u64;
            task.advance(percent.saturating_sub(done));
            done = done.max(percent);
        })?;
        debug!(complaint = ?said.complaint, success = said.success, "apt-get update");
        if !said.success {
            return Ok(Lists::Failed(said.complaint.unwrap_or_else(|| "apt-get update failed".to_owned())));
        }
        write_file(&stamp, b"")?;
        Ok(Lists::New)
    }

    fn command(&self, program: &str, folder: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(folder).env("LC_ALL", "C.UTF-8").env("DEBIAN_FRONTEND", "noninteractive");
        command.args(["-c", "../apt.conf"]).stdin(Stdio::null());
        command
    }

    /// Runs a program that ends soon.
    pub(super) fn run(
        &self,
        hold: &Hold,
        program: &'static str,
        arguments: impl IntoIterator<Item = impl AsRef<std::ffi::OsStr>>,
    ) -> Result<Said, PrebuiltError> {
        let folder = self.run_folder(hold)?;
        let mut command = self.command(program, folder.path());
        let output = command.args(arguments).output().map_err(|error| missing(program, error))?;
        // It got the same Ctrl-C, and says nothing of it.
        self.cancel.check()?;
        Ok(Said {
            success: output.status.success(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            complaint: complaint(&String::from_utf8_lossy(&output.stderr)),
        })
    }

    /// Runs apt-get, hands on which part of its work is done, and ends it when the user wants to stop.
    pub(super) fn watch(
        &self,
        folder: &Path,
        arguments: &[&str],
        mut progress: impl FnMut(f64),
    ) -> Result<Said, PrebuiltError> {
        const PROGRAM: &str = "apt-get";
        let mut command = self.command(PROGRAM, folder);
        command.args(["-qq", "-o", "APT::Status-Fd=1"]).args(arguments);
        let mut said = String::new();
        let status = watch(&mut command, self.cancel, |line| match part(line) {
            Some(part) => progress(part),
            None => said += &format!("{line}\n"),
        });
        self.cancel.check()?;
        let status = status.map_err(|error| missing(PROGRAM, error))?;
        Ok(Said { success: status.success(), stdout: String::new(), complaint: complaint(&said) })
    }
}

fn missing(program: &'static str, error: std::io::Error) -> PrebuiltError {
    match error.kind() {
        std::io::ErrorKind::NotFound => PrebuiltError::NoApt { program },
        _ => FileError::at("run", program)(error).into(),
    }
}

/// Finds the line that says most: apt starts complaints with `E: ` or `W: `, and sums up at the end.
fn complaint(text: &str) -> Option<String> {
    let said =
        |letter: &str| text.lines().filter_map(|line| line.strip_prefix(letter)).map(str::trim).collect::<Vec<_>>();
    let (errors, warnings) = (said("E: "), said("W: "));
    let mut all = errors.iter().chain(&warnings);
    let failed = all.clone().find(|line| line.starts_with("Failed to fetch"));
    failed.or_else(|| all.next()).map(|line| (*line).to_owned())
}

/// Reads `dlstatus:<n>:<percent>:<text>`.
fn part(line: &str) -> Option<f64> {
    let percent: f64 = line.strip_prefix("dlstatus:")?.split(':').nth(1)?.parse().ok()?;
    Some((percent / 100.0).clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_line_and_the_complaint_are_found() {
        assert_eq!(part("dlstatus:1:20.5:Retrieving file 1 of 2"), Some(0.205));
        assert_eq!(part("pmstatus:x"), None);
        assert_eq!(part("dlstatus:1:NaN:x").map(f64::is_nan), Some(true));
        assert_eq!(complaint("W: slow\nE: no such package\n").as_deref(), Some("no such package"));
        let offline = "W: Failed to fetch http://x/InRelease  Could not resolve 'x'\nE: Some index files failed.\n";
        assert_eq!(complaint(offline).as_deref(), Some("Failed to fetch http://x/InRelease  Could not resolve 'x'"));
        assert_eq!(complaint(""), None);
    }

    #[test]
    fn the_configuration_holds_no_paths_of_the_machine() {
        for line in CONFIGURATION.lines().filter(|line| line.starts_with("Dir::")) {
            assert!(line.contains(" \"../") || line.ends_with("pkgcache.bin\";"), "{line}");
        }
    }
}
