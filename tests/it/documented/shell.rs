//! Lines that people type. The blocks below a heading are one session in a checkout of its own, as a reader has it. What takes
//! hours, a device or a terminal is read by those who would carry it out, up to the point where they would begin.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use skiff_tests::TestEnvironment;
use skiff_tests::guests;
use walkdir::WalkDir;

use super::Kind;
use super::block;
use super::block::Block;
use super::blocks;
use crate::environment;

/// What is done with a line.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// It is run as it is.
    Run,
    /// It is run with `--help` behind it: its own arguments are read, and nothing else happens.
    Help,
    /// Its arguments are read by skiff's command line.
    Read,
    /// `make` says what it would run.
    Make,
    /// The packages and tests that it names are there.
    Cargo,
}

/// A line of a session, and what it is said to print.
struct Line {
    place: String,
    text: String,
    printed: Vec<String>,
}

impl Line {
    /// Its words, without variables that are set in front and without a comment.
    fn words(&self) -> Vec<String> {
        let words = shlex::split(&self.text).unwrap_or_else(|| panic!("{}: a quotation does not end", self.place));
        let is_assignment = |word: &String| word.split_once('=').is_some_and(|(name, _)| is_variable(name));
        words.into_iter().skip_while(is_assignment).collect()
    }

    /// What is done with it in a session.
    fn step(&self, session: &Session) -> Step {
        let words = self.words();
        let Some((program, arguments)) = words.split_first() else { return Step::Run };
        match program.as_str() {
            "cd" | "echo" | "export" | "mkdir" => Step::Run,
            // What is copied is the reader's own.
            "cp" => Step::Read,
            "make" => Step::Make,
            "cargo" => Step::Cargo,
            "skiff" => session.step_of_skiff(arguments),
            other => panic!("{}: nobody knows how to try `{other}`", self.place),
        }
    }
}

fn is_variable(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

/// The lines below a heading.
struct Session {
    lines: Vec<Line>,
}

impl Session {
    fn mentions(&self, what: &str) -> bool {
        self.lines.iter().any(|line| line.text.contains(what))
    }

    fn step_of_skiff(&self, arguments: &[String]) -> Step {
        let has = |words: &[&str]| arguments.iter().any(|argument| words.contains(&argument.as_str()));
        let command_at = arguments.iter().position(|argument| argument == "cmd");
        if let Some(at) = command_at {
            let package = arguments.get(at + 1).map(String::as_str).unwrap_or_default();
            let needs_device = arguments.iter().any(|argument| argument == "--device");
            return if needs_device || has_terminal(package) { Step::Help } else { Step::Run };
        }
        // Buildroot takes hours, a menu somebody at the keyboard, and writing a device.
        let builds = has(&["compile", "build", "fetch", "br"]) && self.mentions("--engine buildroot");
        match builds || arguments.iter().any(|argument| argument.starts_with("/dev/")) {
            true => Step::Read,
            false => Step::Run,
        }
    }
}

/// Whether a plugin of a package of the checkout connects programs to the user's terminal.
fn has_terminal(package: &str) -> bool {
    let root = TestEnvironment::checkout().join("configs").join(package);
    let Ok(text) = fs::read_to_string(root.join("metadata/plugins.yaml")) else { return false };
    let manifest = skiff_layers::parse_manifest(&root, &text).unwrap();
    let capabilities = manifest.plugins.iter().flat_map(|plugin| &plugin.capabilities);
    capabilities.into_iter().any(|each| matches!(each, skiff_layers::Capability::Tool(tool) if tool.terminal))
}

/// The sessions of all documents. A line that ends with a backslash goes on.
fn sessions() -> Vec<Session> {
    let mut sessions: BTreeMap<(String, String), Session> = BTreeMap::new();
    for block in blocks(Kind::Shell) {
        let session = sessions
            .entry((block.file.clone(), block.heading.clone()))
            .or_insert_with(|| Session { lines: Vec::new() });
        session.lines.extend(lines(&block));
    }
    sessions.into_values().filter(|session| !session.lines.is_empty()).collect()
}

fn lines(block: &Block) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for (number, written) in (block.line + 1..).zip(block.text.lines()) {
        let line = |text: &str| {
            let place = format!("{}:{number}", block.file);
            Line { place, text: text.to_owned(), printed: Vec::new() }
        };
        match (block.language.as_str(), written.strip_prefix("$ "), lines.last_mut()) {
            ("console", Some(typed), _) => lines.push(line(typed)),
            ("console", None, Some(last)) => last.printed.push(written.to_owned()),
            // What skiff says elsewhere: `said_without_a_terminal` looks at it.
            ("console", None, None) => {}
            (_, _, Some(last)) if last.text.ends_with('\\') => {
                last.text.pop();
                last.text += written;
            }
            _ if written.trim().is_empty() => {}
            _ => lines.push(line(written)),
        }
    }
    lines
}

