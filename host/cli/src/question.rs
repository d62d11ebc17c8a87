use crate::command_error::CommandError;
use crate::command_error::Kind;
use crate::command_error::Result;
use crate::output::note;
use skiff_project::Console;
use skiff_project::media::Chosen;

/// Has the user say that this is the medium, by the end of its serial number. What speaks against a device was checked before,
/// and no answer changes that.
pub(crate) fn agree(console: &Console, chosen: &Chosen, confirm: Option<&str>, loss: &str) -> Result<()> {
    let Some(device) = chosen.device() else { return Ok(()) };
    let word = device.word();
    if let Some(said) = confirm {
        return check_word(said, word);
    }
    // SkiffOS asks nothing then; its scripts go on to work on media that are safe to write to.
    if !console.environment.wants_questions() {
        return Ok(());
    }
    if !console.dialog.is_answered() {
        return Err(CommandError::new(Kind::Usage, "cannot ask for confirmation: stdin is not a terminal")
            .hint(format!("if {} is the medium that you mean: --confirm {word}", chosen.title())));
    }
    note!("{loss}");
    let what = if device.serial.is_some() { "the end of its serial number" } else { "its name" };
    match console.dialog.answer(&format!("To go on, type {what}, {word}: ")) {
        Some(answer) if answer == word => Ok(()),
        _ => Err(CommandError::new(Kind::Cancelled, "nothing was written")),
    }
}

/// Compares what was said beforehand with what the medium would have one say.
fn check_word(said: &str, word: &str) -> Result<()> {
    match said == word {
        true => Ok(()),
        false => Err(CommandError::new(Kind::User, format!("--confirm is `{said}`, and this medium has `{word}`"))
            .hint("list all devices: skiff device list")),
    }
}
