//! The XML of a block map: a `bmap` with fields, one of which holds ranges. Nothing else is taken.

use quick_xml::Reader;
use quick_xml::events::Event;

use crate::BmapError;

/// Attributes of an element that are read: one more than any element has, so that a second one is noticed.
const MAX_ATTRIBUTES: usize = 2;

/// An element without others in it.
#[derive(Debug, Default)]
pub(super) struct Element {
    pub(super) name: String,
    pub(super) attributes: Vec<(String, String)>,
    /// Its text, without blanks at either end.
    pub(super) text: String,
    pub(super) line: usize,
}

/// A map, not yet interpreted.
#[derive(Debug, Default)]
pub(super) struct Document {
    pub(super) attributes: Vec<(String, String)>,
    pub(super) fields: Vec<Element>,
    pub(super) ranges: Vec<Element>,
}

/// The place of the reader: each is one level deeper than the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Top,
    Bmap,
    BlockMap,
    Inside,
}

impl Document {
    /// Reads a map. An element at a place where the format has none ends it at once, so that nesting costs nothing.
    pub(super) fn read(text: &str) -> Result<Self, BmapError> {
        let mut reader = Reader::from_str(text);
        reader.config_mut().expand_empty_elements = true;
        let (mut lines, mut counted) = (1, 0);
        let mut document = Self::default();
        let (mut at, mut parent) = (At::Top, At::Top);
        let (mut element, mut has_root, mut has_map) = (Element::default(), false, false);
        loop {
            let event = reader.read_event();
            let position = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX).min(text.len());
            lines += text.as_bytes().get(counted..position).unwrap_or_default().iter().filter(|b| **b == b'\n').count();
            counted = position.max(counted);
            let wrong = |problem: String| BmapError::Line { line: lines, problem };
            match event.map_err(|error| wrong(crate::shown(&error.to_string())))? {
                Event::Start(tag) => {
                    let name = tag.name().as_ref().to_owned();
                    // The reader compares each attribute with all before it, and no element has more than one.
                    let attributes = tag
                        .attributes()
                        .with_checks(false)
                        .take(MAX_ATTRIBUTES)
                        .map(|attribute| attribute.map(|one| (one.key.as_ref().to_owned(), one.value.to_string())))
                        .collect::<Result<Vec<_>, _>>()
                        .map_err(|error| wrong(crate::shown(&error.to_string())))?;
                    let unknown = || wrong(format!("element `{}` is not part of a block map", crate::shown(&name)));
                    at = match (at, name.as_str()) {
                        (At::Top, "bmap") if !has_root => {
                            has_root = true;
                            document.attributes = attributes;
                            At::Bmap
                        }
                        (At::Bmap, "BlockMap") if attributes.is_empty() && !has_map => {
                            has_map = true;
                            At::BlockMap
                        }
                        (At::BlockMap, "Range") | (At::Bmap, _) if name != "BlockMap" => {
                            parent = at;
                            element = Element { name, attributes, text: String::new(), line: lines };
                            At::Inside
                        }
                        _ => return Err(unknown()),
                    };
                }
                Event::Text(words) if at == At::Inside => element.text.push_str(&words),
                Event::Text(words) if words.trim_start_matches('\u{feff}').trim().is_empty() => {}
                Event::End(_) => {
                    at = match at {
                        At::Inside => {
                            let mut done = std::mem::take(&mut element);
                            done.text = done.text.trim().to_owned();
                            match parent {
                                At::BlockMap => document.ranges.push(done),
                                _ => document.fields.push(done),
                            }
                            parent
                        }
                        At::BlockMap => At::Bmap,
                        At::Bmap | At::Top => At::Top,
                    };
                }
                Event::Decl(_) | Event::Comment(_) => {}
                Event::Eof if has_root && at == At::Top => return Ok(document),
                Event::Eof => return Err(wrong("it ends too early".into())),
                _ => return Err(wrong("it has something other than elements and numbers".into())),
            }
        }
    }
}