#[test]
fn what_people_are_told_to_type_works() {
    let mut done = BTreeMap::new();
    for session in sessions() {
        if session.mentions("skiff cmd acme/board flash") {
            asks_for_consent(&session);
            *done.entry("a question").or_insert(0) += session.lines.len();
            continue;
        }
        let place = Place::new(&session);
        let mut script = String::new();
        for line in &session.lines {
            let step = line.step(&session);
            *done.entry(name_of(&step)).or_insert(0) += 1;
            if line.words().first().is_some_and(|word| word == "skiff") {
                read(&line.place, &line.words()[1..]);
            }
            match step {
                Step::Run => script += &place.marked(line, &line.text),
                Step::Help => {
                    let words = line.words();
                    let typed = shlex::try_join(words.iter().map(String::as_str).chain(["--help"])).unwrap();
                    script += &place.marked(line, &typed);
                }
                Step::Read => {}
                Step::Make => make(&place, line),
                Step::Cargo => cargo(line),
            }
        }
        place.run(&session, &script);
    }
    // So that a rule which takes too much is seen.
    insta::assert_snapshot!(format!("{done:?}"), @r#"{"a question": 1, "cargo": 2, "make": 8, "own arguments read": 8, "read": 6, "run": 34}"#);
}

fn name_of(step: &Step) -> &'static str {
    match step {
        Step::Run => "run",
        Step::Help => "own arguments read",
        Step::Read => "read",
        Step::Make => "make",
        Step::Cargo => "cargo",
    }
}

/// Has skiff's command line read arguments.
fn read(place: &str, arguments: &[String]) {
    let words = std::iter::once("skiff".to_owned()).chain(arguments.iter().cloned());
    if let Err(error) = skiff_cli::check_usage(words.map(Into::into)) {
        panic!("{place}: skiff {arguments:?}: {error}");
    }
}

/// A checkout, a home and whatever else a session starts from.
struct Place {
    env: TestEnvironment,
    variables: Vec<(&'static str, String)>,
}

impl Place {
    fn new(session: &Session) -> Self {
        let env = environment();
        copy(&TestEnvironment::checkout(), &env.path("skiff"));
        for folder in ["skiff/overrides", "skiff/target/release", "home"] {
            fs::create_dir_all(env.path(folder)).unwrap();
        }
        env.write("home/.ssh/id_ed25519.pub", super::PUBLIC_KEY);
        std::os::unix::fs::symlink(crate::PROGRAM, env.path("skiff/target/release/skiff")).unwrap();
        let mut place = Self { env, variables: Vec::new() };
        let fixture = TestEnvironment::checkout().join("tests/fixtures/buildroot");
        if session.mentions("--engine buildroot") {
            place.variables.push(("SKIFF_BUILDROOT_DIR", fixture.display().to_string()));
        }
        if session.mentions("/path/to/SkiffOS") {
            place.skiffos(&fixture);
        }
        if session.mentions("buildimage") {
            crate::media::fill_images(&place.env, "v1");
            let images = place.env.path("skiff/workspaces/default");
            fs::create_dir_all(&images).unwrap();
            fs::rename(place.env.path("workspaces/default/images"), images.join("images")).unwrap();
        }
        if session.mentions("acme/board") && !session.mentions("plugin new") {
            let manifest = "schema: 1\nplugins:\n  - name: signer\n    version: 1.0.0\n    \
                            component: plugins/signer.wasm\n    interface: ^1.0\n    commands:\n      - name: sign\n        \
                            summary: Signs\n        arguments: [{name: key, kind: text, help: The key}]\n";
            place.env.write("layers/acme/board/metadata/plugins.yaml", manifest);
            place.env.write("layers/acme/board/plugins/signer/signer.c", "");
            place.env.write("layers/acme/board/plugins/signer.wasm", fs::read(guests::OK_COMMAND_ECHOES).unwrap());
            place.variables.push(("SKIFF_EXTRA_CONFIGS_PATH", place.env.path("layers").display().to_string()));
            place.variables.push(("SKIFF_ALLOW", "acme/board/signer=all".to_owned()));
        }
        if !session.mentions("SKIFF_CONFIG=") && !session.mentions(" -c ") {
            // The one of "Getting started", which is remembered from there on.
            place.variables.push(("SKIFF_CONFIG", "virt/qemu,apps/docker".to_owned()));
        }
        place
    }

