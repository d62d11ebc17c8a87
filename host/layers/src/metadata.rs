//! Readers of the small text files in `metadata/`.

use std::path::Path;

use skiff_text::Line;
use skiff_text::shown;

use crate::CommandKind;
use crate::LayerCommand;
use crate::LayerDir;
use crate::LayerName;
use crate::Location;
use crate::ReadError;
use crate::name::NAME_RULE;
use crate::name::is_name_part;

/// Bytes that a text in `metadata/` may have.
pub(crate) const MAX_METADATA: u64 = 256 << 10;

/// Reads `metadata/description`: its lines are one.
pub(crate) fn description(dir: &LayerDir) -> Result<Option<Line<200>>, ReadError> {
    let inner = "metadata/description";
    let text = dir.text(inner, MAX_METADATA)?.unwrap_or_default();
    let text = text.lines().collect::<Vec<_>>().join(" ");
    (!text.trim().is_empty()).then(|| checked(dir, inner, 1, &text)).transpose()
}

/// Reads a file that holds one word, such as `metadata/uniquegroup`.
pub(crate) fn word(dir: &LayerDir, file: &str) -> Result<Option<Line<80>>, ReadError> {
    let inner = format!("metadata/{file}");
    let text = dir.text(&inner, MAX_METADATA)?.unwrap_or_default();
    let line = (1..).zip(text.lines()).find(|(_, line)| !line.trim().is_empty());
    line.map(|(number, line)| checked(dir, &inner, number, line)).transpose()
}

/// Checks a line of a file in `metadata/`.
fn checked<const MAX: usize>(dir: &LayerDir, inner: &str, line: usize, text: &str) -> Result<Line<MAX>, ReadError> {
    let at = Location::line(dir.path(inner), line);
    Line::new(&text.replace('\t', " ")).map_err(|error| ReadError::Manifest { at, message: error.to_string() })
}

/// Reads `metadata/dependencies`.
pub(crate) fn dependencies(dir: &LayerDir) -> Result<Vec<(LayerName, Location)>, ReadError> {
    let inner = "metadata/dependencies";
    let text = dir.text(inner, MAX_METADATA)?;
    text.map_or(Ok(Vec::new()), |text| parse_dependencies(&dir.path(inner), &text))
}

/// Parses the text of a dependency file: names separated by commas, blanks or line ends, each with its line.
///
/// # Errors
/// [`ReadError::BadDependency`] for the first word that is no package name.
pub fn parse_dependencies(file: &Path, text: &str) -> Result<Vec<(LayerName, Location)>, ReadError> {
    let mut names = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let at = Location::line(file, number);
        for word in line.split([',', ' ', '\t']).filter(|word| !word.is_empty()) {
            let name = word.parse().map_err(|source| ReadError::BadDependency { at: at.clone(), source })?;
            names.push((name, at.clone()));
        }
    }
    Ok(names)
}

/// Reads `metadata/commands`: a line is a name and a description; a line without a description is no command.
pub(crate) fn commands(dir: &LayerDir) -> Result<Vec<LayerCommand>, ReadError> {
    let inner = "metadata/commands";
    let text = dir.text(inner, MAX_METADATA)?.unwrap_or_default();
    let mut commands = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.replace([',', '\t'], " ");
        let Some((name, description)) = line.trim().split_once(' ') else { continue };
        if description.trim().is_empty() {
            continue;
        }
        if !is_name_part(name) {
            let at = Location::line(dir.path(inner), number);
            let message = format!("`{}` cannot be the name of a command: {NAME_RULE}", shown(name));
            return Err(ReadError::Manifest { at, message });
        }
        let summary: Line<200> = checked(dir, inner, number, description)?;
        commands.push(LayerCommand {
            name: name.to_owned(),
            summary: summary.to_string(),
            kind: CommandKind::Makefile,
        });
    }
    Ok(commands)
}
