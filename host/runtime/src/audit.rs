//! The record of what plugins did beyond their sandbox, and of what they were refused.

use std::fmt;
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
use skiff_file::Lock;
use skiff_layers::CapabilityId;
use skiff_layers::shown_capabilities;
use skiff_text::Shown as _;

use crate::PluginId;
use crate::capability::Use;

/// Bytes after which a new file is begun.
const MAX_SIZE: u64 = 16 << 20;

/// Files before it that are kept.
const MAX_OLDER: usize = 4;

/// Bytes that are noted of what a plugin says: of a reason, or of all arguments of a tool together.
pub(crate) const MAX_TEXT: usize = 4096;

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
        capabilities: Vec<CapabilityId>,
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
    /// A plugin used a capability.
    #[serde(untagged)]
    Used(Use),
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
        match self {
            Self::Used(used) => Self::Used(used.bounded()),
            Self::Refused { reason } => Self::Refused { reason: cut(reason, MAX_TEXT) },
            other => other,
        }
    }
}

impl From<Use> for AuditEvent {
    fn from(used: Use) -> Self {
        Self::Used(used)
    }
}

impl fmt::Display for AuditEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Script { path } => write!(f, "ran the script {}", path.shown()),
            Self::Refused { reason } => write!(f, "REFUSED {reason}"),
            Self::Granted { capabilities } if capabilities.is_empty() => f.write_str("was granted to run"),
            Self::Granted { capabilities } => write!(f, "was granted {}", shown_capabilities(capabilities)),
            Self::Carried { from } => write!(f, "took over what was granted to {from}"),
            Self::Trusted { sources } => write!(f, "may be built from its sources in {}", sources.shown()),
            Self::Revoked => f.write_str("has no grants any more"),
            Self::Used(used) => used.fmt(f),
        }
    }
}

/// Cuts a text to a number of bytes.
pub(crate) fn cut(mut text: String, length: usize) -> String {
    if text.len() > length {
        text.truncate(text.floor_char_boundary(length));
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capability::tool::ToolUse;

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

    /// Scripts read these lines.
    #[test]
    fn each_event_is_one_flat_object_with_its_name() {
        let root = tempfile::tempdir().unwrap();
        let log = log(root.path());
        let events = [
            AuditEvent::Granted { capabilities: vec![CapabilityId::shell()] },
            Use::Tool(ToolUse { program: "/bin/x".into(), arguments: vec!["a b".into()] }).into(),
        ];
        for event in events.clone() {
            log.note(&PluginId::new("a/b", "p"), Digest::of(b""), event).unwrap();
        }
        let text = fs::read_to_string(log.path()).unwrap();
        let ends = [
            "\"event\":\"granted\",\"capabilities\":[\"shell\"]}",
            "\"event\":\"tool\",\"program\":\"/bin/x\",\"arguments\":[\"a b\"]}",
        ];
        assert!(text.lines().zip(ends).all(|(line, end)| line.ends_with(end)), "{text}");
        let read: Vec<AuditEvent> = log.read().unwrap().into_iter().map(|record| record.event).collect();
        assert_eq!(read, events);
        let said: Vec<String> = read.iter().map(ToString::to_string).collect();
        assert_eq!(said, ["was granted shell", "ran /bin/x 'a b'"]);
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
        let used = ToolUse { program: "/bin/x".into(), arguments: vec!["x".repeat(3000); 1000] };
        let event = AuditEvent::from(Use::Tool(used));
        log.note(&PluginId::new("a/b", "p"), Digest::of(b""), event).unwrap();
        assert!(fs::metadata(log.path()).unwrap().len() < 20_000);
        assert_eq!(log.read().unwrap().len(), 2);
    }
}
