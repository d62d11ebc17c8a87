//! Examples of the SDK: compiled natively, as the tests of plugins are, each in a module of its own.

use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use skiff_tests::TestEnvironment;

use super::Kind;
use super::block::Block;
use super::blocks;

/// What stands above each example: what its reader has imported.
const IMPORTED: &str = "use skiff_sdk::*;\nuse skiff_sdk::testing::Host;\n";

/// The plugin that examples are about, where they do not show it.
const PLUGIN: &str = "struct Plugin;\n";
const HOOK: &str = "impl Hook for Plugin { fn run(_: Stage) -> Result<()> { Ok(()) } }\n";

#[test]
fn examples_of_the_sdk_compile() {
    let checkout = TestEnvironment::checkout();
    let folder = tempfile::tempdir().unwrap();
    let sdk = checkout.join("sdk");
    let manifest = format!(
        "[package]\nname = \"documented\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[dependencies]\n\
         skiff-sdk = {{ path = {sdk:?}, features = [\"json\"] }}\n\n[workspace]\n"
    );
    fs::write(folder.path().join("Cargo.toml"), manifest).unwrap();
    fs::copy(checkout.join("Cargo.lock"), folder.path().join("Cargo.lock")).unwrap();
    let mut text = "#![allow(unused, dead_code)]\n".to_owned();
    for (number, block) in (1..).zip(blocks(Kind::Rust)) {
        // The place is in the name of the module, so that it is in the compiler's messages.
        let place = block.place().replace(|c: char| !c.is_ascii_alphanumeric(), "_").to_lowercase();
        write!(text, "mod example_{number}_{place} {{\n{}}}\n", complete(&block)).unwrap();
    }
    fs::create_dir(folder.path().join("src")).unwrap();
    fs::write(folder.path().join("src/lib.rs"), &text).unwrap();
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["check", "--offline", "--quiet"]).current_dir(folder.path());
    cargo.env("CARGO_TARGET_DIR", checkout.join("target/documented")).env_remove("RUSTFLAGS");
    let output = cargo.output().unwrap();
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
}

/// Puts around an example what its reader knows to be there. `{ … }` is a body that is left to the reader.
fn complete(block: &Block) -> String {
    let text = block.text.replace("{ … }", "{ todo!() }");
    match text.lines().any(|line| line.starts_with("impl ")) {
        true => format!("{IMPORTED}{PLUGIN}{text}"),
        false => format!("{IMPORTED}{PLUGIN}{HOOK}fn example() -> Result<()> {{\n{text}Ok(())\n}}\n"),
    }
}
