//! A private apt: its own lists and caches, the host's sources and keys, nothing of the host's state.

use std::fs;
use std::fs::File;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use skiff_plan::Arch;
use skiff_plan::Cancel;
use skiff_plan::Digest;
use skiff_plan::Reporter;
use skiff_plan::Task;
use skiff_plan::Unit;
use tracing::debug;

use super::PrebuiltError;
use crate::FileError;
use crate::lock_file::LockedPackage;
use crate::process::watch;
use crate::workspace_lock::wait_for;

/// How the folders of unfinished downloads start; the architecture follows.
const DOWNLOAD: &str = ".download-";

/// How old package lists may be before they are fetched again.
const MAX_AGE: Duration = Duration::from_secs(24 * 3600);

/// apt for one architecture.
pub(crate) struct Apt<'a> {
    state: PathBuf,
    packages: PathBuf,
    arch: Arch,
    offline: bool,
    reporter: &'a Arc<dyn Reporter>,
    cancel: &'a Cancel,
}

/// What an apt program said.
struct Said {
    success: bool,
    stdout: String,
    /// The first complaint.
    complaint: Option<String>,
}

impl<'a> Apt<'a> {
    pub(crate) fn new(
        cache: &Path,
        arch: Arch,
        offline: bool,
        reporter: &'a Arc<dyn Reporter>,
        cancel: &'a Cancel,
    ) -> Self {
        let state = cache.join("apt").join(arch.debian());
        Self { state, packages: cache.join("packages"), arch, offline, reporter, cancel }
    }

    fn configuration(&self) -> PathBuf {
        self.state.join("apt.conf")
    }

    /// Writes the configuration. `Dir::Etc` stays the host's: its sources and keys are the ones to trust.
    fn prepare(&self) -> Result<(), FileError> {
        for folder in ["lists/partial", "cache/archives/partial"] {
            let folder = self.state.join(folder);
            fs::create_dir_all(&folder).map_err(FileError::at("make", &folder))?;
        }
        let (state, arch) = (self.state.display(), self.arch.debian());
        let text = format!(
            "Dir::State \"{state}\";\nDir::State::status \"{state}/status\";\nDir::Cache \"{state}/cache\";\n\
             #clear APT::Architectures;\nAPT::Architecture \"{arch}\";\nAPT::Architectures {{ \"{arch}\"; }};\n\
             APT::Sandbox::User \"\";\nAPT::Install-Recommends \"false\";\nAcquire::Languages \"none\";\n\
             Acquire::Retries \"3\";\nAPT::Update::Error-Mode \"any\";\nAcquire::http::Timeout \"30\";\nAcquire::https::Timeout \"30\";\n#clear APT::Update::Post-Invoke;\n#clear APT::Update::Post-Invoke-Success;\n\
             #clear DPkg::Post-Invoke;\n"
        );
        for (name, text) in [("apt.conf", text.as_str()), ("status", "")] {
            let path = self.state.join(name);
            fs::write(&path, text).map_err(FileError::at("write", &path))?;
        }
        Ok(())
    }

    /// One skiff at a time uses this state.
    fn lock(&self) -> Result<File, PrebuiltError> {
        let title = "Waiting for another skiff that downloads";
        Ok(wait_for(&self.state.join("skiff-lock"), title, self.reporter, self.cancel)?)
    }

    /// Fetches the package lists unless they are fresh.
    pub(crate) fn refresh(&self, force: bool) -> Result<(), PrebuiltError> {
        if self.offline {
            return Ok(());
        }
        let _lock = self.lock()?;
        let stamp = self.state.join("refreshed");
        let age =
            fs::metadata(&stamp).and_then(|metadata| metadata.modified()).ok().and_then(|time| time.elapsed().ok());
        if !force && age.is_some_and(|age| age < MAX_AGE) {
            return Ok(());
        }
        self.prepare()?;
        let title = format!("Fetching package lists for {}", self.arch);
        let said = self.watch("apt-get", &["update"], &self.state, &title)?;
        debug!(complaint = ?said.complaint, success = said.success, "apt-get update");
        // A third-party source that fails is no harm as long as the packages are found.
        let complaint = self.state.join("complaint");
        fs::write(&complaint, said.complaint.unwrap_or_default()).map_err(FileError::at("write", &complaint))?;
        if said.success {
            fs::write(&stamp, "").map_err(FileError::at("write", &stamp))?;
        }
        Ok(())
    }

