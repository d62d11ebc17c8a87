use super::Bmap;
use super::BmapError;
use super::DigestKind;
use super::digest::hex;
use super::digest::unhex;
use super::xml::Document;
use super::xml::Element;

/// The greatest block of a map, in bytes. bmaptool uses that of the file system, usually 4096.
const MAX_BLOCK: u64 = 1 << 30;

/// How a version of the format writes digests.
struct Version {
    /// The attribute of a range, the field of the map's own digest, and the field that names their kind.
    names: Option<(&'static str, &'static str, Option<&'static str>)>,
}

impl Version {
    fn of(said: &str) -> Result<Self, BmapError> {
        let names = match said {
            "1.0" | "1.1" | "1.2" => None,
            "1.3" => Some(("sha1", "BmapFileSHA1", None)),
            "1.4" | "2.0" => Some(("chksum", "BmapFileChecksum", Some("ChecksumType"))),
            _ => return Err(BmapError::Version(crate::shown(said))),
        };
        Ok(Self { names })
    }
}

impl Bmap {
    /// Reads a map of version 1.0 to 1.4 or 2.0. Elements and attributes that the version does not have are refused: an
    /// unknown one could change the meaning of the others.
    ///
    /// # Errors
    /// [`BmapError`] if it is not a map, contradicts itself, has been changed since it was made, or is not understood.
    pub fn parse(text: &str) -> Result<Self, BmapError> {
        if text.trim_start().starts_with("-----BEGIN PGP") {
            return Err(BmapError::Signed);
        }
        let document = Document::read(text)?;
        let version = match document.attributes.as_slice() {
            [(name, value)] if name == "version" => Version::of(value.trim())?,
            [] => return Err(BmapError::Version(String::new())),
            others => {
                let name = others.iter().find(|(name, _)| name != "version").map_or("version", |(name, _)| name);
                let problem = format!("attribute `{}` of `bmap` is not supported", crate::shown(name));
                return Err(BmapError::Form(problem));
            }
        };
        let fields = Fields { all: &document.fields };
        fields.check(&version)?;
        let digest = match version.names {
            Some((_, _, Some(kind))) => fields.text(kind)?.parse()?,
            _ => DigestKind::Sha1,
        };
        let (image_size, block_size) = (fields.number("ImageSize")?, fields.number("BlockSize")?);
        if block_size == 0 || block_size > MAX_BLOCK {
            return Err(BmapError::Form(format!("BlockSize {block_size} is not between 1 and {MAX_BLOCK}")));
        }
        let count = fields.number("BlocksCount")?;
        if count != image_size.div_ceil(block_size) {
            return Err(BmapError::Form(format!(
                "BlocksCount is {count}, and {image_size} bytes are {} blocks",
                image_size.div_ceil(block_size)
            )));
        }
        if let Some((_, own, _)) = version.names {
            check_own(text, fields.text(own)?, digest)?;
        }
        let mut ranges = Vec::new();
        let (mut next, mut blocks) = (0, 0_u64);
        for element in &document.ranges {
            let (first, last) = place(element)?;
            if first > last || last >= count {
                return Err(wrong(element, format!("range {} is not in the image", crate::shown(&element.text))));
            }
            if first < next {
                return Err(wrong(element, format!("range {} is not behind the one before", element.text)));
            }
            let end = last.saturating_add(1);
            next = end;
            blocks = blocks.saturating_add(end - first);
            let bytes = first.saturating_mul(block_size)..end.saturating_mul(block_size).min(image_size);
            ranges.push((bytes, range_digest(element, &version, digest)?));
        }
        let said = fields.number("MappedBlocksCount")?;
        if said != blocks || ranges.is_empty() {
            return Err(BmapError::Form(format!("MappedBlocksCount is {said}, and the ranges have {blocks} blocks")));
        }
        Ok(Self { image_size, block_size, digest, ranges })
    }
}

/// Compares the map's own digest: that of its text with zeros in the place of the digest.
fn check_own(text: &str, said: &str, digest: DigestKind) -> Result<(), BmapError> {
    if unhex(said).is_none_or(|bytes| bytes.len() != digest.bytes()) {
        return Err(BmapError::Form(format!("`{}` is not a checksum of type {digest}", crate::shown(said))));
    }
    let found = hex(&digest.of(text.replacen(said, &"0".repeat(said.len()), 1).as_bytes()));
    match found.eq_ignore_ascii_case(said) {
        true => Ok(()),
        false => Err(BmapError::Checksum { said: said.to_owned(), found }),
    }
}

fn wrong(element: &Element, problem: String) -> BmapError {
    BmapError::Line { line: element.line, problem }
}

/// The first and the last block of a range.
fn place(element: &Element) -> Result<(u64, u64), BmapError> {
    let text = element.text.as_str();
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    match (number(first), number(last)) {
        (Some(first), Some(last)) => Ok((first, last)),
        _ => Err(wrong(element, format!("`{}` is not a range of blocks", crate::shown(text)))),
    }
}

fn range_digest(element: &Element, version: &Version, kind: DigestKind) -> Result<Option<Vec<u8>>, BmapError> {
    let mut digest = None;
    for (name, value) in &element.attributes {
        if digest.is_some() || version.names.is_none_or(|(known, _, _)| known != name) {
            let problem = format!("attribute `{}` of `Range` is unknown, or comes twice", crate::shown(name));
            return Err(wrong(element, problem));
        }
        let bytes = unhex(value.trim()).filter(|bytes| bytes.len() == kind.bytes());
        let problem = || format!("`{}` is not a checksum of type {kind}", crate::shown(value));
        digest = Some(bytes.ok_or_else(|| wrong(element, problem()))?);
    }
    Ok(digest)
}

/// A number in decimal digits only: `parse` would take a sign, too.
fn number(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

struct Fields<'d> {
    all: &'d [Element],
}

impl<'d> Fields<'d> {
    /// Refuses fields that the version does not have, and those that come twice.
    fn check(&self, version: &Version) -> Result<(), BmapError> {
        let mut known = vec!["ImageSize", "BlockSize", "BlocksCount", "MappedBlocksCount"];
        if let Some((_, own, kind)) = version.names {
            known.push(own);
            known.extend(kind);
        }
        for element in self.all {
            let Some(place) = known.iter().position(|name| *name == element.name) else {
                let problem = format!("element `{}` is unknown, or comes twice", crate::shown(&element.name));
                return Err(wrong(element, problem));
            };
            known.swap_remove(place);
            if let Some((name, _)) = element.attributes.first() {
                let problem = format!("attribute `{}` of `{}` is not supported", crate::shown(name), element.name);
                return Err(wrong(element, problem));
            }
        }
        match known.first() {
            None => Ok(()),
            Some(name) => Err(BmapError::Form(format!("it has no {name}"))),
        }
    }

    fn text(&self, name: &str) -> Result<&'d str, BmapError> {
        let found = self.all.iter().find(|element| element.name == name);
        found.map(|element| element.text.as_str()).ok_or_else(|| BmapError::Form(format!("it has no {name}")))
    }

    fn number(&self, name: &str) -> Result<u64, BmapError> {
        let text = self.text(name)?;
        number(text).ok_or_else(|| BmapError::Form(format!("{name} is `{}`", crate::shown(text))))
    }
}
