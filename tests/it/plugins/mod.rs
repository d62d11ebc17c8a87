//! Plugins that behave, that want too much, and that are hostile; what the user is asked, and what is locked.

mod authors;
mod components;
pub(crate) mod consent;
mod deny;
mod hostile;
mod ok;
mod ports;
mod uses;

use std::fs;

use skiff_tests::TestEnvironment;

use crate::environment;

/// Makes a layer `my/board` with one plugin `p`; `rest` is what its manifest says besides names and versions.
pub(crate) fn with_guest(component: &str, rest: &str) -> TestEnvironment {
    let env = environment();
    let manifest = format!(
        "schema: 1\nplugins:\n  - name: p\n    version: 1.0.0\n    component: plugins/p.wasm\n    interface: ^1.0\n{rest}"
    );
    env.write("layers/my/board/metadata/plugins.yaml", manifest);
    env.write("layers/my/board/plugins/p.wasm", fs::read(component).unwrap());
    env.write("layers/my/board/parts/data", "data");
    env
}

const COMMAND: &str = "    commands:\n      - name: go\n        summary: Goes\n        arguments:\n          \
    - {name: text, kind: text, env: MY_TEXT, default: none, help: A text}\n          \
    - {name: choice, kind: choice, choices: [one, two], help: A choice}\n          \
    - {name: flag, kind: flag, help: A flag}\n          \
    - {name: words, kind: words, help: Words}\n          \
    - {name: status, kind: integer, help: The exit status}\n";

const HEAD: &str = "    capabilities:\n      - {write: state, why: keeps a file}\n      \
    - {read: layer, path: parts, why: reads}\n      \
    - {tool: head, why: reads a file, arguments: ['-c {int}', '{path:state}', '{path:layer}', '{given:words}']}\n";

/// Grants all that the manifest declares and runs the command. Whatever the plugin is, nothing outside of the workspace
/// is other afterwards.
fn go(env: &TestEnvironment, code: i32, arguments: &[&str]) -> String {
    env.succeed(&["grant", "add", "--all", "my/board/p"]);
    let before = env.contents();
    let all: Vec<&str> = ["cmd", "my/board/go"].iter().chain(arguments).copied().collect();
    let said = env.fail(code, &all);
    assert!(before == env.contents(), "something has changed outside of what was granted:\n{said}");
    said
}
