//! What a program's Kconfig files say about its symbols: read to explain a configuration, never to make one.

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use nom_kconfig::Attribute;
use nom_kconfig::Entry;
use nom_kconfig::KconfigFile;
use nom_kconfig::KconfigInput;
use nom_kconfig::attribute::Expression;
use nom_kconfig::attribute::r#type::Type;
use nom_kconfig::parse_kconfig;
use skiff_text::Shown as _;

use crate::Kind;

/// All symbols that a tree of Kconfig files defines.
#[derive(Debug, Clone, Default)]
pub struct Definitions {
    symbols: BTreeMap<String, Vec<Definition>>,
    choices: usize,
}

/// One place at which a symbol is defined.
#[derive(Debug, Clone, Default)]
pub(crate) struct Definition {
    /// Everything that must hold: its own dependencies and those of the menus around it.
    pub(crate) depends: Conditions,
    /// The further conditions under which it can be set, where it has a prompt at all.
    pub(crate) prompt: Option<Conditions>,
    /// The choice that it is a member of.
    pub(crate) choice: Option<usize>,
    /// Symbols that it switches on, each under a condition.
    pub(crate) selects: Vec<(String, Option<Expression>)>,
    /// The type, where this definition names one.
    pub(crate) kind: Option<SymbolType>,
}

/// Conditions that must all hold. What a menu adds is shared by everything in it.
pub(crate) type Conditions = Vec<Arc<Expression>>;

/// The type of a symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SymbolType {
    /// `y` or `n`.
    Bool,
    /// `y`, `m` or `n`.
    Tristate,
    /// Text in quotes.
    String,
    /// A whole number.
    Int,
    /// A hexadecimal number.
    Hex,
}

impl SymbolType {
    /// All types.
    pub const ALL: [Self; 5] = [Self::Bool, Self::Tristate, Self::String, Self::Int, Self::Hex];
}

/// Kconfig files that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot read the Kconfig file `{}`: {message}", path.shown())]
pub struct DefinitionError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong.
    pub message: String,
}

/// Bytes of stack for reading: the parser calls itself for each level, and other people's files decide how many
/// there are.
const STACK: usize = 256 << 20;

/// Files in files that are read.
const MAX_DEPTH: usize = 64;

/// Files that are read: Buildroot has three thousand, the kernel half of that.
const MAX_FILES: usize = 20_000;

/// Bytes of a file; the largest of Buildroot's has 250,000.
const MAX_SIZE: u64 = 4 << 20;

/// Bytes of all files; the kernel's have 5 MB.
const MAX_TOTAL: u64 = 64 << 20;

/// Reads a file of at most so many bytes: `None` when it is not there, or why it cannot be read.
pub type ReadFile<'r> = dyn Fn(&Path, u64) -> Result<Option<Vec<u8>>, String> + Sync + 'r;

/// Reads a file of the host.
fn read_file(path: &Path, most: u64) -> Result<Option<Vec<u8>>, String> {
    skiff_file::read_optional(path, most).map_err(|error| error.to_string())
}

/// Blocks in blocks and parentheses in parentheses of one file.
const MAX_NESTING: usize = 100;

impl Definitions {
    /// Reads the Kconfig files of a program whose tree is `root`. `$NAME` in the name of a sourced file is replaced
    /// from `variables`; files that are not there count as empty. Symbols are named as in a configuration.
    ///
    /// # Errors
    /// [`DefinitionError`] when a file is not understood.
    pub fn read(kind: Kind, root: &Path, variables: &BTreeMap<String, String>) -> Result<Self, DefinitionError> {
        Self::read_with(kind, root, variables, &read_file)
    }

