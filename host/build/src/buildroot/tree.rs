//! Finding Buildroot: a directory of the user's, or a pinned release in the cache.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use skiff_digest::DigestBuilder;
use skiff_plan::Links;
use skiff_report::Cancel;
use skiff_report::Task;
use skiff_report::Unit;

use super::BuildrootError;
use crate::BuildContext;
use crate::FileError;
use crate::mounted::remove_tree;
use crate::outputs::digest_file;
use crate::outputs::digest_folder;
use crate::process::watch;
use crate::workspace_lock::wait_for;

/// Where a Buildroot tree comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A directory that somebody else looks after.
    Folder(PathBuf),
    /// A release that skiff fetches.
    Pinned(Pin),
}

/// A release, named so that nobody can give out another for it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    /// The git repository.
    #[serde(default = "default_url")]
    pub url: String,
    /// The release: a tag.
    pub release: String,
    /// The commit that the tag must lead to, as 40 hexadecimal digits.
    pub commit: String,
}

/// Buildroot's own repository.
fn default_url() -> String {
    "https://gitlab.com/buildroot.org/buildroot.git".into()
}

impl Default for Pin {
    /// The release that skiff's own layers are written for.
    fn default() -> Self {
        Self {
            url: default_url(),
            release: "2026.05.1".into(),
            commit: "cb857ba4c87a93e5265a9e4a3f32071abf39e14a".into(),
        }
    }
}

impl Pin {
    /// Returns what is wrong with it: names go to git, which must not take them for options.
    pub fn wrong(&self) -> Option<String> {
        let hex =
            |text: &str| text.len() == 40 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        let word = |text: &str| {
            text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '/')
                && text.bytes().all(|b| b.is_ascii_graphic())
        };
        if !hex(&self.commit) {
            return Some(format!("`{}` is not a commit; expected 40 hexadecimal digits in lower case", self.commit));
        }
        [&self.url, &self.release]
            .into_iter()
            .find(|text| !word(text))
            .map(|text| format!("`{text}` is not a valid address or release"))
    }
}

/// A Buildroot tree that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tree {
    /// Its directory.
    pub(crate) root: PathBuf,
    /// What identifies it: a commit and what was changed since, or the digest of its files.
    pub(crate) identity: String,
}

/// Files that every Buildroot tree has.
const FILES: [&str; 3] = ["Makefile", "Config.in", "package"];

impl Source {
    /// Returns the tree if it is there already.
    pub(crate) fn present(&self, cache: &Path, cancel: &Cancel) -> Result<Option<Tree>, BuildrootError> {
        match self {
            Self::Folder(root) => {
                if let Some(missing) = FILES.into_iter().find(|file| !root.join(file).exists()) {
                    return Err(BuildrootError::NoTree { path: root.clone(), missing });
                }
                Ok(Some(Tree { root: root.clone(), identity: identity(root, cancel)? }))
            }
            Self::Pinned(pin) => {
                let root = place(cache, pin);
                if !root.is_dir() {
                    return Ok(None);
                }
                match is_commit(&root, &pin.commit)? {
                    true => Ok(Some(Tree { root, identity: format!("commit {}", pin.commit) })),
                    false => Err(BuildrootError::Modified { path: root }),
                }
            }
        }
    }

    /// Returns where the tree is, or will be, without asking what it is.
    pub(crate) fn root(&self, cache: &Path) -> PathBuf {
        match self {
            Self::Folder(root) => root.clone(),
            Self::Pinned(pin) => place(cache, pin),
        }
    }

    /// Returns the tree, fetching it if need be.
    pub(crate) fn obtain(&self, cache: &Path, offline: bool, context: &BuildContext) -> Result<Tree, BuildrootError> {
        if let Some(tree) = self.present(cache, &context.cancel)? {
            return Ok(tree);
        }
        let Self::Pinned(pin) = self else {
            return Err(BuildrootError::NoTree { path: cache.to_owned(), missing: "Makefile" });
        };
        if offline {
            return Err(BuildrootError::Offline { release: pin.release.clone() });
        }
        fetch(pin, cache, context)?;
        Ok(Tree { root: place(cache, pin), identity: format!("commit {}", pin.commit) })
    }
}

