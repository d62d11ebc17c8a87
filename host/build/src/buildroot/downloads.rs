//! Downloading all sources before anything is built, and saying at once what cannot be had.

use std::io::BufWriter;
use std::io::Write as _;

use skiff_report::Task;
use skiff_report::Unit;

use super::BuildrootError;
use super::info;
use super::make::Make;
use super::progress::Step;
use crate::BuildContext;
use crate::atomic::new_file;

/// The file in a workspace that holds the output of the last `fetch`.
pub(crate) const LOG: &str = "fetch.log";

/// Downloads what the configuration needs.
pub(crate) fn fetch(make: &Make<'_>, context: &BuildContext) -> Result<(), BuildrootError> {
    let packages = info::packages(make, context)?;
    let path = context.workspace.folder().join(LOG);
    let mut log = BufWriter::new(new_file(&path)?);
    let mut failures = Failures::default();
    let status = {
        let task = Task::start(&context.reporter, "Downloading sources", Unit::Items, None);
        make.build(&["--keep-going", "source"], context, |line| {
            // The log is only for reading.
            let _ = writeln!(log, "{line}");
            if let Some(step) = Step::parse(line) {
                task.note(&format!("{} ({} packages in all)", step.package(), packages.len()));
            }
            failures.line(line);
        })?
    };
    match (failures.found.is_empty(), status.success()) {
        (true, true) => Ok(()),
        (false, _) => {
            Err(BuildrootError::Downloads { failures: failures.found, offline: make.is_offline(), log: path })
        }
        (true, false) => Err(BuildrootError::Make {
            what: "Downloading".into(),
            last: failures.complaint.map(|(_, text)| text),
            tail: Vec::new(),
            log: path,
            package: None,
        }),
    }
}

/// Finds failures in the output of make.
#[derive(Debug, Default)]
struct Failures {
    found: Vec<(String, String)>,
    package: String,
    address: Option<String>,
    /// The first thing that went wrong with the present package: the later ones are of sites of last resort.
    complaint: Option<(String, String)>,
}

impl Failures {
    fn line(&mut self, line: &str) {
        if let Some(step) = Step::parse(line) {
            (self.package, self.complaint, self.address) = (step.package().to_owned(), None, None);
        } else if let Some(rest) = line.strip_prefix("--")
            && let Some((_, address)) = rest.split_once("--  ")
        {
            self.address = Some(address.to_owned());
        } else if line.starts_with("make") && line.contains("*** [") && line.contains(".stamp_") {
            let (address, text) = self.complaint.take().unwrap_or_else(|| (String::new(), "see the log".into()));
            let reason = if address.is_empty() { text } else { format!("{address}: {text}") };
            self.found.push((self.package.clone(), reason));
        } else if self.complaint.is_none() && is_complaint(line) {
            self.complaint = Some((self.address.clone().unwrap_or_default(), line.trim().to_owned()));
        }
    }
}

fn is_complaint(line: &str) -> bool {
    line.starts_with("wget: ")
        || line.starts_with("curl: ")
        || line.starts_with("fatal: ")
        || line.contains("ERROR")
        || line.contains("error:")
        || line.contains("cannot")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_reason_counts_and_not_that_of_the_last_mirror() {
        let output = "\u{1b}[7m>>> host-m4 1.4.21 Downloading\u{1b}[27m\n\
            --2026-11-23 06:38:13--  https://a.example/m4.tar.xz\nResolving a.example... failed.\n\
            wget: unable to resolve host address\n--2026-11-23 06:38:14--  https://b.example/m4.tar.xz\n\
            2026-11-23 06:38:14 ERROR 404: Not Found.\n\
            make: *** [package/pkg-generic.mk:179: /o/build/host-m4-1.4.21/.stamp_downloaded] Error 1\n\
            >>> zlib 1.3 Downloading\nok\n>>> gmp 6 Downloading\nERROR: gmp.tar.xz has wrong sha256 hash:\n\
            make: *** [package/pkg-generic.mk:179: /o/build/gmp-6/.stamp_downloaded] Error 1\n";
        let mut failures = Failures::default();
        output.lines().for_each(|line| failures.line(line));
        assert_eq!(
            failures.found,
            [
                ("host-m4".into(), "https://a.example/m4.tar.xz: wget: unable to resolve host address".into()),
                ("gmp".into(), "ERROR: gmp.tar.xz has wrong sha256 hash:".into())
            ]
        );
    }
}