    /// As [`Self::read`], with the caller's way of reading a file of at most so many bytes: `None` when it is not there, or
    /// why it cannot be read.
    ///
    /// # Errors
    /// [`DefinitionError`] when a file is not understood.
    pub fn read_with(
        kind: Kind,
        root: &Path,
        variables: &BTreeMap<String, String>,
        files: &ReadFile<'_>,
    ) -> Result<Self, DefinitionError> {
        let file = kind.root_file();
        let gave_up = |message: String| DefinitionError { path: root.join(file), message };
        std::thread::scope(|scope| {
            let read = || {
                let mut reader = Reader {
                    root,
                    prefix: kind.added_prefix(),
                    variables,
                    read: files,
                    found: Self::default(),
                    files: 0,
                    left: MAX_TOTAL,
                };
                reader.file(file, &Context::default(), 0).map(|()| reader.found)
            };
            let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, read);
            let thread = thread.map_err(|error| gave_up(error.to_string()))?;
            thread.join().unwrap_or_else(|_| Err(gave_up("the parser gave up".into())))
        })
    }

    pub(crate) fn of(&self, symbol: &str) -> &[Definition] {
        self.symbols.get(symbol).map(Vec::as_slice).unwrap_or_default()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &[Definition])> {
        self.symbols.iter().map(|(name, definitions)| (name.as_str(), definitions.as_slice()))
    }

    /// The symbols of a choice.
    pub(crate) fn members(&self, choice: usize) -> impl Iterator<Item = &str> {
        self.iter()
            .filter(move |(_, places)| places.iter().any(|place| place.choice == Some(choice)))
            .map(|(name, _)| name)
    }

    /// Returns the names of all symbols, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.symbols.keys().map(String::as_str)
    }

    /// Returns the type of a symbol, or `None` when it is not defined.
    pub fn kind(&self, symbol: &str) -> Option<SymbolType> {
        self.of(symbol).iter().find_map(|definition| definition.kind)
    }
}

/// What surrounds an entry.
#[derive(Clone, Default)]
struct Context {
    depends: Conditions,
    visible: Conditions,
    choice: Option<usize>,
}

struct Reader<'r> {
    root: &'r Path,
    prefix: &'static str,
    variables: &'r BTreeMap<String, String>,
    read: &'r ReadFile<'r>,
    found: Definitions,
    files: usize,
    /// Bytes that may still be read.
    left: u64,
}

/// Stands for a sourced file in the text that the parser sees: files are opened here, where variables are known.
const SOURCE: &str = "skiff-source:";