fn place(cache: &Path, pin: &Pin) -> PathBuf {
    cache.join("buildroot").join(&pin.commit)
}

/// Clones a release into a directory of its own, checks the commit, and only then puts it in place.
fn fetch(pin: &Pin, cache: &Path, context: &BuildContext) -> Result<(), BuildrootError> {
    let folder = cache.join("buildroot");
    let title = "Waiting for another skiff that fetches Buildroot";
    let _lock = wait_for(&folder.join(".lock"), title, &context.reporter, &context.cancel)?;
    if place(cache, pin).is_dir() {
        return Ok(());
    }
    let task = Task::start(&context.reporter, &format!("Fetching Buildroot {}", pin.release), Unit::Items, None);
    clear(&folder)?;
    let staging = tempfile::Builder::new()
        .prefix(CLONE)
        .tempdir_in(&folder)
        .map_err(FileError::at("make a directory in", &folder))?;
    let clone = staging.path().join("tree");
    let mut git = Command::new("git");
    git.args(["clone", "--quiet", "-c", "advice.detachedHead=false", "--depth", "1", "--branch", &pin.release]);
    // Nobody is there to answer questions.
    git.args(["--", &pin.url]).arg(&clone).env("GIT_TERMINAL_PROMPT", "0").env("LC_ALL", "C.UTF-8");
    let mut said = Vec::new();
    let status = watch(&mut git, &context.cancel, |line| {
        task.note(line);
        said.push(line.to_owned());
    });
    context.cancel.check()?;
    let reason = match status {
        Ok(status) if status.success() => None,
        Ok(_) => Some(said.iter().rfind(|line| line.contains("fatal:")).or(said.last()).cloned().unwrap_or_default()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(BuildrootError::Missing { program: "git" });
        }
        Err(error) => Some(error.to_string()),
    };
    let (release, url) = (pin.release.clone(), pin.url.clone());
    if let Some(reason) = reason {
        return Err(BuildrootError::Clone { release, url, reason });
    }
    let present = commit(&clone)?;
    if present != pin.commit {
        return Err(BuildrootError::Commit { release, url, present, wanted: pin.commit.clone() });
    }
    let place = place(cache, pin);
    fs::rename(&clone, &place).map_err(FileError::at("write", &place))?;
    Ok(())
}

/// How the directories of unfinished clones start.
const CLONE: &str = ".clone-";

/// Removes what killed runs have left. Only for the holder of the lock.
fn clear(folder: &Path) -> Result<(), FileError> {
    for entry in fs::read_dir(folder).map_err(FileError::at("list", folder))? {
        let entry = entry.map_err(FileError::at("list", folder))?;
        if entry.file_name().as_encoded_bytes().starts_with(CLONE.as_bytes()) {
            remove_tree(&entry.path())?;
        }
    }
    Ok(())
}

fn commit(root: &Path) -> Result<String, BuildrootError> {
    let output = git(root, None, &["rev-parse", "--verify", "HEAD"])?;
    Ok(String::from_utf8_lossy(&output).trim().to_owned())
}

/// Settings of a repository that change what of a work tree git sees.
const PLAIN: [&str; 5] = [
    "core.fileMode=true",
    "core.autocrlf=false",
    "core.excludesFile=",
    "core.attributesFile=",
    "core.sparseCheckout=false",
];

