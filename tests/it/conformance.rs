//! The recorded results of SkiffOS 2026.08 on synthetic layers (`fixtures/synthetic.json`), case by case.
//!
//! Where a record shows a bug of SkiffOS, the case is listed in [`DIFFERENCES`] with what skiff does instead.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;
use skiff_tests::TestEnvironment;

use crate::environment;

/// Cases in which skiff is right to differ: the name, and a part of what the difference is.
const DIFFERENCES: [(&str, &str); 12] = [
    // SkiffOS drops a package whose dependency file it does not like, and builds on without it.
    ("bad-chars", "`dep/d;ls` is not a package name"),
    ("bad-hyphdep", "unknown package `x-y/z`"),
    ("bad-hyphdep-then-d", "unknown package `x-y/z`"),
    ("bad-nodash", "`nodep` is not a package name"),
    // It drops names that it does not like from the chain, too.
    ("bad-syntax2", "unknown package `syn-x/base`"),
    ("env-path-hyphen", "unknown package `my-x/pkg`"),
    // Tabs separate, and names may hold `-` and `_`.
    ("bad-tabs", "chain: \"dep/d,dep/b,bad/tabs\" instead of \"\""),
    ("hyphen-cat", "chain: \"hy-phen/x\" instead of \"\""),
    ("hyphen-name", "SkiffOS refuses this"),
    ("underscore", "chain: \"un_der/x_y\" instead of \"\""),
    // A file name with a blank is a file name.
    ("frag-space", "SkiffOS refuses this"),
    ("cycle", "form a cycle: cyc/a -> cyc/b -> cyc/a"),
];

