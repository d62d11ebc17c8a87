use schemars::JsonSchema;
use serde::Deserialize;
use serde::Serialize;

use super::Wrong;

/// Where users of a board say what its medium is. The commands `format`, `install`, `rollback` and `buildimage` are skiff's own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Board")]
#[serde(deny_unknown_fields, default)]
pub struct BoardDecl {
    /// The variable of the environment that names the device: `PI_SD`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// The variable that names the image file that `buildimage` makes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// The size of that image where nobody says another: `1536MiB`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_size: Option<String>,
}

/// `board:` as it is written.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum RawBoard {
    Plain(bool),
    Told(BoardDecl),
}

impl Default for RawBoard {
    fn default() -> Self {
        Self::Plain(false)
    }
}

impl RawBoard {
    pub(super) fn check(self) -> Result<Option<BoardDecl>, Wrong> {
        let decl = match self {
            Self::Plain(false) => return Ok(None),
            Self::Plain(true) => BoardDecl::default(),
            Self::Told(decl) => decl,
        };
        let is_variable = |name: &str| {
            name.starts_with(|c: char| c.is_ascii_uppercase() || c == '_')
                && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
        };
        if let Some(name) = [&decl.device, &decl.image].into_iter().flatten().find(|name| !is_variable(name)) {
            let message = format!("board: `{name}` is not the name of a variable (capital letters, digits, `_`)");
            return Err(Wrong::new(name, message));
        }
        Ok(Some(decl))
    }
}