    /// A tree as SkiffOS has it, as far as the documents speak of it.
    fn skiffos(&self, buildroot: &Path) {
        for package in ["pi/4", "skiff/core", "skiff/moduleimg", "pi/common", "apps/docker"] {
            self.env.write(&format!("SkiffOS/configs/{package}/metadata/description"), "A package\n");
        }
        for layer in ["configs-base/pre", "configs/skiff/moduleimg", "configs/pi/common", "configs/apps/docker"] {
            self.env.write(&format!("SkiffOS/{layer}/hooks/pre.sh"), "true\n");
        }
        self.env.write("SkiffOS/configs-base/post/buildroot/x", "BR2_DL_DIR=\"x\"\n");
        self.env.write("SkiffOS/configs/pi/4/metadata/dependencies", "pi/common,skiff/moduleimg\n");
        self.env.write("SkiffOS/configs/skiff/core/metadata/dependencies", "apps/docker\n");
        fs::create_dir(self.env.path("SkiffOS/overrides")).unwrap();
        copy(buildroot, &self.env.path("SkiffOS/buildroot"));
    }

    /// A line of a script, with marks by which what it prints is found again.
    fn marked(&self, line: &Line, text: &str) -> String {
        let text = text.replace("/path/to/SkiffOS", &self.env.path("SkiffOS").display().to_string());
        format!("printf '@@ {0}\\n'; printf '@@ {0}\\n' >&2\n{text}\n", line.place)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.env.path("skiff")).stdin(std::process::Stdio::null());
        for (name, _) in std::env::vars_os().filter(|(name, _)| {
            let name = name.to_string_lossy();
            name.starts_with("SKIFF_") && name != "SKIFF_CACHE_DIR"
                || name.starts_with("CARGO_") && name != "CARGO_HOME"
        }) {
            command.env_remove(name);
        }
        // The home is the reader's; compilers and downloads are the machine's.
        let home = std::env::var("HOME").unwrap_or_default();
        for (name, inner) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup"), ("SKIFF_CACHE_DIR", ".cache/skiff")]
        {
            if std::env::var_os(name).is_none() {
                command.env(name, Path::new(&home).join(inner));
            }
        }
        let path = std::env::var("PATH").unwrap_or_default();
        let own = self.env.path("skiff/target/release");
        command.env("HOME", self.env.path("home")).env("PATH", format!("{}:{path}", own.display()));
        command.env("KCONFIG_CONF", crate::buildroot::kconfig());
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs the lines of a session, and compares what they print with what they are said to.
    fn run(&self, session: &Session, script: &str) {
        let output = self.command("bash").args(["-euc", script]).output().unwrap();
        let ran = self.env.ran(&output);
        assert_eq!(ran.code, 0, "this went wrong:\n{script}\n{}\n{}", ran.stdout, ran.stderr);
        for line in session.lines.iter().filter(|line| !line.printed.is_empty()) {
            let printed = part(&ran.stdout, &line.place);
            assert!(
                are_like(&line.printed, &printed),
                "{}: `{}` printed:\n{}",
                line.place,
                line.text,
                printed.join("\n")
            );
        }
        // What was made by hand is what it was to be.
        for entry in WalkDir::new(self.env.path("skiff/overrides")) {
            let path = entry.unwrap().into_path();
            if path.extension().is_some_and(|extension| extension == "json") {
                let text = fs::read_to_string(&path).unwrap();
                assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{}: {text}", path.display());
            }
        }
    }
}

/// What one line of a session printed.
fn part(printed: &str, place: &str) -> Vec<String> {
    let from = printed.lines().skip_while(|line| *line != format!("@@ {place}")).skip(1);
    from.take_while(|line| !line.starts_with("@@ ")).map(str::to_owned).collect()
}

/// Whether lines are as a document shows them. `…` stands for any text, and each digest for any other.
fn are_like(shown: &[String], printed: &[String]) -> bool {
    let trimmed = |lines: &[String]| -> Vec<String> {
        let lines = lines.iter().map(|line| line.trim_end().to_owned());
        lines.skip_while(String::is_empty).collect()
    };
    let (shown, printed) = (trimmed(shown), trimmed(printed));
    shown.len() == printed.len() && shown.iter().zip(&printed).all(|(shown, printed)| is_like(shown, printed))
}

fn is_like(shown: &str, printed: &str) -> bool {
    let shown = match shown.split_once("sha256:") {
        Some((before, _)) => format!("{before}sha256:…"),
        None => shown.to_owned(),
    };
    let mut parts = shown.split('…');
    let Some(mut rest) = parts.next().and_then(|first| printed.strip_prefix(first)) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, between)) = parts.split_last() else { return rest.is_empty() };
    for part in between {
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// Copies a checkout without what is made in it.
fn copy(from: &Path, into: &Path) {
    let entries = WalkDir::new(from).into_iter().filter_entry(|entry| {
        let name = entry.file_name().to_string_lossy();
        let is_made = name.starts_with("target") || matches!(&*name, ".git" | "workspaces" | "overrides");
        entry.depth() == 0 || !(entry.file_type().is_dir() && is_made)
    });
    for entry in entries {
        let entry = entry.unwrap();
        let place = into.join(entry.path().strip_prefix(from).unwrap());
        if entry.file_type().is_dir() {
            fs::create_dir_all(place).unwrap();
        } else if entry.file_type().is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(entry.path()).unwrap(), place).unwrap();
        } else {
            fs::copy(entry.path(), place).unwrap();
        }
    }
}

