use std::fs;
use std::path::Path;

use skiff_tests::TestEnvironment;
use walkdir::WalkDir;

/// A fenced block of a document, or of a comment in a source.
#[derive(Debug, Clone)]
pub(super) struct Block {
    /// The file, relative to the checkout.
    pub(super) file: String,
    /// The line of the fence.
    pub(super) line: usize,
    /// The heading above it.
    pub(super) heading: String,
    /// The first word behind the fence.
    pub(super) language: String,
    /// The second word: for YAML, the file that it belongs into.
    pub(super) mark: String,
    /// What is between the fences.
    pub(super) text: String,
}

impl Block {
    /// Where it is, for messages.
    pub(super) fn place(&self) -> String {
        format!("{}:{}", self.file, self.line)
    }

    /// Whether it stands in a comment of a source.
    pub(super) fn is_comment(&self) -> bool {
        !is_document(&self.file)
    }
}

/// Directories that hold what is made, and what belongs to nobody else.
const LEFT_OUT: [&str; 4] = [".git", "target", "workspaces", "overrides"];

fn is_document(path: &str) -> bool {
    path.ends_with(".md")
}

fn is_source(path: &str) -> bool {
    path.ends_with(".rs") || path.ends_with(".wit")
}

/// Every block of the checkout.
pub(super) fn all() -> Vec<Block> {
    texts(|path| is_document(path) || is_source(path)).into_iter().flat_map(|(file, text)| read(&file, &text)).collect()
}

/// The documents of the checkout, with their text.
pub(super) fn documents() -> Vec<(String, String)> {
    texts(is_document)
}

fn texts(wanted: impl Fn(&str) -> bool) -> Vec<(String, String)> {
    let root = TestEnvironment::checkout();
    let entries = WalkDir::new(&root).sort_by_file_name().into_iter().filter_entry(|entry| {
        let name = entry.file_name().to_string_lossy();
        entry.depth() == 0 || !(entry.file_type().is_dir() && LEFT_OUT.iter().any(|out| name.starts_with(out)))
    });
    let inner = |path: &Path| path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
    let files = entries.map(Result::unwrap).filter(|entry| entry.file_type().is_file());
    files
        .map(|entry| (inner(entry.path()), entry.into_path()))
        .filter(|(name, _)| wanted(name))
        .map(|(name, path)| (name, fs::read_to_string(path).unwrap()))
        .collect()
}

fn read(file: &str, text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    let mut heading = String::new();
    for (line, written) in (1..).zip(text.lines()) {
        let written = match is_document(file) {
            true => written,
            // Only comments that are documentation, and what they say.
            false => match written.trim_start().strip_prefix("///").or(written.trim_start().strip_prefix("//!")) {
                Some(comment) => comment.strip_prefix(' ').unwrap_or(comment),
                None => continue,
            },
        };
        match (written.trim_start().strip_prefix("```"), open.take()) {
            (Some(info), None) => {
                let mut words = info.split_whitespace().map(str::to_owned);
                let (language, mark) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
                let (file, heading) = (file.to_owned(), heading.clone());
                open = Some(Block { file, line, heading, language, mark, text: String::new() });
            }
            (Some(_), Some(block)) => blocks.push(block),
            (None, Some(mut block)) => {
                block.text += written;
                block.text.push('\n');
                open = Some(block);
            }
            (None, None) => {
                if written.starts_with('#') {
                    written.trim_start_matches('#').trim().clone_into(&mut heading);
                }
            }
        }
    }
    assert!(open.is_none(), "{file}: a block does not end: {open:?}");
    blocks
}

#[test]
fn blocks_are_found_in_documents_and_comments() {
    let blocks = read("a.md", "# One\n\n```sh\nls\n```\ntext\n## Two\n- x\n  ```yaml skiff.yaml\na: 1\n```\n");
    let found: Vec<_> = blocks
        .iter()
        .map(|b| (b.line, b.heading.as_str(), b.language.as_str(), b.mark.as_str(), b.text.as_str()))
        .collect();
    assert_eq!(found, [(3, "One", "sh", "", "ls\n"), (9, "Two", "yaml", "skiff.yaml", "a: 1\n")]);
    let blocks = read("a.rs", "/// ```\n/// f();\n/// ```\nlet x = \"```\";\n");
    assert_eq!((blocks.len(), blocks[0].text.as_str()), (1, "f();\n"));
}
