use schemars::JsonSchema;
use serde::Deserialize;
use serde::Serialize;
use skiff_text::Line;

/// A command that a plugin provides: `skiff cmd <package> <name>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CommandDecl {
    /// Its name, as typed.
    pub name: String,
    /// One line for help screens.
    pub summary: Line<120>,
    /// Its arguments, each an option `--<name>`.
    #[serde(default)]
    pub arguments: Vec<ArgumentDecl>,
}

/// A typed argument of a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ArgumentDecl {
    /// Its name: given as `--<name>`.
    pub name: String,
    /// Its type.
    pub kind: ArgumentKind,
    /// The allowed values of a `choice`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<Line<80>>,
    /// The environment variable that it is taken from when it is not typed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env: Option<String>,
    /// The value when it is given nowhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Line<200>>,
    /// Whether it must be given.
    #[serde(default)]
    pub required: bool,
    /// One line for help screens.
    pub help: Line<160>,
}

/// The type of a command's argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ArgumentKind {
    /// Present or not.
    Flag,
    /// A whole number.
    Integer,
    /// Text.
    Text,
    /// Several words in one text, split as a shell would (no expansion).
    Words,
    /// One of `choices`.
    Choice,
}
