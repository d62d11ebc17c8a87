//! The lines of a file of systemd: sections, settings, comments, and lines that go on in the next.

use crate::ImportError;
use crate::shown;

/// A setting, with the line that it begins at.
pub(super) struct Setting {
    pub(super) line: usize,
    pub(super) key: String,
    pub(super) value: String,
}

/// Reads the settings of the section `[Partition]`. Other sections are returned as notes, as systemd ignores them.
pub(super) fn read(file: &str, text: &str, notes: &mut Vec<String>) -> Result<Vec<Setting>, ImportError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n");
    let mut settings = Vec::new();
    let mut section = String::new();
    let mut lines = (1..).zip(text.split(['\n', '\r']));
    while let Some((line, first)) = lines.next() {
        let wrong = |problem: String| ImportError::Line { file: file.to_owned(), line, problem };
        let is_comment = |text: &str| text.trim_start().starts_with(['#', ';']);
        if first.trim().is_empty() || is_comment(first) {
            continue;
        }
        let mut whole = String::new();
        let mut part = first;
        // A backslash at the end stands for a space; comments between do not count.
        while let Some(goes_on) = part.strip_suffix('\\') {
            whole += goes_on;
            whole.push(' ');
            part = lines.by_ref().map(|(_, next)| next).find(|next| !is_comment(next)).unwrap_or_default();
        }
        whole += part;
        let whole = whole.trim();
        if let Some(rest) = whole.strip_prefix('[') {
            let name = rest.strip_suffix(']').ok_or_else(|| wrong(format!("`{}` is not a section", shown(whole))))?;
            section = name.to_owned();
            if section != "Partition" {
                notes.push(format!("{file}:{line}: section `{}`", shown(name)));
            }
            continue;
        }
        let (key, value) =
            whole.split_once('=').ok_or_else(|| wrong(format!("`{}` is not a setting", shown(whole))))?;
        if section == "Partition" {
            settings.push(Setting { line, key: key.trim().to_owned(), value: value.trim().to_owned() });
        } else if section.is_empty() {
            return Err(wrong(format!("`{}` is outside of a section", shown(key.trim()))));
        }
    }
    Ok(settings)
}