    /// Returns the packages behind a name: a kernel's meta package is followed to the kernel and its modules.
    pub(crate) fn look_up(&self, name: &str) -> Result<Vec<LockedPackage>, PrebuiltError> {
        match self.look_up_once(name) {
            // Lists that are out of date, or that came over a network that was down, lack packages.
            Err(PrebuiltError::NoPackage { .. }) => {
                self.refresh(true)?;
                self.look_up_once(name)
            }
            other => other,
        }
    }

    fn look_up_once(&self, name: &str) -> Result<Vec<LockedPackage>, PrebuiltError> {
        let mut found: Vec<LockedPackage> = Vec::new();
        let mut waiting = vec![name.to_owned()];
        while let Some(name) = waiting.pop() {
            let Some((package, dependencies)) = self.show(&name)? else {
                let complaint = fs::read_to_string(self.state.join("complaint")).unwrap_or_default();
                let reason = Some(complaint).filter(|text| !text.is_empty());
                return Err(PrebuiltError::NoPackage { package: name, arch: self.arch, reason });
            };
            let kernel_part = |name: &&String| name.starts_with("linux-image-") || name.starts_with("linux-modules-");
            let parts = dependencies.iter().filter(kernel_part).filter(|part| found.iter().all(|f| f.name != **part));
            waiting.extend(parts.cloned());
            found.push(package);
        }
        found.sort();
        Ok(found)
    }

