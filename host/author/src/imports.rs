use skiff_layers::Capability;
use skiff_layers::PluginDecl;

/// Returns the capabilities that a component cannot make use of, as it imports nothing for them.
pub fn unused(decl: &PluginDecl, imports: &[String]) -> Vec<(String, &'static str)> {
    let has = |interface: &str| imports.iter().any(|name| name.split('@').next() == Some(interface));
    let files = has("skiff:host/storage") || has("wasi:filesystem/types");
    let tools = has("skiff:host/tools");
    let fetch = has("skiff:host/fetch");
    let unused = |capability: &Capability| match capability {
        // What a tool is given a path to, the plugin need not open itself.
        Capability::Files(_) if !files && !tools => Some("imports nothing with which it could open files"),
        Capability::Tool(_) if !tools => Some("does not import skiff:host/tools"),
        Capability::Fetch(_) if !fetch => Some("does not import skiff:host/fetch"),
        Capability::Files(_) | Capability::Tool(_) | Capability::Fetch(_) | Capability::Variable { .. } => None,
    };
    decl.capabilities.iter().filter_map(|c| Some((c.to_string(), unused(c)?))).collect()
}

/// Returns the imports for which nothing is declared.
pub fn undeclared(decl: &PluginDecl, imports: &[String]) -> Vec<String> {
    let declares = |kind: fn(&Capability) -> bool| decl.capabilities.iter().any(kind);
    let lacks = |name: &&String| match name.split('@').next() {
        Some("skiff:host/tools") => !declares(|c| matches!(c, Capability::Tool(_))),
        Some("skiff:host/fetch") => !declares(|c| matches!(c, Capability::Fetch(_))),
        Some("skiff:host/storage") => !declares(|c| matches!(c, Capability::Files(_))),
        _ => false,
    };
    imports.iter().filter(lacks).cloned().collect()
}