/// Asks git about one tree, whatever repository the environment is about and whoever owns the tree. Commits are what they
/// are, not what `refs/replace` says. With an index of its own, files count as they lie there, whatever the repository's
/// index and settings say of them.
fn git(root: &Path, index: Option<&Path>, arguments: &[&str]) -> Result<Vec<u8>, BuildrootError> {
    let mut command = Command::new("git");
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_EXTERNAL_DIFF", "GIT_REPLACE_REF_BASE"] {
        command.env_remove(name);
    }
    command.arg("--no-replace-objects");
    if let Some(index) = index {
        command.env("GIT_DIR", root.join(".git")).env("GIT_WORK_TREE", root).env("GIT_INDEX_FILE", index);
        command.args(PLAIN.iter().flat_map(|setting| ["-c", setting]));
    }
    // Whose tree it is, does not change what it is. What it configures to be run is not run, as far as git lets that be
    // said: a filter of its own is, as its makefiles will be.
    command.args(["-c", "safe.directory=*", "-c", "core.fsmonitor=false"]).arg("-C").arg(root).args(arguments);
    let output = command.output().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => BuildrootError::Missing { program: "git" },
        _ => FileError::at("run", "git")(error).into(),
    })?;
    match output.status.success() {
        true => Ok(output.stdout),
        false => Err(BuildrootError::Git {
            path: root.to_owned(),
            reason: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        }),
    }
}

/// Returns whether every file of a tree is as a commit has it, and there is no other.
fn is_commit(root: &Path, wanted: &str) -> Result<bool, BuildrootError> {
    let beside = root.parent().unwrap_or(root);
    let make = tempfile::Builder::new().prefix(".index-").tempdir_in(beside);
    let folder = make.map_err(FileError::at("make a directory in", beside))?;
    let index = folder.path().join("index");
    let git = |arguments: &[&str]| git(root, Some(&index), arguments);
    if commit(root)? != wanted {
        return Ok(false);
    }
    git(&["read-tree", wanted])?;
    let changes = git(&["diff", "--no-ext-diff", "--no-textconv", "--name-only", wanted])?;
    let others = git(&["ls-files", "--others", "--exclude-per-directory=.gitignore"])?;
    Ok(changes.is_empty() && others.is_empty())
}

/// A tree with git is its commit, and what was changed since; one without is the digest of what is built from.
fn identity(root: &Path, cancel: &Cancel) -> Result<String, BuildrootError> {
    if root.join(".git").exists() {
        let commit = commit(root)?;
        let changes = git(root, None, &["diff", "--no-ext-diff", "--no-textconv", "HEAD"])?;
        // What Buildroot reads counts, whatever the tree has git ignore, and whatever git was told not to look at.
        let others = [&["ls-files", "-z", "--others"], &CACHES[..], &["--"], &PARTS[..]].concat();
        let mut others = git(root, None, &others)?;
        others.extend(unwatched(&git(root, None, &["ls-files", "-z", "-v"])?));
        let mut builder = DigestBuilder::default();
        builder.field(&changes);
        for name in others.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
            let path = root.join(OsStr::from_bytes(name));
            builder.field(name);
            // A file that goes while we look is one that changes all the time.
            if path.is_file() {
                builder.field(digest_file(&path)?.bytes());
            } else if path.is_dir() {
                // A clone in the tree, into which git does not look.
                builder.field(digest_folder(&path, Links::Followed, cancel)?.bytes());
            }
        }
        return Ok(match changes.is_empty() && others.is_empty() {
            true => format!("commit {commit}"),
            false => format!("commit {commit} with changes {}", builder.finish()),
        });
    }
    let mut builder = DigestBuilder::default();
    for name in PARTS {
        let path = root.join(name);
        let digest = match path.is_dir() {
            true => digest_folder(&path, Links::Followed, cancel)?,
            false if path.exists() => digest_file(&path)?,
            false => continue,
        };
        builder.field(name).field(digest.bytes());
    }
    Ok(format!("files {}", builder.finish()))
}

