use super::parser::Block;
use super::parser::size;
use crate::ImportError;
use crate::Raw;
use crate::check::MAX_PARTS;
use crate::shown;

/// Leaves out of contents what others of the medium own: one piece before each hole, and one behind the last.
pub(super) fn holes(raw: &Raw, block: &Block) -> Result<Vec<Raw>, ImportError> {
    let mut holes = Vec::new();
    for text in block.list("holes") {
        let inner =
            text.trim().strip_prefix('(').and_then(|text| text.strip_suffix(')')).and_then(|text| text.split_once(';'));
        let ends = inner.and_then(|(start, end)| Some((size(start.trim())?.0, size(end.trim())?.0)));
        match ends {
            Some((start, end)) if start < end => holes.push((start, end)),
            _ => {
                return Err(block
                    .place_of("holes")
                    .wrong(format!("hole `{}` is not written as (start; end)", shown(text))));
            }
        }
    }
    if holes.len() > MAX_PARTS {
        return Err(block.place_of("holes").wrong(format!("expected at most {MAX_PARTS} holes")));
    }
    holes.sort_unstable();
    let mut pieces: Vec<Raw> = Vec::new();
    let mut at = 0;
    let name = |count: usize| if count == 0 { raw.name.clone() } else { format!("{}-{}", raw.name, count + 1) };
    for (start, end) in holes {
        if start > at {
            let (offset, skip) = (raw.offset.checked_add(at), raw.skip.checked_add(at));
            if let (Some(offset), Some(skip)) = (offset, skip) {
                let length = Some(start - at);
                pieces.push(Raw { name: name(pieces.len()), offset, skip, length, size: length, ..raw.clone() });
            }
        }
        at = at.max(end);
    }
    let left = raw.size.map(|size| size.saturating_sub(at));
    if left != Some(0) {
        let (offset, skip) = (raw.offset.checked_add(at), raw.skip.checked_add(at));
        if let (Some(offset), Some(skip)) = (offset, skip) {
            pieces.push(Raw { name: name(pieces.len()), offset, skip, size: left, ..raw.clone() });
        }
    }
    Ok(pieces)
}
