//! The record of what plugins did beyond their sandbox, and of what they were refused.

use std::fs;
use std::fs::File;
use std::io;
use std::io::BufRead as _;
use std::io::BufReader;
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::SystemTime;

use serde::Deserialize;
use serde::Serialize;
use skiff_digest::Digest;
use skiff_digest::DigestBuilder;
use skiff_file::Lock;

use crate::PluginId;

/// Bytes after which a new file is begun.
const MAX_SIZE: u64 = 16 << 20;

/// Files before it that are kept.
const MAX_OLDER: usize = 4;

/// Bytes that are noted of what a plugin says: of a reason, or of all arguments of a tool together.
const MAX_TEXT: usize = 4096;

/// Arguments that a record has when there are too many or too long ones.
const MAX_ARGUMENTS: usize = 64;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// When, in seconds since 1970.
    pub time: u64,
    /// The plugin, or the layer with scripts.
    pub plugin: PluginId,
    /// SHA-256 of its component, or of its scripts.
    pub digest: String,
    /// What.
    #[serde(flatten)]
    pub event: AuditEvent,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum AuditEvent {
    /// A program of the host was started.
    Tool {
        /// The program's file.
        program: PathBuf,
        /// Its arguments, as it got them.
        arguments: Vec<String>,
    },
    /// Something was downloaded, or taken from the cache of downloads.
    Fetch {
        /// From where.
        url: String,
        /// The digest that it has.
        sha256: String,
    },
    /// Scripts of a layer were run, with all rights of the user.
    Script {
        /// What was run.
        path: PathBuf,
    },
    /// Something was refused.
    Refused {
        /// What, in the words of the message.
        reason: String,
    },
    /// The user agreed.
    Granted {
        /// To what.
        capabilities: Vec<String>,
    },
    /// Other bytes took over what the user had agreed to, since they ask for no more.
    Carried {
        /// SHA-256 of the bytes that it had been granted to.
        from: String,
    },
    /// The user trusts the sources of a plugin: they may be built.
    Trusted {
        /// Their directory.
        sources: PathBuf,
    },
    /// The user took it back.
    Revoked,
}

/// A file of records, one a line, to which is only added.
#[derive(Debug)]
pub struct AuditLog {
    path: PathBuf,
    /// The clock.
    now: fn() -> SystemTime,
    file: Mutex<Option<File>>,
}

impl AuditLog {
    /// Names the file; it is made when there is something to note.
    pub fn new(path: PathBuf, now: fn() -> SystemTime) -> Self {
        Self { path, now, file: Mutex::new(None) }
    }

    /// Notes what happened.
    ///
    /// # Errors
    /// When it cannot be written down. Then it must not happen, either.
    pub fn note(&self, plugin: &PluginId, digest: Digest, event: AuditEvent) -> io::Result<()> {
        let time = (self.now)().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        let record = AuditRecord { time, plugin: plugin.clone(), digest: digest.to_string(), event: event.bounded() };
        let mut line = serde_json::to_vec(&record).map_err(io::Error::other)?;
        line.push(b'\n');
        let mut open = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let is_full = |file: &File| file.metadata().map(|metadata| metadata.len() > MAX_SIZE);
        if open.as_ref().map(is_full).transpose()?.unwrap_or(false) {
            *open = None;
        }
        let file = match &mut *open {
            Some(file) => file,
            none => none.insert(self.open()?),
        };
        // One write for one line, so that lines of several processes do not mix.
        let written = file.write_all(&line);
        if written.is_err() {
            *open = None;
        }
        written
    }

