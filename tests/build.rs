//! Builds all guests in `plugins/` and generates a constant for each, and macros over all of them, with which
//! the tests make sure that no guest is without a test.

#![allow(clippy::disallowed_methods, reason = "tests name their own files")]

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let tests = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(env::var("OUT_DIR")?);
    for watched in ["plugins", "../sdk", "../wit"] {
        println!("cargo::rerun-if-changed={}", tests.join(watched).display());
    }
    let rustc = toolchain(&tests.join("../sdk/guest-toolchain"))?;
    let mut cargo = Command::new(env::var("CARGO")?);
    // The outer cargo speaks to this build script through variables that are not meant for the inner one.
    for (name, _) in env::vars().filter(|(name, _)| name.starts_with("CARGO_") && name != "CARGO_HOME") {
        cargo.env_remove(name);
    }
    cargo.env("RUSTC", rustc).env_remove("RUSTFLAGS").env_remove("RUSTC_WRAPPER").env_remove("RUSTC_WORKSPACE_WRAPPER");
    cargo.args(["build", "--release", "--locked", "--examples", "--target", "wasm32-wasip2", "--target-dir"]).arg(&out);
    let status = cargo.current_dir(tests.join("plugins")).status()?;
    if !status.success() {
        return Err("the guests in tests/plugins do not build".into());
    }
    fs::write(out.join("guests.rs"), generate(&tests, &out.join("wasm32-wasip2/release/examples"))?)?;
    Ok(())
}

fn toolchain(script: &Path) -> Result<String, Box<dyn std::error::Error>> {
    let output = Command::new(script).output()?;
    match output.status.success() {
        true => Ok(String::from_utf8(output.stdout)?.trim().to_owned()),
        false => Err(format!("sdk/guest-toolchain: {}", String::from_utf8_lossy(&output.stderr)).into()),
    }
}

fn generate(tests: &Path, built: &Path) -> Result<String, Box<dyn std::error::Error>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(tests.join("plugins/guests"))? {
        let path = entry?.path();
        names.push(path.file_stem().unwrap_or_default().to_string_lossy().into_owned());
    }
    names.sort();
    let mut text = String::new();
    for name in &names {
        let path = built.join(format!("{name}.wasm"));
        writeln!(text, "/// A guest.\npub const {}: &str = {path:?};", name.to_uppercase())?;
    }
    for prefix in ["ok", "deny", "hostile"] {
        let of_prefix = names.iter().filter(|name| name.split('_').next() == Some(prefix));
        writeln!(
            text,
            "/// Calls a macro with the name of each guest that starts with `{prefix}`.\n#[macro_export]\n\
             macro_rules! foreach_{prefix}_guest {{ ($check:ident) => {{ {} }} }}",
            { of_prefix.map(|name| format!("$check!({name});")).collect::<String>() }
        )?;
    }
    Ok(text)
}