/// Asks make what it would run, and has skiff's command line read its part of that.
fn make(place: &Place, line: &Line) {
    let output = place.command("make").arg("--dry-run").args(&line.words()[1..]).output().unwrap();
    let ran = place.env.ran(&output);
    assert_eq!(ran.code, 0, "{}: `{}`:\n{}", line.place, line.text, ran.stderr);
    let commands = ran.stdout.replace("||", "\n").replace("&&", "\n").replace(';', "\n");
    for command in commands.lines() {
        let words = shlex::split(command).unwrap_or_default();
        if words.first().is_some_and(|word| word == "target/release/skiff") {
            read(&line.place, &words[1..]);
        }
    }
}

/// Finds the packages that are named, and at least one test for words behind `--`.
fn cargo(line: &Line) {
    let manifest = TestEnvironment::checkout().join("Cargo.toml");
    let metadata = cargo_metadata::MetadataCommand::new().manifest_path(manifest).no_deps().exec().unwrap();
    let words = line.words();
    let named = words.iter().zip(words.iter().skip(1)).find(|(word, _)| matches!(word.as_str(), "-p" | "--package"));
    let (_, named) = named.unwrap_or_else(|| panic!("{}: `{}` names no package", line.place, line.text));
    assert!(metadata.packages.iter().any(|package| package.name.as_str() == named), "{}: {named}", line.place);
    if let Some(at) = words.iter().position(|word| word == "--") {
        assert_eq!(named, "skiff-tests", "{}: whose tests are meant?", line.place);
        let tests =
            Command::new(std::env::current_exe().unwrap()).arg("--list").args(&words[at + 1..]).output().unwrap();
        assert!(String::from_utf8_lossy(&tests.stdout).contains(": test"), "{}: there is no such test", line.place);
    }
}