    fn open(&self) -> io::Result<File> {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        if self.is_full() {
            // Two processes that find it full must not both move it away.
            let _lock = Lock::take(&self.path.with_extension("lock"))?;
            if self.is_full() {
                self.rotate()?;
            }
        }
        // Neither a link nor a pipe is followed or waited for.
        let flags = (rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK).bits().cast_signed();
        let mut options = fs::OpenOptions::new();
        let mut file = options.read(true).append(true).create(true).mode(0o600).custom_flags(flags).open(&self.path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::other("expected a regular file"));
        }
        // A line that was cut off would swallow the next one.
        let mut last = [b'\n'];
        if let Some(at) = metadata.len().checked_sub(1) {
            file.read_at(&mut last, at)?;
        }
        if last != *b"\n" {
            file.write_all(b"\n")?;
        }
        Ok(file)
    }

    fn is_full(&self) -> bool {
        fs::symlink_metadata(&self.path).is_ok_and(|metadata| metadata.len() > MAX_SIZE)
    }

    /// Makes room for a new file.
    fn rotate(&self) -> io::Result<()> {
        let files: Vec<PathBuf> = self.files();
        for (older, newer) in files.iter().zip(files.iter().skip(1)) {
            match fs::rename(newer, older) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// Returns all files that there can be, the oldest first.
    fn files(&self) -> Vec<PathBuf> {
        let older = (1..=MAX_OLDER).rev().map(|number| self.path.with_extension(format!("{number}.jsonl")));
        older.chain([self.path.clone()]).collect()
    }

    /// Reads all records, oldest first. A line that was cut off when the power failed is left out.
    ///
    /// # Errors
    /// When a file is there and cannot be read.
    pub fn read(&self) -> io::Result<Vec<AuditRecord>> {
        let mut records = Vec::new();
        for path in self.files() {
            let file = match File::open(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                file => file?,
            };
            for line in BufReader::new(file).split(b'\n') {
                records.extend(serde_json::from_slice::<AuditRecord>(&line?).ok());
            }
        }
        Ok(records)
    }

    /// Returns the file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl AuditEvent {
    fn bounded(self) -> Self {
        let cut = |mut text: String, length: usize| {
            if text.len() > length {
                text.truncate(text.floor_char_boundary(length));
                text.push('…');
            }
            text
        };
        let short = |text| cut(text, MAX_TEXT);
        let shortest = |text| cut(text, MAX_TEXT / MAX_ARGUMENTS);
        match self {
            Self::Tool { program, arguments } => {
                if arguments.iter().map(|argument| argument.len() + 1).sum::<usize>() <= MAX_TEXT {
                    return Self::Tool { program, arguments };
                }
                // Each is shortened, so that none is hidden behind a long one; the digest tells what cannot be shown.
                let mut all = DigestBuilder::default();
                for argument in &arguments {
                    all.field(argument);
                }
                let left = arguments.len().saturating_sub(MAX_ARGUMENTS);
                let mut arguments: Vec<String> = arguments.into_iter().take(MAX_ARGUMENTS).map(shortest).collect();
                arguments.push(format!("… ({left} more; sha256 of all: {})", all.finish()));
                Self::Tool { program, arguments }
            }
            Self::Fetch { url, sha256 } => Self::Fetch { url: short(url), sha256 },
            Self::Refused { reason } => Self::Refused { reason: short(reason) },
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(folder: &Path) -> AuditLog {
        AuditLog::new(folder.join("audit.jsonl"), || SystemTime::UNIX_EPOCH)
    }

    fn refused(log: &AuditLog, reason: &str) {
        let event = AuditEvent::Refused { reason: reason.to_owned() };
        log.note(&PluginId::new("a/b", "p"), Digest::of(b""), event).unwrap();
    }

    #[test]
    fn a_full_file_makes_room_and_what_came_before_is_kept() {
        let root = tempfile::tempdir().unwrap();
        let log = log(root.path());
        refused(&log, "first");
        let filler = File::options().append(true).open(log.path()).unwrap();
        filler.set_len(MAX_SIZE + 1).unwrap();
        refused(&log, "second");
        refused(&log, "third");
        assert!(fs::metadata(log.path()).unwrap().len() < 1000);
        let reasons = log.read().unwrap().into_iter().map(|record| record.event).collect::<Vec<_>>();
        let wanted = ["first", "second", "third"].map(|reason| AuditEvent::Refused { reason: reason.to_owned() });
        assert_eq!(reasons, wanted);
    }

    #[test]
    fn a_line_that_was_cut_off_swallows_no_other() {
        let root = tempfile::tempdir().unwrap();
        refused(&log(root.path()), "first");
        let path = root.path().join("audit.jsonl");
        let text = fs::read(&path).unwrap();
        fs::write(&path, [&text[..], &text[..text.len() / 2]].concat()).unwrap();
        refused(&log(root.path()), "second");
        assert_eq!(log(root.path()).read().unwrap().len(), 2);
    }

    #[test]
    fn a_line_is_short_whatever_a_plugin_says() {
        let root = tempfile::tempdir().unwrap();
        let log = log(root.path());
        refused(&log, &"x".repeat(1 << 20));
        let event = AuditEvent::Tool { program: "/bin/x".into(), arguments: vec!["x".repeat(3000); 1000] };
        log.note(&PluginId::new("a/b", "p"), Digest::of(b""), event).unwrap();
        assert!(fs::metadata(log.path()).unwrap().len() < 20_000);
        assert_eq!(log.read().unwrap().len(), 2);
    }
}
