//! Block maps (bmap): the blocks of an image that matter, and their digests, in the format of bmaptool.
//!
//! The format is described by its only documents: the comments that bmaptool writes into each map, and its readers. Versions 1.0
//! to 1.2 have no digests, 1.3 has SHA-1, 1.4 (released by mistake) and 2.0 name the kind of digest.

mod digest;
mod parse;
mod xml;

use std::fmt::Write as _;
use std::ops::Range;

use quick_xml::escape::escape;

use crate::Ranges;

pub use digest::DigestKind;
pub use digest::Hasher;

/// Bytes of a block of the maps that skiff writes, as bmaptool does.
pub(crate) const BLOCK: u64 = 4096;

/// The map of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bmap {
    /// The size of the image in bytes.
    pub image_size: u64,
    /// The size of a block in bytes.
    pub block_size: u64,
    /// The kind of all digests of the map.
    pub digest: DigestKind,
    /// The ranges that matter, in bytes and rising order, each with the digest of its contents where the map has one.
    pub ranges: Vec<(Range<u64>, Option<Vec<u8>>)>,
}

/// Why a file is not a block map that skiff can check an image against.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BmapError {
    /// A line is not well-formed XML, or not what a block map has there.
    #[error("line {line}: {problem}")]
    Line {
        /// The line.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// The map contradicts itself or lacks something.
    #[error("not a valid block map: {0}")]
    Form(String),
    /// The format has versions that skiff does not know.
    #[error("block map version `{0}` is not supported; supported are 1.0 to 1.4 and 2.0")]
    Version(String),
    /// The digests are of a kind that skiff cannot compute.
    #[error("checksum type `{0}` is not supported; supported are sha1, sha224, sha256, sha384 and sha512")]
    DigestKind(String),
    /// The checksum of the map itself does not match.
    #[error("the map says that its own checksum is {said}, and it is {found}")]
    Checksum {
        /// The checksum in the map.
        said: String,
        /// The checksum of the map.
        found: String,
    },
    /// The map is wrapped in an OpenPGP signature, which skiff does not verify.
    #[error("the map is wrapped in an OpenPGP signature, which skiff does not verify")]
    Signed,
}

impl Bmap {
    /// The map of an image of so many bytes, from [`Self::blocks`] or pieces of them, with SHA-256 digests.
    pub fn new(image_size: u64, ranges: Vec<(Range<u64>, Option<[u8; 32]>)>) -> Self {
        let ranges = ranges.into_iter().map(|(range, digest)| (range, digest.map(|digest| digest.to_vec()))).collect();
        Self { image_size, block_size: BLOCK, digest: DigestKind::Sha256, ranges }
    }

    /// The ranges that matter, without digests.
    pub fn mapped(&self) -> Ranges {
        let mut mapped = Ranges::default();
        for (range, _) in &self.ranges {
            mapped.add(range.clone());
        }
        mapped
    }

    /// Ranges in whole blocks, none beyond the image.
    pub fn blocks(ranges: &Ranges, image_size: u64) -> Ranges {
        ranges.rounded(BLOCK, image_size)
    }

    /// The map as text (version 2.0), with its own digest in it.
    pub fn text(&self) -> String {
        let blocks = self.image_size.div_ceil(self.block_size);
        let of = |range: &Range<u64>| range.end.div_ceil(self.block_size) - range.start / self.block_size;
        let mapped: u64 = self.ranges.iter().map(|(range, _)| of(range)).sum();
        let zeros = "0".repeat(self.digest.bytes() * 2);
        let mut text = String::from("<?xml version=\"1.0\" ?>\n<bmap version=\"2.0\">\n");
        // Writing to a string does not fail.
        let mut field = |name: &str, value: String| {
            let _ = writeln!(text, "    <{name}> {} </{name}>", escape(value));
        };
        field("ImageSize", self.image_size.to_string());
        field("BlockSize", self.block_size.to_string());
        field("BlocksCount", blocks.to_string());
        field("MappedBlocksCount", mapped.to_string());
        field("ChecksumType", self.digest.to_string());
        field("BmapFileChecksum", zeros.clone());
        text.push_str("    <BlockMap>\n");
        for (range, digest) in &self.ranges {
            let (first, last) = (range.start / self.block_size, range.end.div_ceil(self.block_size) - 1);
            let place = if first == last { first.to_string() } else { format!("{first}-{last}") };
            let digest =
                digest.as_ref().map(|digest| format!(" chksum=\"{}\"", digest::hex(digest))).unwrap_or_default();
            let _ = writeln!(text, "        <Range{digest}> {place} </Range>");
        }
        text.push_str("    </BlockMap>\n</bmap>\n");
        let digest = digest::hex(&self.digest.of(text.as_bytes()));
        text.replacen(&zeros, &digest, 1)
    }
}

#[cfg(test)]
mod tests;
