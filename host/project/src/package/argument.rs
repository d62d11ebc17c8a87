use skiff_layers::ArgumentDecl;
use skiff_layers::ArgumentKind;
use skiff_runtime::GivenValue;

use super::PackageError;

/// Reads the value of an argument as the manifest declares it.
///
/// # Errors
/// If it is another kind of value.
pub fn read_value(decl: &ArgumentDecl, text: &str) -> Result<GivenValue, PackageError> {
    let wrong = |what: String| Err(PackageError::Value { name: decl.name.to_string(), text: text.to_owned(), what });
    match decl.kind {
        ArgumentKind::Integer => match text.parse() {
            Ok(number) => Ok(GivenValue::Number(number)),
            Err(_) => wrong("expected an integer".into()),
        },
        ArgumentKind::Words => match shlex::split(text) {
            Some(words) => Ok(GivenValue::Many(words)),
            None => wrong("in which a quotation does not end".into()),
        },
        ArgumentKind::Choice if !decl.choices.iter().any(|choice| &**choice == text) => wrong(format!(
            "which is none of {}",
            decl.choices.iter().map(|choice| &**choice).collect::<Vec<_>>().join(", ")
        )),
        ArgumentKind::Choice | ArgumentKind::Text | ArgumentKind::Flag => Ok(GivenValue::Text(text.to_owned())),
    }
}