/// Returns the names of files that git compares with nothing, of a list by `ls-files -z -v`: those that are assumed to be
/// unchanged have a small letter, and those that are skipped an `S` (git-ls-files(1)).
fn unwatched(list: &[u8]) -> Vec<u8> {
    let mut names = Vec::new();
    for line in list.split(|byte| *byte == 0) {
        if let [letter, b' ', name @ ..] = line
            && (letter.is_ascii_lowercase() || *letter == b'S')
        {
            names.extend_from_slice(name);
            names.push(0);
        }
    }
    names
}

/// Files that Python writes beside those that it has read.
const CACHES: [&str; 2] = ["--exclude=*.py[co]", "--exclude=__pycache__/"];

/// What of a tree decides what is built.
const PARTS: [&str; 13] = [
    "Config.in",
    "Config.in.legacy",
    "Makefile",
    "Makefile.legacy",
    "board",
    "arch",
    "boot",
    "fs",
    "linux",
    "package",
    "support",
    "system",
    "toolchain",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_is_digested_until_the_user_asks_to_stop() {
        let root = tempfile::tempdir().unwrap();
        for name in ["Makefile", "Config.in"] {
            fs::write(root.path().join(name), name).unwrap();
        }
        fs::create_dir(root.path().join("package")).unwrap();
        fs::write(root.path().join("package/Config.in"), "x").unwrap();
        let source = Source::Folder(root.path().to_owned());
        let cancel = Cancel::default();
        let identity = source.present(root.path(), &cancel).unwrap().unwrap().identity;
        assert!(identity.starts_with("files "), "{identity}");
        cancel.cancel();
        let stopped = source.present(root.path(), &cancel);
        let is_stop = |error: &FileError| error.source.kind() == io::ErrorKind::Interrupted;
        assert!(matches!(&stopped, Err(BuildrootError::File(error)) if is_stop(error)), "{stopped:?}");
    }

    #[test]
    fn what_buildroot_reads_counts_whatever_git_was_told() {
        let root = tempfile::tempdir().unwrap();
        let at = |path: &str| root.path().join(path);
        fs::create_dir_all(at("tree/package")).unwrap();
        for name in ["Makefile", "Config.in", "package/Config.in"] {
            fs::write(at("tree").join(name), name).unwrap();
        }
        fs::write(at("outside"), "one").unwrap();
        let identity = || identity(&at("tree"), &Cancel::default()).unwrap();
        std::os::unix::fs::symlink(at("outside"), at("tree/package/linked")).unwrap();
        let plain = identity();
        fs::write(at("outside"), "two").unwrap();
        assert_ne!(identity(), plain, "a link in a tree without git");
        fs::remove_file(at("tree/package/linked")).unwrap();
        let git = |arguments: &[&str]| {
            let user = ["-c", "user.name=t", "-c", "user.email=t@t"];
            let mut command = std::process::Command::new("git");
            let output = command.args(user).arg("-C").arg(at("tree")).args(arguments).output().unwrap();
            assert!(output.status.success(), "{output:?}");
        };
        fs::write(at("tree/.gitignore"), "*.secret\n/output\n").unwrap();
        git(&["init", "-q"]);
        git(&["add", "."]);
        git(&["commit", "-q", "-m", "one"]);
        let clean = identity();
        assert!(clean.starts_with("commit ") && !clean.contains("changes"), "{clean}");
        fs::create_dir_all(at("tree/output/build")).unwrap();
        fs::write(at("tree/output/build/x"), "x").unwrap();
        fs::write(at("tree/package/x.pyc"), "x").unwrap();
        assert_eq!(identity(), clean, "what Buildroot and Python write");
        fs::write(at("tree/package/x.secret"), "x").unwrap();
        assert_ne!(identity(), clean, "an ignored file");
        fs::remove_file(at("tree/package/x.secret")).unwrap();
        git(&["update-index", "--assume-unchanged", "package/Config.in"]);
        let watched = identity();
        fs::write(at("tree/package/Config.in"), "changed").unwrap();
        assert_ne!(identity(), watched, "a file that git does not look at");
    }
}
