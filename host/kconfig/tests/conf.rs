//! The values that skiff reads beside those that the real Kconfig makes of the same lines.
//!
//! `conf` of Debian's package `linux-kbuild-*` reads them; `make test` installs it. `SKIFF_TEST_CONF` names another one,
//! such as Buildroot's own (`make -C support/kconfig -f Makefile.br conf`), which also takes any byte behind a `#`.

#![allow(clippy::disallowed_methods, reason = "tests name their own files")]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test may stop at the first surprise")]

use std::env;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use proptest::prelude::*;
use skiff_kconfig::Fragment;
use skiff_kconfig::Kind;
use skiff_kconfig::Merged;
use skiff_kconfig::SymbolType;
use skiff_kconfig::merge;

/// Finds the Kconfig. A test that cannot run has not passed.
fn conf() -> PathBuf {
    if let Some(path) = env::var_os("SKIFF_TEST_CONF") {
        return path.into();
    }
    let installed = fs::read_dir("/usr/lib").unwrap().flatten().map(|entry| entry.path());
    installed
        .filter(|path| path.to_string_lossy().contains("linux-kbuild-"))
        .map(|path| path.join("scripts/kconfig/conf"))
        .find(|path| path.is_file())
        .expect("Debian's package linux-kbuild-* is not installed: run `make buildroot-tools`")
}

const SYMBOLS: [(&str, SymbolType, &str); 9] = [
    ("A", SymbolType::Bool, "n"),
    ("B", SymbolType::Bool, "y"),
    ("x86_64", SymbolType::Bool, "y"),
    ("S", SymbolType::String, "default"),
    ("T", SymbolType::String, ""),
    ("I", SymbolType::Int, "7"),
    ("J", SymbolType::Int, "-1"),
    ("H", SymbolType::Hex, "0x7f"),
    ("M", SymbolType::Tristate, "m"),
];

/// What a test has to know of a kind of configuration.
struct Setting {
    kind: Kind,
    /// What stands before the names in Kconfig files; the rest of the prefix is added by Kconfig.
    named: &'static str,
    /// The variable `CONFIG_` of Kconfig.
    added: &'static str,
}

const BUILDROOT: Setting = Setting { kind: Kind::Buildroot, named: "BR2_", added: "" };
const KERNEL: Setting = Setting { kind: Kind::Kernel, named: "", added: "CONFIG_" };

impl Setting {
    fn name(&self, symbol: &str) -> String {
        format!("{}{}{symbol}", self.added, self.named)
    }

    /// Buildroot has no modules.
    fn symbols(&self) -> impl Iterator<Item = (String, SymbolType, &'static str)> {
        let kernel = self.kind == Kind::Kernel;
        let fits = move |kind| kernel || kind != SymbolType::Tristate;
        let plain = SYMBOLS.into_iter().filter(move |(_, kind, _)| fits(*kind));
        let named = plain.map(|(name, kind, default)| (self.name(name), kind, default));
        // An external tree may call its symbols what it wants.
        named.chain((!kernel).then(|| ("IX_KEYS".to_owned(), SymbolType::Bool, "n")))
    }

    fn kconfig(&self) -> String {
        let mut text = "mainmenu \"Test\"\n".to_owned();
        if self.kind == Kind::Kernel {
            text += "config MODULES\n\tbool \"modules\"\n\tmodules\n\tdefault y\n";
        }
        for (name, kind, default) in self.symbols() {
            let name = name.strip_prefix(self.added).unwrap();
            let kind = format!("{kind:?}").to_lowercase();
            let default = if kind == "string" { format!("{default:?}") } else { default.to_owned() };
            text += &format!("config {name}\n\t{kind} \"{name}\"\n\tdefault {default}\n");
        }
        text
    }

    fn parse(&self, text: &str) -> Merged {
        let defined = |name: &str| name == "IX_KEYS";
        merge(Fragment::parse_with(self.kind, "l", "f".into(), text, defined).assignments)
    }

    /// Runs Kconfig over a text and returns what it made of it.
    fn finished(&self, folder: &Path, text: &str) -> String {
        let (input, output) = (folder.join("input"), folder.join("output"));
        fs::write(folder.join("Config.in"), self.kconfig()).unwrap();
        fs::write(&input, text).unwrap();
        let mut command = Command::new(conf());
        command.arg(format!("--defconfig={}", input.display())).arg("Config.in").current_dir(folder);
        // Buildroot's Kconfig goes by a variable of its own.
        command.env("CONFIG_", self.added).env("KCONFIG_CONFIG", &output).env("BR2_CONFIG", &output);
        let ran = command.output().unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        String::from_utf8(fs::read(&output).unwrap()).unwrap()
    }

