//! Where Buildroot believes to build: at the same path for all workspaces, in a mount namespace, so that compilers see
//! equal command lines and the shared cache hits; or, where that cannot be had, at the workspace's own path.

use std::convert::Infallible;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;

use rustix::mount::MountFlags;
use rustix::mount::MountPropagationFlags;
use rustix::mount::UnmountFlags;
use rustix::thread::UnshareFlags;
use skiff_report::Event;
use skiff_report::Level;

use super::BuildrootError;
use crate::BuildContext;
use crate::atomic::read_optional;
use crate::atomic::write_file;
use skiff_text::Shown as _;

/// The file in a workspace that says at which path it is built. Files in it name that path, so it stays until they go.
pub(crate) const BUILD_PATH: &str = ".build-path";

/// The path of every workspace inside its mount namespace.
const FIXED: &str = "/skiff/w";

/// Where a workspace is built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// The directory as Buildroot sees it.
    pub(crate) path: PathBuf,
    /// The directory that everybody else sees.
    pub(crate) folder: PathBuf,
}

impl Place {
    /// Decides where a workspace is built, or finds out where it has been. `fixed` says whether a mount namespace is
    /// wanted at all; `program` is skiff itself.
    pub(crate) fn of(context: &BuildContext, fixed: bool, program: &Path) -> Result<Self, BuildrootError> {
        let folder = context.workspace.folder();
        let mark = folder.join(BUILD_PATH);
        let place = |path: PathBuf| Self { path, folder: folder.clone() };
        let marked = read_optional(&mark)?.map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned());
        match marked.map(PathBuf::from) {
            Some(path) if path == folder => return Ok(place(path)),
            Some(path) if path == Path::new(FIXED) => {
                return match probe(&folder, program) {
                    Ok(()) => Ok(place(path)),
                    Err(reason) => Err(BuildrootError::Place { path, reason }),
                };
            }
            Some(path) => return Err(BuildrootError::Moved { path }),
            None => {}
        }
        let path = match fixed.then(|| probe(&folder, program)) {
            None => folder.clone(),
            Some(Ok(())) => PathBuf::from(FIXED),
            Some(Err(reason)) => {
                let text = format!(
                    "this machine allows no mount namespace ({reason}), so workspaces share fewer compiled objects"
                );
                context.reporter.event(Event::Message { level: Level::Warning, plugin: None, text: &text });
                folder.clone()
            }
        };
        write_file(&mark, format!("{}\n", path.shown()).as_bytes())?;
        Ok(place(path))
    }

    pub(crate) fn is_fixed(&self) -> bool {
        self.path != self.folder
    }

    /// Returns a command that runs another one where the workspace is at its path, and that ends with skiff.
    pub(crate) fn command(&self, skiff: &Path, program: &str) -> Command {
        let mut command = Command::new(skiff);
        command.arg("inside").arg("--folder").arg(&self.folder);
        if self.is_fixed() {
            command.arg("--at").arg(&self.path);
        }
        command.arg("--").arg(program);
        command
    }
}

/// Tries whether a mount namespace can be had.
fn probe(folder: &Path, program: &Path) -> Result<(), String> {
    let place = Place { path: FIXED.into(), folder: folder.to_owned() };
    let output = place.command(program, "true").stdin(Stdio::null()).output().map_err(|error| error.to_string())?;
    match output.status.success() {
        true => Ok(()),
        false => {
            let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            Err(said.strip_prefix("error: ").map(str::to_owned).unwrap_or(said))
        }
    }
}

/// Replaces this process by another program that ends when its parent does and, with `at`, sees `directory` there, too.
///
/// Only for a process with one thread. `current` is the directory to start in.
///
/// # Errors
/// What the system says.
pub fn enter(
    folder: &Path,
    at: Option<&Path>,
    current: &Path,
    program: &OsString,
    arguments: &[OsString],
) -> io::Result<Infallible> {
    if let Some(at) = at {
        show_at(folder, at)?;
    }
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::TERM))?;
    Err(Command::new(program).args(arguments).current_dir(current).exec())
}

/// Makes `directory` visible at `at` for this process and its children: in a new root that holds everything of the old one.
fn show_at(folder: &Path, at: &Path) -> io::Result<()> {
    let (uid, gid) = (rustix::process::getuid(), rustix::process::getgid());
    // SAFETY: the process has one thread, and no file descriptor table is given up.
    #[expect(unsafe_code, reason = "rustix has no safe form")]
    let unshare = |flags| unsafe { rustix::thread::unshare_unsafe(flags) };
    if !uid.is_root() || unshare(UnshareFlags::NEWNS).is_err() {
        unshare(UnshareFlags::NEWUSER | UnshareFlags::NEWNS)?;
        // Everybody stays who they are.
        fs::write("/proc/self/setgroups", "deny")?;
        fs::write("/proc/self/uid_map", format!("{0} {0} 1", uid.as_raw()))?;
        fs::write("/proc/self/gid_map", format!("{0} {0} 1", gid.as_raw()))?;
    }
    rustix::mount::mount_change("/", MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC)?;
    let folder = fs::canonicalize(folder)?;
    // Any directory will do to begin with: it is hidden only until the old root is shown again.
    rustix::mount::mount("skiff", "/tmp", "tmpfs", MountFlags::empty(), None)?;
    for inner in ["/tmp/new", "/tmp/old"] {
        fs::create_dir(inner)?;
    }
    rustix::process::pivot_root("/tmp", "/tmp/old")?;
    rustix::process::chdir("/")?;
    // A mount of its own, since only a mount can become the root.
    rustix::mount::mount_bind("/new", "/new")?;
    let (old, new) = (Path::new("/old"), Path::new("/new"));
    for entry in fs::read_dir(old)? {
        let entry = entry?;
        show(&entry, &new.join(entry.file_name()))?;
    }
    if old
        .join(at.strip_prefix("/").unwrap_or(at))
        .ancestors()
        .any(|path| path != old && path.starts_with(old) && path.exists())
    {
        let text = format!("there is a {} on this machine", at.shown());
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, text));
    }
    let inner = new.join(at.strip_prefix("/").unwrap_or(at));
    fs::create_dir_all(&inner)?;
    rustix::mount::mount_bind_recursive(old.join(folder.strip_prefix("/").unwrap_or(&folder)), &inner)?;
    rustix::mount::unmount(old, UnmountFlags::DETACH)?;
    rustix::process::chdir(new)?;
    rustix::process::pivot_root(".", ".")?;
    rustix::mount::unmount(".", UnmountFlags::DETACH)?;
    Ok(rustix::process::chdir("/")?)
}

/// Shows an entry of the old root in the new one.
fn show(entry: &fs::DirEntry, place: &Path) -> io::Result<()> {
    let kind = entry.file_type()?;
    if kind.is_symlink() {
        return std::os::unix::fs::symlink(fs::read_link(entry.path())?, place);
    }
    match kind.is_dir() {
        true => fs::create_dir(place)?,
        false => drop(fs::File::create(place)?),
    }
    Ok(rustix::mount::mount_bind_recursive(entry.path(), place)?)
}