/// A plugin that asks for something, at a terminal and elsewhere.
fn asks_for_consent(session: &Session) {
    let env = environment();
    let manifest = "schema: 1\nplugins:\n  - name: flasher\n    version: 1.2.0\n    component: plugins/flasher.wasm\n    \
                    interface: ^1.0\n    commands: [{name: flash, summary: Flashes}]\n    capabilities:\n      \
                    - {write: images, why: writes the signed image}\n      - tool: mkimage\n        \
                    why: wraps the kernel for U-Boot\n        arguments:\n          - -A {word}\n          \
                    - -d {path:images}\n";
    env.write("layers/acme/board/metadata/plugins.yaml", manifest);
    env.write("layers/acme/board/plugins/flasher.wasm", fs::read(guests::OK_COMMAND_ECHOES).unwrap());
    let [line] = session.lines.as_slice() else { panic!("one line is shown with what is asked then") };
    let words = line.words();
    let arguments: Vec<&str> = words.iter().skip(1).map(String::as_str).collect();
    let (_, said) = crate::plugins::consent::at_terminal(&env, "n\n", &arguments);
    let plain = String::from_utf8(anstream::adapter::strip_bytes(said.as_bytes()).into_vec()).unwrap();
    let plain = plain.replace("[ROOT]", "/home/me");
    let shown = line.printed.len();
    let asked: Vec<String> = plain.lines().skip_while(|line| line.is_empty()).take(shown).map(str::to_owned).collect();
    // The answer is typed behind the question.
    let asked: Vec<String> = asked.iter().map(|line| line.trim_end_matches('n').to_owned()).collect();
    assert!(are_like(&line.printed, &asked), "{}: asked was:\n{plain}", line.place);
    let refused = env.fail(77, &arguments);
    for block in blocks(Kind::Shell).iter().filter(|block| block.text.starts_with("hint: ")) {
        let mut text = String::new();
        block.text.lines().for_each(|line| writeln!(text, "{line}").unwrap());
        assert!(refused.contains(&text), "{}: skiff says:\n{refused}", block.place());
    }
}

/// Commands in the middle of a text are read, too. `A|B` stands for one or the other.
#[test]
fn commands_in_running_text_are_commands() {
    let mut count = 0;
    for (file, text) in block::documents() {
        for (number, written) in (1..).zip(text.lines()) {
            for span in written.split('`').skip(1).step_by(2).filter_map(|span| span.strip_prefix("skiff ")) {
                let words: Vec<String> = span.split_whitespace().map(str::to_owned).collect();
                let most = words.iter().map(|word| word.split('|').count()).max().unwrap_or(1);
                for choice in 0..most {
                    let chosen =
                        words.iter().map(|word| word.split('|').nth(choice).or(word.split('|').next()).unwrap());
                    // A command that stands for itself lacks what it needs: that is not what is looked for here.
                    let chosen: Vec<String> = chosen.map(|word| word.trim_matches(['[', ']']).to_owned()).collect();
                    named(&format!("{file}:{number}"), &chosen);
                    count += 1;
                }
            }
        }
    }
    assert!(count > 50, "{count}");
}

/// Checks that a command line that may be cut short names a command and options that there are.
fn named(place: &str, arguments: &[String]) {
    let words = std::iter::once("skiff".to_owned()).chain(arguments.iter().cloned());
    let Err(error) = skiff_cli::check_usage(words.map(Into::into)) else { return };
    let is_short =
        ["required", "requires a subcommand", "value is required", "is not a workspace name", "\nCommands:\n"];
    assert!(is_short.iter().any(|part| error.contains(part)), "{place}: skiff {arguments:?}: {error}");
}
