//! What the programs' own Kconfig files say: asked only to explain their configurations.

use std::collections::BTreeMap;

use skiff_kconfig::DefinitionError;
use skiff_kconfig::Definitions;
use skiff_kconfig::Kind;
use skiff_kconfig::Merged;
use skiff_plan::Workspace;

use crate::atomic::read_optional;

use super::config::package_folder;
use super::tree::Tree;

/// Reads the Kconfig files of Buildroot and of the external trees.
pub(crate) fn of_buildroot(
    tree: &Tree,
    workspace: &Workspace,
    finished: &Merged,
) -> Result<Definitions, DefinitionError> {
    let output = workspace.folder().to_string_lossy().into_owned();
    let mut variables = BTreeMap::from([("BR2_BASE_DIR".to_owned(), output.clone()), ("BASE_DIR".to_owned(), output)]);
    let paths = finished.entries().filter(|(symbol, _)| symbol.as_str().starts_with("BR2_EXTERNAL_"));
    variables.extend(paths.filter_map(|(symbol, entry)| Some((symbol.to_string(), entry.winner.value.string()?))));
    Definitions::read(Kind::Buildroot, &tree.root, &variables)
}

/// Reads the Kconfig files of the kernel, of U-Boot or of Busybox, which are there once Buildroot has unpacked it.
pub(crate) fn of_package(workspace: &Workspace, kind: Kind) -> Result<Option<Definitions>, DefinitionError> {
    let Some(folder) = package_folder(workspace, kind) else { return Ok(None) };
    // Without it, what depends on the architecture is not understood.
    let head = read_optional(&folder.join(".config")).ok().flatten().unwrap_or_default();
    let architecture = architecture(&String::from_utf8_lossy(&head)).unwrap_or_default();
    let variables = BTreeMap::from([
        ("ARCH".to_owned(), architecture.clone()),
        ("SRCARCH".to_owned(), source_architecture(&architecture).to_owned()),
    ]);
    let definitions = Definitions::read(kind, &folder, &variables)?;
    // A directory without Kconfig files says nothing, which is not to say that there is no such symbol.
    let any = definitions.names().next().is_some();
    Ok(any.then_some(definitions))
}

/// Takes the architecture out of the title of a finished configuration: `# Linux/arm64 6.12.1 Kernel Configuration`.
fn architecture(config: &str) -> Option<String> {
    let title = config.lines().take(8).find_map(|line| line.strip_prefix("# Linux/"))?;
    Some(title.split_whitespace().next()?.to_owned())
}

/// Returns the directory in `arch` that an architecture has, as the kernel's `Makefile` chooses it.
fn source_architecture(architecture: &str) -> &str {
    match architecture {
        "i386" | "x86_64" => "x86",
        "sparc32" | "sparc64" => "sparc",
        "parisc64" => "parisc",
        other => other,
    }
}
