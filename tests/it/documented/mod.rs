//! What the documents tell people to type, to write into files and to compile works as it stands there. Each fenced block is
//! of one of a few kinds, and each kind is tried: nothing is left out.

mod block;
mod rust;
mod shell;
mod yaml;

use std::collections::BTreeMap;

use self::block::Block;

/// The key of a reader.
const PUBLIC_KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f me\n";

/// What is done with a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// Lines for a shell: run, or read by those who would run them ([`shell`]).
    Shell,
    /// A file, or a part of one, in a layer of its own ([`yaml`]).
    Yaml,
    /// Compiled with the SDK ([`rust`]).
    Rust,
    /// Drawn with lines and arrows.
    Picture,
    /// An example in a comment of the sources, which `cargo test --doc` compiles and runs.
    Rustdoc,
}

impl Kind {
    fn of(block: &Block) -> Self {
        match block.language.as_str() {
            "" | "text" if block.text.contains(['─', '►', '│']) => Self::Picture,
            "sh" | "console" => Self::Shell,
            "yaml" => Self::Yaml,
            "rust" if block.is_comment() => Self::Rustdoc,
            "rust" => Self::Rust,
            other => panic!("{}: nobody knows how to try a block of `{other}`", block.place()),
        }
    }
}

/// The blocks of a kind.
fn blocks(kind: Kind) -> Vec<Block> {
    let blocks: Vec<_> = block::all().into_iter().filter(|block| Kind::of(block) == kind).collect();
    assert!(!blocks.is_empty(), "there is no block of the kind {kind:?}: is the reader of documents broken?");
    blocks
}

#[test]
fn every_block_is_of_a_kind_that_is_tried() {
    let mut counts = BTreeMap::new();
    for block in block::all() {
        *counts.entry(Kind::of(&block)).or_insert(0) += 1;
    }
    // So that a block that the reader overlooks is missed.
    let counts: Vec<_> = counts.into_iter().collect();
    insta::assert_snapshot!(format!("{counts:?}"), @"[(Shell, 18), (Yaml, 9), (Rust, 5), (Picture, 2)]");
}
