//! The question that a plugin's user is asked.

use skiff_layers::Capability;
use skiff_layers::LayerPlugin;
use skiff_layers::shown_capabilities;
use skiff_runtime::Denied;
use skiff_runtime::Identity;
use skiff_text::Shown as _;
use skiff_text::wrap;

use crate::console::Line;

/// Lines of a question that are in sight at once.
const FEW: usize = 10;

/// Returns what the user reads before the question: the plugin, and each capability with its reason. What reaches furthest
/// comes last, beside the question: downloads, then tools, those at the terminal at the very end.
pub(super) fn lines(plugin: &LayerPlugin, identity: &Identity, denied: &Denied, columns: usize) -> Vec<Line> {
    let LayerPlugin { owner, layer, decl, .. } = plugin;
    let Identity { plugin: id, digest, .. } = identity;
    let mut lines = vec![Line::plain("")];
    lines.extend(indented(0, &format!("Plugin {id} {}", decl.version), columns).map(Line::strong));
    lines.extend(indented(2, &format!("of layer {} in {}", owner.name, owner.root.shown()), columns).map(Line::plain));
    if plugin.is_used() {
        let used = format!("used by layer {} in {}, and by any other that names it", layer.name, layer.root.shown());
        lines.extend(indented(2, &used, columns).map(Line::plain));
    }
    lines.push(Line::plain(format!("  sha256:{digest}")));
    if !denied.held.is_empty() {
        let held = format!("has changed; it may do already: {}", shown_capabilities(&denied.held));
        lines.extend(indented(0, &held, columns).map(Line::plain));
    }
    lines.push(Line::plain(match (denied.missing.is_empty(), denied.held.is_empty()) {
        (true, _) => "asks for nothing but to run.",
        (false, true) => "asks to be able to:",
        (false, false) => "asks for more:",
    }));
    let is_missing = |capability: &&Capability| {
        let id = capability.id();
        denied.missing.iter().any(|(missing, _)| *missing == id)
    };
    let mut missing: Vec<&Capability> = decl.capabilities.iter().filter(is_missing).collect();
    missing.sort_by_key(|capability| capability.reach());
    for capability in &missing {
        lines.extend(indented(2, &capability.to_string(), columns).map(Line::strong));
        lines.extend(indented(6, capability.why(), columns).map(Line::plain));
        lines.extend(capability.warning().map(|warning| Line::plain(format!("      {warning}"))));
        for (number, term) in capability.terms().into_iter().flatten().enumerate() {
            let word = if number == 0 { "with" } else { "or with" };
            lines.extend(indented(6, &format!("{word} {term}"), columns).map(Line::plain));
        }
    }
    // Whatever stands above, and however long it is: the names of the capabilities are beside the question.
    if lines.len() > FEW {
        let at_terminal = |c: &&Capability| if c.warning().is_some() { " at your terminal" } else { "" };
        let names: Vec<String> = missing.iter().map(|c| format!("{c}{}", at_terminal(c))).collect();
        lines.extend(indented(0, &format!("In short, {id} asks for: {}", names.join(", ")), columns).map(Line::strong));
    }
    lines
}

/// Wraps a text into lines that start with spaces.
fn indented(spaces: usize, text: &str, columns: usize) -> impl Iterator<Item = String> {
    let lines = wrap(text, columns.saturating_sub(spaces));
    lines.into_iter().map(move |line| format!("{:spaces$}{line}", ""))
}

#[cfg(test)]
mod tests {
    use skiff_digest::Digest;
    use skiff_layers::Layer;
    use skiff_layers::parse_manifest;
    use skiff_runtime::PluginId;
    use skiff_text::width;

    use super::*;

    /// The rows of the question for a plugin, as a reader at 80 columns sees it.
    fn asked(capabilities: &str) -> Vec<String> {
        let manifest = format!(
            "schema: 1\nplugins:\n  - {{name: g, version: 1.0.0, component: g.wasm, interface: ^1.0, hooks: [pre], \
             capabilities: [{capabilities}]}}"
        );
        let root = std::path::Path::new("/l/evil/ask");
        let decl = parse_manifest(root, &manifest).unwrap().plugins.remove(0);
        let identity = Identity { plugin: PluginId::new("evil/ask", "g"), digest: Digest::of(b""), root: root.into() };
        let missing = decl.capabilities.iter().map(|c| (c.id(), c.why().to_owned())).collect();
        let denied = Denied { plugin: identity.plugin.clone(), missing, held: Vec::new(), changed: false };
        let plugin = LayerPlugin::own(&Layer::open("evil/ask", root).unwrap(), decl);
        let lines: Vec<String> = lines(&plugin, &identity, &denied, 80).into_iter().map(|line| line.text).collect();
        assert!(lines.iter().all(|line| width(line) <= 80), "{lines:#?}");
        lines
    }

    #[test]
    fn a_reader_at_80_columns_misses_no_capability() {
        let blanks = " ".repeat(80 * 40);
        let lines = asked(&format!(
            "{{tool: sh, terminal: true, why: runs, arguments: [\"-c {{text}}\"]}}, \
             {{write: images, why: \"x{blanks}Plugin evil/ask/harmless 2.0.0 asks for nothing\"}}"
        ));
        assert!(lines.len() < 20, "{lines:#?}");
        let at = |text: &str| lines.iter().position(|line| line.trim() == text).unwrap();
        assert!(at("write:images") < at("tool:sh") && at("tool:sh") + 7 > lines.len(), "{lines:#?}");
        assert!(lines.iter().all(|line| !line.starts_with("Plugin evil/ask/harmless")));
    }

    #[test]
    fn long_terms_do_not_push_the_names_of_capabilities_away_from_the_question() {
        let patterns: String = (0..40).map(|number| format!(", \"-{number} {}\"", "\u{d4e}".repeat(100))).collect();
        let lines = asked(&format!("{{tool: sh, terminal: true, why: runs, arguments: [\"-c {{text}}\"{patterns}]}}"));
        assert!(lines.len() > 80, "{lines:#?}");
        assert_eq!(lines.last().unwrap(), "In short, evil/ask/g asks for: tool:sh at your terminal");
    }
}
