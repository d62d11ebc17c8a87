use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::Deserializer;
use serde::Serialize;
use serde::de::MapAccess;
use serde::de::Visitor;
use serde::de::value::MapAccessDeserializer;
use skiff_layout::Bytes;

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
#[derive(Debug, JsonSchema)]
#[schemars(untagged)]
pub(super) enum RawBoard {
    Plain(bool),
    Told(BoardDecl),
}

/// By hand: an untagged enum of serde's forgets what is wrong, and in which line.
impl<'de> Deserialize<'de> for RawBoard {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Written;

        impl<'de> Visitor<'de> for Written {
            type Value = RawBoard;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "`true`, `false`, or a mapping with `device`, `image`, `image_size`")
            }

            fn visit_bool<E>(self, is_board: bool) -> Result<RawBoard, E> {
                Ok(RawBoard::Plain(is_board))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RawBoard, A::Error> {
                BoardDecl::deserialize(MapAccessDeserializer::new(map)).map(RawBoard::Told)
            }
        }

        deserializer.deserialize_any(Written)
    }
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
        if let Some(name) =
            decl.device.iter().find(|name| !names_medium(name, &["_SD", "_DISK", "_DEVICE", "_PARTITION"]))
        {
            let message =
                format!("board: the variable `{name}` of a device has capital letters and ends in _SD or _DISK");
            return Err(Wrong::new(name, message));
        }
        if let Some(name) = decl.image.iter().find(|name| !names_medium(name, &["_IMAGE"])) {
            let message =
                format!("board: the variable `{name}` of an image file has capital letters and ends in _IMAGE");
            return Err(Wrong::new(name, message));
        }
        if let Some(size) = decl.image_size.iter().find(|size| !is_size(size)) {
            let message = format!("board: `{size}` is not a size, such as 1536MiB");
            return Err(Wrong::new(size, message));
        }
        Ok(Some(decl))
    }
}

/// Returns whether a variable can only be meant for a medium: others name files that programs run (`BASH_ENV`), or secrets,
/// and no user would agree that a layer chooses which of them is written or shown.
fn names_medium(name: &str, endings: &[&str]) -> bool {
    let plain = name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    plain
        && name.starts_with(|c: char| c.is_ascii_uppercase())
        && endings.iter().any(|ending| name.len() > ending.len() && name.ends_with(ending))
}

/// Returns whether a text is a size, and short enough to be shown.
fn is_size(text: &str) -> bool {
    text.len() <= 24 && text.parse::<Bytes>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layer_names_no_variable_of_something_else() {
        let device = |name: &str| {
            RawBoard::Told(BoardDecl { device: Some(name.to_owned()), ..BoardDecl::default() }).check().is_ok()
        };
        let image = |name: &str| {
            RawBoard::Told(BoardDecl { image: Some(name.to_owned()), ..BoardDecl::default() }).check().is_ok()
        };
        assert!(device("PI_SD") && device("INTEL_DESKTOP_DISK") && image("ACME_IMAGE"));
        for wrong in ["BASH_ENV", "ENV", "_SD", "PYTHONSTARTUP", "pi_sd", "AWS_SECRET_ACCESS_KEY", "X SD"] {
            assert!(!device(wrong) && !image(wrong), "{wrong}");
        }
        let sized = |size: &str| {
            RawBoard::Told(BoardDecl { image_size: Some(size.to_owned()), ..BoardDecl::default() }).check().is_ok()
        };
        assert!(sized("1536MiB") && sized("4GB") && !sized("4GiX") && !sized("big") && !sized("4GiB\nhint: run x"));
    }
}