    /// Whether a text, as skiff reads it and as skiff writes it, comes to what Kconfig makes of it.
    fn check(&self, text: &str) -> Result<(), TestCaseError> {
        let folder = tempfile::tempdir().unwrap();
        let ours = self.parse(text);
        let finished = self.finished(folder.path(), text);
        let theirs = self.parse(&finished);
        for (name, kind, default) in self.symbols() {
            let read = |merged: &Merged| merged.entry(&name).and_then(|entry| Some(entry.read(kind)?.1));
            let (wanted, present) = (read(&ours).unwrap_or_else(|| default.to_owned()), read(&theirs));
            prop_assert_eq!(Some(&wanted), present.as_ref(), "{} of {:?}", name, text);
            if kind == SymbolType::Bool && ours.entry(&name).is_some_and(|entry| entry.read(kind).is_some()) {
                prop_assert_eq!(ours.is_yes(&name), wanted == "y", "{} of {:?}", name, text);
            }
        }
        if self.kind == Kind::Buildroot {
            prop_assert_eq!(self.finished(folder.path(), &ours.render()), finished, "{:?}", text);
        }
        Ok(())
    }
}

/// Lines as people write them, and as nobody should.
fn line(setting: &'static Setting) -> impl Strategy<Value = String> {
    let names: Vec<String> = setting.symbols().map(|(name, ..)| name).collect();
    let name = prop_oneof![
        12 => prop::sample::select(names),
        1 => "[ABI]_?".prop_map(|name| setting.name(&name)),
        1 => prop::sample::select(vec!["BR2_A ", " BR2_A", "CONFIG_A", " CONFIG_B", "br2_a", "ix_keys", "IX_KEYS", "A", ""])
            .prop_map(str::to_owned),
    ];
    let value = prop_oneof![
        6 => prop::sample::select(vec![
            "y", "n", "m", "Y", "N", "yes", "no", "maybe", "", " ", " y", "\ty", "=y", "n=y", "0", "00", "07", "-0", "-", "--1",
            "1 ", "0x", "0X1f", "0x1F", "1f", "dead", "0xg", "+3", "true", "\"", "\"\"", "\"y\"", "'y'", "y\"", "\"a\"b\"", "\\\"",
        ]).prop_map(str::to_owned),
        2 => "-?[0-9]{1,30}",
        2 => "\"[a-z \\\\\"#=$(){}'éß\t]{0,12}\"?",
        1 => "\"[a-z]{200,600}\"",
        1 => "[ymn0-9\"x\\\\ #éa]{0,6}",
    ];
    let tail = prop::sample::select(vec!["", "", "", " ", "\t", " # why", "# why", "\r"]);
    let assignment =
        (name.clone(), value, tail.clone()).prop_map(|(name, value, tail)| format!("{name}={value}{tail}"));
    let gone = prop::sample::select(vec!["", " ", " (broken)", " anymore, see below", "tled", "\r", "\t# x"]);
    let unset = (name, gone).prop_map(|(name, tail)| format!("# {name} is not set{tail}"));
    let comment = prop::sample::select(vec![
        "#",
        "# ",
        "",
        "\r",
        "   ",
        "# a comment",
        "words",
        "\u{feff}",
        "  # x",
        "A y",
        "# B is not",
    ]);
    prop_oneof![6 => assignment, 3 => unset, 1 => comment.prop_map(str::to_owned)]
}

fn text(setting: &'static Setting) -> impl Strategy<Value = String> {
    let lines = prop::collection::vec(line(setting), 1..14);
    (lines, any::<bool>()).prop_map(|(lines, ended)| {
        let text = lines.join("\n");
        // Kconfig takes a carriage return at the very end for a part of the value; SkiffOS never ends a file there.
        let ended = ended || text.ends_with(['\r', '#']);
        if ended { text + "\n" } else { text }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases()) })]

    #[test]
    fn buildroots_symbols_are_what_kconfig_makes_of_them(text in text(&BUILDROOT)) {
        BUILDROOT.check(&text)?;
    }

    #[test]
    fn the_kernels_symbols_are_what_kconfig_makes_of_them(text in text(&KERNEL)) {
        KERNEL.check(&text)?;
    }
}

/// `PROPTEST_CASES` asks for more.
fn cases() -> u32 {
    env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(200)
}

#[test]
fn any_byte_behind_a_hash_will_do_for_buildroot() {
    if env::var_os("SKIFF_TEST_CONF").is_some() {
        BUILDROOT.check("##BR2_B is not set\n#\tBR2_x86_64 is not set\n#BR2_A is not set\n").unwrap();
    }
}
