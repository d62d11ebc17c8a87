//! Readers of the small text files in `metadata/`.

use std::path::Path;

use crate::LayerName;
use crate::Location;
use crate::ReadError;
use crate::file::optional_text;

/// A command that a layer offers through a Makefile in `extensions/`, as SkiffOS layers do.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct LegacyCommand {
    /// The word after the package's name.
    pub name: String,
    /// One line for the help screen.
    pub description: String,
}

pub(crate) fn description(root: &Path) -> Result<Option<String>, ReadError> {
    let text = optional_text(&root.join("metadata/description"))?;
    Ok(text.map(|text| plain_line(&text)).filter(|text| !text.is_empty()))
}

/// Makes one line of a text, without the control characters that a terminal would obey.
fn plain_line(text: &str) -> String {
    let text: String = text.chars().filter(|c| !c.is_control() || c.is_whitespace()).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Reads a file that holds one word, such as `metadata/uniquegroup`.
pub(crate) fn word(root: &Path, file: &str) -> Result<Option<String>, ReadError> {
    let text = optional_text(&root.join("metadata").join(file))?;
    Ok(text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()))
}

/// Reads `metadata/dependencies`.
pub(crate) fn dependencies(root: &Path) -> Result<Vec<(LayerName, Location)>, ReadError> {
    let path = root.join("metadata/dependencies");
    optional_text(&path)?.map_or(Ok(Vec::new()), |text| parse_dependencies(&path, &text))
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
pub(crate) fn commands(root: &Path) -> Result<Vec<LegacyCommand>, ReadError> {
    let text = optional_text(&root.join("metadata/commands"))?.unwrap_or_default();
    let command = |line: &str| {
        let line = plain_line(&line.replace(',', " "));
        let mut words = line.split_whitespace();
        let name = words.next()?.to_owned();
        let description = words.collect::<Vec<_>>().join(" ");
        (!description.is_empty()).then_some(LegacyCommand { name, description })
    };
    Ok(text.lines().filter_map(command).collect())
}
