use std::path::Path;

use clap::CommandFactory as _;
use skiff_text::Shown as _;

use crate::args::Args;
use crate::command_error::CommandError;
use crate::command_error::Kind;
use crate::command_error::Result;
use crate::output::data;

/// Writes the manual pages, made from the same arguments as `--help`.
pub(crate) fn run(directory: &Path) -> Result<()> {
    let write = || {
        let made = tempfile::tempdir()?;
        clap_mangen::generate_to(Args::command(), made.path())?;
        for page in std::fs::read_dir(made.path())? {
            let page = page?;
            skiff_file::replace(&directory.join(page.file_name()), &std::fs::read(page.path())?)?;
        }
        Ok::<_, std::io::Error>(())
    };
    write().map_err(|error| {
        CommandError::new(Kind::User, format!("cannot write manual pages to `{}`: {error}", directory.shown()))
            .hint("name a directory that can be written to")
    })?;
    data!("{}", directory.join("skiff.1").shown());
    Ok(())
}