/// Symbols whose recorded value is a bug or names the checkout: the case, the symbol and skiff's value.
const SYMBOLS: [(&str, &str, &str); 7] = [
    // Quotes inside a Kconfig string are escaped.
    ("double-comma", "BR2_TARGET_OPTIMIZATION", r#""-O2 -pipe  -march=x \"quoted\" ""#),
    ("merge-over", "BR2_TARGET_OPTIMIZATION", r#""-O2 -pipe  -march=x \"quoted\" ""#),
    ("merge-swapped", "BR2_TARGET_OPTIMIZATION", r#""-march=x \"quoted\"  -O2 -pipe ""#),
    // The record shows lines as they stand; Kconfig takes a carriage return for a part of the line end, and so does skiff.
    ("double-comma", "CONFIG_CR", "y"),
    ("merge-over", "CONFIG_CR", "y"),
    ("merge-swapped", "CONFIG_CR", "y"),
    // Version and commit are skiff's own; the commit is cut out below.
    ("replaceme", "BR2_A", "\"COMMIT 0.1.0 [ROOT]/workspaces/.config_default/ \""),
];

/// Symbols that SkiffOS loses, or that its merge does not see: the case and the symbol.
const ADDED: [(&str, &str); 5] = [
    // It deletes a line in whose value a later symbol's name stands: `CONFIG_STR="a CONFIG_INSTR =b"`.
    ("merge-over", "CONFIG_STR"),
    ("double-comma", "CONFIG_STR"),
    // Its merge does not see `# CONFIG_TS is not set ` with a blank at the end and passes the line on; Kconfig reads it.
    ("merge-over", "CONFIG_TS"),
    ("double-comma", "CONFIG_TS"),
    ("merge-swapped", "CONFIG_TS"),
];

fn synthetic() -> Value {
    let path = TestEnvironment::checkout().join("tests/fixtures/synthetic.json");
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// Writes all layers of the record below the test's directory.
fn with_layers(record: &Value) -> TestEnvironment {
    let env = environment();
    let here = env.path("synth").display().to_string();
    for (path, content) in record["layers"].as_object().unwrap() {
        let path = format!("synth/{path}");
        if let Some(text) = content["text"].as_str() {
            env.write(&path, text);
        } else {
            let target = content["symlink"].as_str().unwrap().replace("@SYNTH@", &here);
            fs::create_dir_all(env.path(&path).parent().unwrap()).unwrap();
            std::os::unix::fs::symlink(target, env.path(&path)).unwrap();
        }
    }
    env
}

/// Runs one case and returns in what it differs from the record.
fn differences(env: &TestEnvironment, name: &str, case: &Value) -> Vec<String> {
    let here = env.path("synth").display().to_string();
    let mut command = env.command(&["-c", case["requested"].as_str().unwrap(), "plan", "--json"]);
    for (variable, value) in case["env"].as_object().unwrap() {
        command.env(variable, value.as_str().unwrap().replace("@SYNTH@", &here));
    }
    let ran = env.ran(&command.output().unwrap());
    let recorded = case["exit"].as_i64() == Some(0);
    if ran.code != 0 {
        assert_eq!(ran.code, 1, "{name}: {}", ran.stderr);
        return if recorded { vec![ran.stderr] } else { Vec::new() };
    }
    if !recorded {
        return vec!["SkiffOS refuses this, skiff does not".into()];
    }
    let plan: Value = serde_json::from_str(&ran.stdout).unwrap();
    let mut found = Vec::new();
    let mut compare = |what: &str, ours: String, theirs: String| {
        if ours != theirs {
            found.push(format!("{what}: {ours:?} instead of {theirs:?}"));
        }
    };
    let list =
        |value: &Value| value.as_array().unwrap().iter().map(|v| v.as_str().unwrap().to_owned()).collect::<Vec<_>>();
    compare("chain", list(&plan["chain"]).join(","), case["resolved"].as_str().unwrap_or_default().to_owned());
    // The checkouts differ in their own directories; the packages' directories and their order must not.
    let inside = |paths: Vec<String>| {
        let paths = paths.into_iter().map(|path| path.replace("@SYNTH@", "[ROOT]/synth"));
        paths.filter(|path| path.starts_with("[ROOT]/synth")).collect::<Vec<_>>().join(" ")
    };
    let paths =
        |rows: &Value| rows.as_array().unwrap().iter().map(|row| row["path"].as_str().unwrap().to_owned()).collect();
    compare("layers", inside(paths(&plan["layers"])), inside(list(&case["layer_dirs"])));
    compare("pre hooks", inside(paths(&plan["hooks"]["pre"])), inside(list(&case["pre_build_hooks"])));
    compare("post hooks", inside(paths(&plan["hooks"]["post"])), inside(list(&case["post_build_hooks"])));
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    compare("build target", text(&plan["build_target"]), text(&case["build_target"]));
    compare("cflags", text(&plan["cflags"]), text(&case["symbols"]["cflags"]).trim_end_matches('\n').to_owned());
    // SkiffOS glues two tables together where the first lacks its last line end, so the lines are compared as one.
    let users = text(&case["symbols"]["users"]).replace('\n', "");
    compare("users", list(&plan["users"]).concat(), users);
    for (kind, symbols) in case["symbols"].as_object().unwrap() {
        let Some(symbols) = symbols.as_object() else { continue };
        for (symbol, value) in symbols {
            let ours = &plan["symbols"][kind][symbol]["value"];
            let known = SYMBOLS.iter().find(|(case, known, _)| *case == name && known == symbol);
            let theirs =
                known.map_or_else(|| text(value).replace("@SYNTH@", "[ROOT]/synth"), |(.., ours)| (*ours).to_owned());
            let ours = ours.as_str().unwrap_or("absent");
            let ours = if name == "replaceme" { without_commit(ours) } else { ours.to_owned() };
            compare(symbol, ours, theirs);
        }
        // Nor may there be any that SkiffOS does not have.
        for (symbol, ours) in plan["symbols"][kind].as_object().unwrap() {
            let base = ours["layer"].as_str().unwrap().starts_with("base/") || ours["layer"] == "cflags";
            if !base && !symbols.contains_key(symbol) && !ADDED.contains(&(name, symbol)) {
                compare(symbol, ours["value"].to_string(), "absent".into());
            }
        }
    }
    found
}

/// The first word is the checkout's commit.
fn without_commit(value: &str) -> String {
    value.split_once(' ').map(|(_, rest)| format!("\"COMMIT {rest}")).unwrap_or_default()
}

#[test]
fn every_recorded_case_is_met_or_differs_for_a_reason() {
    let record = synthetic();
    let env = with_layers(&record);
    let known = BTreeMap::from(DIFFERENCES);
    let mut wrong = Vec::new();
    for (name, case) in record["cases"].as_object().unwrap() {
        let found = differences(&env, name, case).join("\n  ");
        match known.get(name.as_str()) {
            Some(reason) if found.contains(reason) => {}
            None if found.is_empty() => {}
            _ => wrong.push(format!("{name}:\n  {found}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
