use serde_json::json;
use skiff_layers::Layer;
use skiff_layers::LayerName;
use skiff_layers::Package;
use skiff_layers::PluginDecl;
use skiff_runtime::PluginId;

use crate::args::ShowArgs;
use crate::command_error::CommandError;
use crate::command_error::Kind;
use crate::command_error::Result;
use crate::output::data;
use skiff_project::Session;
use skiff_project::package::Offer;
use skiff_project::package::offers;
use skiff_text::Shown as _;

/// Shows a package.
pub(crate) fn run(session: &Session, args: &ShowArgs) -> Result<()> {
    let name: LayerName = args.package.parse()?;
    // Resolving finds packages that only a variable names, and says what is similar to one that is not there.
    let chain = session.chain_of(name.as_str())?;
    let package = chain.packages().iter().find(|package| package.name == name);
    let package = package.ok_or_else(|| CommandError::new(Kind::Bug, format!("`{name}` was lost")))?;
    let layer = Layer::at(package);
    let brings: Vec<&str> = chain.names().iter().filter(|other| **other != name).map(LayerName::as_str).collect();
    let users = users(session, &name)?;
    let (plugins, working) = (layer.manifest()?.plugins, chain.plugins_of(&layer)?);
    let commands = layer.makefile_commands()?;
    let offered = |plugin: &PluginDecl| if plugin.shared { Vec::new() } else { plugin.offered() };
    let mut inherited = offers(session, &name)?;
    inherited.retain(|offer| !offer.owners.contains(&name));
    let parts: Vec<&str> = layer.input_folders()?;
    if args.json {
        let dependencies: Vec<_> = package.dependencies()?.into_iter().map(|(name, _)| name.to_string()).collect();
        let document = json!({
            "name": package.name.as_str(),
            "path": package.root,
            "description": package.description()?,
            "unlisted": package.unlisted(),
            "unique_group": package.unique_group()?,
            "dependencies": dependencies,
            "brings": brings,
            "needed_by": users.iter().map(|package| package.name.as_str()).collect::<Vec<_>>(),
            "parts": parts,
            "plugins": plugins.iter().map(|plugin| json!({
                "name": plugin.name,
                "version": plugin.version.to_string(),
                "built": plugin.component.is_file(),
                "hooks": plugin.hooks.iter().map(ToString::to_string).collect::<Vec<_>>(),
                "shared": plugin.shared,
                "commands": offered(plugin).into_iter().map(|command| command.name).collect::<Vec<_>>(),
            })).collect::<Vec<_>>(),
            "uses": working.iter().filter(|plugin| plugin.is_used()).map(|plugin| json!({
                "plugin": PluginId::of(plugin),
                "version": plugin.decl.version.to_string(),
                "commands": plugin.decl.offered().into_iter().map(|command| command.name).collect::<Vec<_>>(),
            })).collect::<Vec<_>>(),
            "shell_hooks": layer.shell_hooks()?.iter().map(|hook| &hook.path).collect::<Vec<_>>(),
            "commands": commands,
            "inherited_commands": inherited.iter().map(Offer::json).collect::<Vec<_>>(),
            "hides": package.hides,
        });
        data!("{document:#}");
        return Ok(());
    }
    data!("\x1b[1m{}\x1b[0m  {}", package.name, package.description()?.as_deref().unwrap_or_default());
    data!("directory    {}", package.root.shown());
    let line = |title: &str, words: &[&str]| {
        if !words.is_empty() {
            data!("{title:12} {}", words.join(", "));
        }
    };
    let hidden: Vec<String> = package.hides.iter().map(|path| path.shown().to_string()).collect();
    line("hides", &hidden.iter().map(String::as_str).collect::<Vec<_>>());
    line("brings", &brings);
    line("needed by", &users.iter().map(|package| package.name.as_str()).collect::<Vec<_>>());
    line("one of", &package.unique_group()?.as_deref().into_iter().collect::<Vec<_>>());
    line("holds", &parts);
    for plugin in &plugins {
        let unbuilt = if plugin.component.is_file() { "" } else { ", not built" };
        let shared = if plugin.shared { ", for layers that use it" } else { "" };
        let capabilities = plugin.capabilities.len();
        data!("plugin       {} {} ({capabilities} capabilities{shared}{unbuilt})", plugin.name, plugin.version);
        for command in offered(plugin) {
            data!("  skiff cmd {name} {:16} {}", command.name, command.summary);
        }
    }
    for plugin in working.iter().filter(|plugin| plugin.is_used()) {
        data!("uses         {} {}", PluginId::of(plugin), plugin.decl.version);
        for command in plugin.decl.offered() {
            data!("  skiff cmd {name} {:16} {}", command.name, command.summary);
        }
    }
    for hook in layer.shell_hooks()? {
        data!("{} hook     {} (a script: runs when `shell` is granted to {name})", hook.stage, hook.path.shown());
    }
    for command in commands {
        data!("  skiff cmd {name} {:16} {}", command.name, command.described());
    }
    for offer in inherited {
        data!("  skiff cmd {name} {:16} {}", offer.name, offer.described(&name));
    }
    let readme = package.root.join("README.md");
    if readme.is_file() {
        data!("more         {}", readme.shown());
    }
    Ok(())
}

/// Finds the packages that need one.
fn users(session: &Session, name: &LayerName) -> Result<Vec<Package>> {
    let needs = |package: &Package| {
        // A package that cannot be read does not say that it needs this one; using it says what is wrong.
        package.dependencies().is_ok_and(|dependencies| dependencies.iter().any(|(needed, _)| needed == name))
    };
    Ok(session.catalog()?.packages().filter(|package| needs(package)).cloned().collect())
}
