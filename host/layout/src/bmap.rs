//! bmap 2.0: which blocks of an image matter, and their digests (the form of bmaptool).

use std::fmt::Write as _;
use std::ops::Range;

use quick_xml::Reader;
use quick_xml::escape::escape;
use quick_xml::events::Event;
use sha2::Digest as _;
use sha2::Sha256;

use crate::Ranges;

/// Bytes of a block of the maps that skiff writes, as bmaptool does.
pub(crate) const BLOCK: u64 = 4096;

/// The map of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bmap {
    /// The size of the image in bytes.
    pub image_size: u64,
    /// The size of a block in bytes.
    pub block_size: u64,
    /// The ranges that matter, in bytes, each with the SHA-256 of what it holds where that is known.
    pub ranges: Vec<(Range<u64>, Option<[u8; 32]>)>,
}

/// Why a map is none.
#[derive(Debug, thiserror::Error)]
pub enum BmapError {
    /// It is not XML, or ends too early.
    #[error("it is no bmap: {0}")]
    Form(String),
    /// Its digest of itself is not its own.
    #[error("its checksum is {found}, and it says {said}")]
    Checksum {
        /// What it says.
        said: String,
        /// What it has.
        found: String,
    },
}

impl Bmap {
    /// The map of an image of so many bytes, from [`Self::blocks`] or pieces of them.
    pub fn new(image_size: u64, ranges: Vec<(Range<u64>, Option<[u8; 32]>)>) -> Self {
        Self { image_size, block_size: BLOCK, ranges }
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

    /// The map as text, with its own digest in it.
    pub fn text(&self) -> String {
        let blocks = self.image_size.div_ceil(self.block_size);
        let of = |range: &Range<u64>| range.end.div_ceil(self.block_size) - range.start / self.block_size;
        let mapped: u64 = self.ranges.iter().map(|(range, _)| of(range)).sum();
        let zeros = "0".repeat(64);
        let mut text = String::from("<?xml version=\"1.0\" ?>\n<bmap version=\"2.0\">\n");
        // Writing to a string does not fail.
        let mut field = |name: &str, value: String| {
            let _ = writeln!(text, "    <{name}> {} </{name}>", escape(value));
        };
        field("ImageSize", self.image_size.to_string());
        field("BlockSize", self.block_size.to_string());
        field("BlocksCount", blocks.to_string());
        field("MappedBlocksCount", mapped.to_string());
        field("ChecksumType", "sha256".into());
        field("BmapFileChecksum", zeros.clone());
        text.push_str("    <BlockMap>\n");
        for (range, digest) in &self.ranges {
            let (first, last) = (range.start / self.block_size, range.end.div_ceil(self.block_size) - 1);
            let place = if first == last { first.to_string() } else { format!("{first}-{last}") };
            let digest = digest.map(|digest| format!(" chksum=\"{}\"", hex(&digest))).unwrap_or_default();
            let _ = writeln!(text, "        <Range{digest}> {place} </Range>");
        }
        text.push_str("    </BlockMap>\n</bmap>\n");
        let digest = hex(&Sha256::digest(&text));
        text.replacen(&zeros, &digest, 1)
    }

    /// Reads a map of version 1.3 to 2.0.
    ///
    /// # Errors
    /// [`BmapError`] if it is no map, or has been changed since it was made.
    pub fn parse(text: &str) -> Result<Self, BmapError> {
        let form = |what: &str| BmapError::Form(what.to_owned());
        let mut reader = Reader::from_str(text);
        let (mut path, mut digest, mut raw) = (Vec::<String>::new(), None, Vec::<(String, Option<[u8; 32]>)>::new());
        let mut fields = std::collections::BTreeMap::<String, String>::new();
        let xml = |error: quick_xml::Error| BmapError::Form(error.to_string());
        loop {
            match reader.read_event().map_err(xml)? {
                Event::Start(tag) => {
                    digest = tag
                        .attributes()
                        .flatten()
                        .find(|attribute| matches!(attribute.key.as_ref(), "chksum" | "sha1"))
                        .and_then(|attribute| unhex(&attribute.value));
                    path.push(tag.name().as_ref().to_owned());
                }
                Event::Text(words) => {
                    let words = words.trim().to_owned();
                    match path.last().map(String::as_str) {
                        _ if words.is_empty() => {}
                        Some("Range") => raw.push((words, digest)),
                        Some(name) => drop(fields.insert(name.to_owned(), words)),
                        None => {}
                    }
                }
                Event::End(_) => drop(path.pop()),
                Event::Eof => break,
                _ => {}
            }
        }
        if !path.is_empty() {
            return Err(form("it ends too early"));
        }
        let number = |name: &str| -> Result<u64, BmapError> {
            let value = fields.get(name).ok_or_else(|| BmapError::Form(format!("it has no {name}")))?;
            value.parse().map_err(|_| BmapError::Form(format!("{name} is `{value}`")))
        };
        let (image_size, block_size) = (number("ImageSize")?, number("BlockSize")?);
        if block_size == 0 || block_size > 1 << 30 {
            return Err(form("its blocks have an impossible size"));
        }
        if let Some(said) = fields.get("BmapFileChecksum")
            && fields.get("ChecksumType").is_none_or(|kind| kind == "sha256")
        {
            let found = hex(&Sha256::digest(text.replacen(said.as_str(), &"0".repeat(said.len()), 1)));
            if found != *said {
                return Err(BmapError::Checksum { said: said.clone(), found });
            }
        }
        let mut ranges = Vec::new();
        for (place, digest) in raw {
            let (first, last) = place.split_once('-').unwrap_or((place.as_str(), place.as_str()));
            let block =
                |text: &str| text.trim().parse::<u64>().map_err(|_| BmapError::Form(format!("a range is `{place}`")));
            let (first, last) = (block(first)?, block(last)?);
            let end = last.checked_add(1).and_then(|blocks| blocks.checked_mul(block_size));
            let (start, end) = (first.saturating_mul(block_size), end.ok_or_else(|| form("a range is too large"))?);
            if start >= image_size || first > last || end.min(image_size) <= start {
                return Err(BmapError::Form(format!("range {place} is not in the image")));
            }
            ranges.push((start..end.min(image_size), digest));
        }
        let of = |(range, _): &(Range<u64>, _)| range.end.div_ceil(block_size) - range.start / block_size;
        let blocks = ranges.iter().map(of).fold(0, u64::saturating_add);
        if ranges.is_empty() || number("MappedBlocksCount").is_ok_and(|said| said != blocks) {
            return Err(form("it does not list the blocks that it says"));
        }
        Ok(Self { image_size, block_size, ranges })
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let digits: Vec<u8> =
        text.chars().map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok())).collect::<Option<_>>()?;
    let bytes: Vec<u8> =
        digits.chunks_exact(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect();
    bytes.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_a_changed_map_is_noticed() {
        let map = Bmap {
            image_size: 10_000,
            block_size: BLOCK,
            ranges: vec![(0..4096, Some([7; 32])), (8192..10_000, None)],
        };
        let text = map.text();
        assert_eq!(Bmap::parse(&text).unwrap(), map);
        assert!(text.contains("<MappedBlocksCount> 2 <"));
        assert!(matches!(Bmap::parse(&text.replace(" 2 <", " 1 <")), Err(BmapError::Checksum { .. })));
        assert!(Bmap::parse("<bmap>").is_err() && Bmap::parse("").is_err());
    }
}
