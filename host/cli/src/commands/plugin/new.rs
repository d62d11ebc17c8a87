use std::path::Path;

use skiff_author::MadePlugin;
use skiff_author::NewPlugin;
use skiff_layers::LayerName;
use skiff_project::Session;
use skiff_text::Shown as _;

use crate::args::NewPluginArgs;
use crate::args::PluginKind;
use crate::command_error::Result;
use crate::output::data;

/// Makes a plugin from a template, and shows what comes next.
pub(super) fn run(session: &Session, args: &NewPluginArgs) -> Result<()> {
    let package: LayerName = args.package.parse()?;
    let new = NewPlugin {
        package: package.clone(),
        name: args.name.as_deref(),
        language: args.lang.into(),
        kind: args.kind.into(),
        layers: args.layers.clone(),
    };
    let MadePlugin { id, folder, command, unlisted } = new.make(session)?;
    data!("Made {}", folder.shown());
    let shown = |path: &Path| shlex::try_quote(&path.shown().to_string()).map(|q| q.into_owned()).unwrap_or_default();
    if let Some(root) = unlisted {
        data!("export SKIFF_EXTRA_CONFIGS_PATH={}", shown(&root));
    }
    data!("skiff plugin build {id}");
    data!("skiff grant add {id} --all");
    match args.kind {
        PluginKind::Command => data!("skiff cmd {package} {command} --name Alice"),
        PluginKind::Hook => data!("skiff -c virt/qemu,{package} build"),
    }
    Ok(())
}
