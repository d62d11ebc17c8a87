use serde::de::DeserializeOwned;
use serde_yaml::Value;

/// The part of the lock file that belongs to an engine.
#[derive(Debug)]
pub(crate) struct LockEntry {
    /// The key in the file.
    pub(crate) key: &'static str,
    /// Names that the key had before, which are still read.
    pub(crate) old_keys: &'static [&'static str],
    /// Brings what stands under an old key into the present shape.
    ///
    /// Returns what is wrong with it.
    pub(crate) upgrade: fn(&Value) -> Result<Value, String>,
    /// Returns what is wrong with a value.
    pub(crate) check: fn(&Value) -> Result<(), String>,
}

/// Reads the value of an entry.
///
/// Returns what is wrong with it.
pub(crate) fn read_entry<T: DeserializeOwned>(value: &Value) -> Result<T, String> {
    serde_yaml::from_value(value.clone()).map_err(|error| error.to_string())
}