impl Reader<'_> {
    fn file(&mut self, name: &str, context: &Context, depth: usize) -> Result<(), DefinitionError> {
        let path = self.root.join(self.expand(name));
        let failed = |message: String| DefinitionError { path: path.clone(), message };
        if depth > MAX_DEPTH {
            return Err(failed("files source one another without end".into()));
        }
        let Some(bytes) = (self.read)(&path, MAX_SIZE).map_err(failed)? else { return Ok(()) };
        self.left = self
            .left
            .checked_sub(bytes.len() as u64)
            .ok_or_else(|| failed(format!("all files together are larger than {} MiB", MAX_TOTAL >> 20)))?;
        self.files += 1;
        if self.files > MAX_FILES {
            return Err(failed("more files are sourced than any program has".into()));
        }
        let text = String::from_utf8_lossy(&bytes);
        if nesting(&text) > MAX_NESTING {
            return Err(failed("blocks or parentheses are nested too deeply".into()));
        }
        let text = with_marked_sources(&text);
        let file = KconfigFile::new(self.root.to_owned(), path.clone());
        let (_, kconfig) = parse_kconfig(KconfigInput::new_extra(&text, file))
            .map_err(|error| failed(error.to_string().lines().next().unwrap_or_default().to_owned()))?;
        self.entries(&kconfig.entries, context, depth)
    }

    /// Replaces `$NAME`, `$(NAME)` and `${NAME}`; what is unknown stays, and no file has such a name.
    fn expand(&self, name: &str) -> String {
        // The longest name first: one may be the beginning of another.
        let mut known: Vec<_> = self.variables.iter().collect();
        known.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        known.into_iter().fold(name.to_owned(), |text, (name, value)| {
            let forms = [format!("$({name})"), format!("${{{name}}}"), format!("${name}")];
            forms.iter().fold(text, |text, form| text.replace(form, value))
        })
    }

    fn entries(&mut self, entries: &[Entry], context: &Context, depth: usize) -> Result<(), DefinitionError> {
        for entry in entries {
            self.entry(entry, context, depth)?;
        }
        Ok(())
    }

    fn entry(&mut self, entry: &Entry, context: &Context, depth: usize) -> Result<(), DefinitionError> {
        match entry {
            Entry::Config(config) => self.symbol(&config.symbol, &config.attributes, context),
            Entry::MenuConfig(config) => self.symbol(&config.symbol, &config.attributes, context),
            Entry::Menu(menu) => {
                let mut inner = context.clone();
                inner.depends.extend(menu.depends_on.iter().map(depends_on));
                inner.visible.extend(menu.visible.iter().flatten().cloned().map(Arc::new));
                return self.entries(&menu.entries, &inner, depth);
            }
            Entry::If(block) => {
                let mut inner = context.clone();
                inner.depends.push(Arc::new(block.condition.clone()));
                return self.entries(&block.entries, &inner, depth);
            }
            Entry::Choice(choice) => {
                self.found.choices += 1;
                let mut inner = Context { choice: Some(self.found.choices), ..context.clone() };
                for attribute in &choice.options {
                    if let Attribute::DependsOn(dependency) = attribute {
                        inner.depends.push(depends_on(dependency));
                    }
                }
                return self.entries(&choice.entries, &inner, depth);
            }
            Entry::Comment(comment) => {
                if let Some(name) = comment.prompt.strip_prefix(SOURCE) {
                    return self.file(name, context, depth + 1);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn symbol(&mut self, name: &str, attributes: &[Attribute], context: &Context) {
        let mut definition =
            Definition { depends: context.depends.clone(), choice: context.choice, ..Definition::default() };
        let prompt = |condition: Option<&Expression>| {
            let own = condition.cloned().map(Arc::new);
            Some(context.visible.iter().cloned().chain(own).collect::<Conditions>())
        };
        for attribute in attributes {
            match attribute {
                Attribute::DependsOn(dependency) => definition.depends.push(depends_on(dependency)),
                Attribute::Prompt(given) => definition.prompt = prompt(given.r#if.as_ref()),
                Attribute::Select(select) => {
                    definition.selects.push((format!("{}{}", self.prefix, select.symbol), select.r#if.clone()));
                }
                Attribute::Type(given) => {
                    let (kind, text) = kind(&given.r#type);
                    definition.kind = Some(kind);
                    if text {
                        definition.prompt = prompt(given.r#if.as_ref());
                    }
                }
                _ => {}
            }
        }
        self.found.symbols.entry(format!("{}{name}", self.prefix)).or_default().push(definition);
    }
}

fn depends_on(dependency: &nom_kconfig::attribute::depends_on::DependsOn) -> Arc<Expression> {
    Arc::new(dependency.expression.clone())
}

/// Returns the type, and whether it comes with a prompt.
fn kind(given: &Type) -> (SymbolType, bool) {
    match given {
        Type::Bool(prompt) => (SymbolType::Bool, prompt.is_some()),
        Type::Tristate(prompt) => (SymbolType::Tristate, prompt.is_some()),
        Type::String(prompt) => (SymbolType::String, prompt.is_some()),
        Type::Int(prompt) => (SymbolType::Int, prompt.is_some()),
        Type::Hex(prompt) => (SymbolType::Hex, prompt.is_some()),
        Type::DefBool(_) => (SymbolType::Bool, false),
        Type::DefTristate(_) => (SymbolType::Tristate, false),
    }
}

/// Returns how deep blocks or parentheses are nested in a text, at most: the parser calls itself as often.
fn nesting(text: &str) -> usize {
    let (mut deepest, mut blocks) = (0_usize, 0_usize);
    for line in text.lines() {
        let word = line.split_whitespace().next().unwrap_or_default();
        match word {
            "if" | "menu" | "choice" => blocks += 1,
            "endif" | "endmenu" | "endchoice" => blocks = blocks.saturating_sub(1),
            _ => {}
        }
        let mut open = 0_usize;
        for byte in line.bytes() {
            match byte {
                b'(' | b'!' => open += 1,
                b')' => open = open.saturating_sub(1),
                _ => {}
            }
            deepest = deepest.max(open);
        }
        deepest = deepest.max(blocks);
    }
    deepest
}

/// Puts a comment that the parser keeps in the place of every `source` line.
fn with_marked_sources(text: &str) -> String {
    let mut marked = String::with_capacity(text.len());
    for line in text.lines() {
        let trimmed = line.trim_start();
        let name = trimmed.strip_prefix("source").filter(|rest| rest.starts_with([' ', '\t', '"']));
        match name {
            Some(name) => {
                let name = name.split('#').next().unwrap_or_default().trim().trim_matches(['"', '\'']);
                let indent = line.get(..line.len() - trimmed.len()).unwrap_or_default();
                marked.push_str(&format!("{indent}comment \"{SOURCE}{name}\""));
            }
            None => marked.push_str(line),
        }
        marked.push('\n');
    }
    marked
}