    fn show(&self, name: &str) -> Result<Option<(LockedPackage, Vec<String>)>, PrebuiltError> {
        let said = self.run("apt-cache", &["show", "--no-all-versions", "--", name], Path::new("/"))?;
        let paragraph = said.stdout.split("\n\n").next().unwrap_or_default();
        let field = |name: &str| {
            paragraph.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).unwrap_or_default()
        };
        let sha256 = field("SHA256").to_owned();
        if !said.success || sha256.is_empty() {
            return Ok(None);
        }
        let alternatives =
            |entry: &str| entry.split('|').next().unwrap_or_default().split_whitespace().next().map(str::to_owned);
        let dependencies = field("Depends").split(',').filter_map(alternatives).collect();
        let (name, version) = (field("Package").to_owned(), field("Version").to_owned());
        Ok(Some((
            LockedPackage { name, version, size: field("Size").parse().unwrap_or_default(), sha256 },
            dependencies,
        )))
    }

    /// Returns the files of all packages, downloading those that the cache lacks.
    pub(crate) fn obtain<'p>(
        &self,
        packages: impl Iterator<Item = &'p LockedPackage>,
    ) -> Result<Vec<PathBuf>, PrebuiltError> {
        packages.map(|package| self.obtain_one(package)).collect()
    }

    fn obtain_one(&self, package: &LockedPackage) -> Result<PathBuf, PrebuiltError> {
        let path = self.packages.join(format!("{}.deb", package.sha256));
        if digest(&path).is_some_and(|present| present.to_string() == package.sha256) {
            return Ok(path);
        }
        let first = self.download(package, &path);
        if matches!(first, Err(PrebuiltError::Download { .. })) {
            // Lists that are out of date name files that are gone.
            self.refresh(true)?;
            return self.download(package, &path);
        }
        first
    }

    fn download(&self, package: &LockedPackage, path: &Path) -> Result<PathBuf, PrebuiltError> {
        let shown = format!("{}={}", package.name, package.version);
        if self.offline {
            return Err(PrebuiltError::Offline { package: shown });
        }
        let _lock = self.lock()?;
        self.prepare()?;
        let make = || {
            fs::create_dir_all(&self.packages)?;
            self.clear_downloads()?;
            tempfile::Builder::new().prefix(&format!("{DOWNLOAD}{}-", self.arch)).tempdir_in(&self.packages)
        };
        let folder = make().map_err(FileError::at("make a folder in", &self.packages))?;
        let title = format!("Downloading {}", package.name);
        let said = self.watch("apt-get", &["download", "--", &shown], folder.path(), &title)?;
        let mut files = fs::read_dir(folder.path()).map_err(FileError::at("list", folder.path()))?.flatten();
        let file = files.find(|entry| entry.path().extension().is_some_and(|extension| extension == "deb"));
        let Some(file) = file.filter(|_| said.success) else {
            return Err(PrebuiltError::Download { package: shown, reason: said.complaint });
        };
        let present = digest(&file.path()).map(|digest| digest.to_string()).unwrap_or_default();
        if present != package.sha256 {
            return Err(PrebuiltError::Digest { package: shown, present, wanted: package.sha256.clone() });
        }
        fs::rename(file.path(), path).map_err(FileError::at("write", path))?;
        Ok(path.to_owned())
    }

    /// Removes what killed runs have left. Only for the holder of the lock.
    fn clear_downloads(&self) -> std::io::Result<()> {
        let mine = format!("{DOWNLOAD}{}-", self.arch);
        for entry in fs::read_dir(&self.packages)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(&mine) {
                skiff_tree::remove(rustix::fs::CWD, &entry.path(), &|| Ok(()))?;
            }
        }
        Ok(())
    }

    fn command(&self, program: &str, folder: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(folder).env("APT_CONFIG", self.configuration()).env("LC_ALL", "C.UTF-8");
        command.env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null());
        command
    }

    fn run(&self, program: &'static str, arguments: &[&str], folder: &Path) -> Result<Said, PrebuiltError> {
        let output = self.command(program, folder).args(arguments).output().map_err(|error| missing(program, error))?;
        // It got the same Ctrl-C, and says nothing of it.
        self.cancel.check()?;
        Ok(Said {
            success: output.status.success(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            complaint: complaint(&String::from_utf8_lossy(&output.stderr)),
        })
    }

    /// Runs apt with a progress bar, and ends it when the user wants to stop.
    fn watch(
        &self,
        program: &'static str,
        arguments: &[&str],
        folder: &Path,
        title: &str,
    ) -> Result<Said, PrebuiltError> {
        let task = Task::start(self.reporter, title, Unit::Items, Some(100));
        let mut command = self.command(program, folder);
        command.args(["-qq", "-o", "APT::Status-Fd=1"]).args(arguments);
        let (mut done, mut said) = (0, String::new());
        let status = watch(&mut command, self.cancel, |line| match percent(line) {
            Some(percent) => {
                task.advance(percent.saturating_sub(done));
                done = done.max(percent);
            }
            None => said += &format!("{line}\n"),
        });
        self.cancel.check()?;
        let status = status.map_err(|error| missing(program, error))?;
        Ok(Said { success: status.success(), stdout: String::new(), complaint: complaint(&said) })
    }
}

fn missing(program: &'static str, error: std::io::Error) -> PrebuiltError {
    match error.kind() {
        std::io::ErrorKind::NotFound => PrebuiltError::NoApt { program },
        _ => FileError::at("run", program)(error).into(),
    }
}

/// apt starts complaints with `E: ` or `W: `.
fn complaint(text: &str) -> Option<String> {
    let line =
        |letter: &str| text.lines().find_map(|line| line.strip_prefix(letter)).map(|line| line.trim().to_owned());
    line("E: ").or_else(|| line("W: "))
}

/// Reads `dlstatus:<n>:<percent>:<text>`.
fn percent(line: &str) -> Option<u64> {
    let percent = line.strip_prefix("dlstatus:")?.split(':').nth(1)?;
    percent.split('.').next()?.parse().ok()
}

fn digest(path: &Path) -> Option<Digest> {
    Digest::of_reader(File::open(path).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_line_and_the_complaint_are_found() {
        assert_eq!(percent("dlstatus:1:20.5:Retrieving file 1 of 2"), Some(20));
        assert_eq!(percent("pmstatus:x"), None);
        assert_eq!(complaint("W: slow\nE: no such package\n").as_deref(), Some("no such package"));
        assert_eq!(complaint(""), None);
    }
}
