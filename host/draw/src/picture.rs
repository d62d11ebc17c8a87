use std::fmt::Write as _;

use plotters::prelude::*;
use serde_json::json;
use skiff_flash::Item;
use skiff_flash::Plan;
use skiff_layout::Bytes;
use skiff_layout::Format;
use skiff_layout::PlacedPartition;
use skiff_layout::Table;
use skiff_text::Shown as _;

use crate::DrawError;
use crate::ROW;
use crate::drawable;

/// Columns of the drawing of a medium.
const WIDTH: usize = 72;

/// A plan of a medium, drawn.
pub struct Picture<'p> {
    plan: &'p Plan,
    title: &'p str,
}

impl<'p> Picture<'p> {
    /// Draws a plan under a title.
    pub fn new(plan: &'p Plan, title: &'p str) -> Self {
        Self { plan, title }
    }

    /// For a terminal: a bar, and a line for everything that has a place.
    pub fn text(&self) -> String {
        let placed = &self.plan.placed;
        let table = match placed.kind() {
            Table::Gpt => "GPT",
            Table::Mbr => "MBR",
            Table::None => "no partition table",
        };
        let mut text = format!("{}, {table}, {}\n  {}\n", self.title, shown(placed.medium().size), self.bar());
        // Writing to a string does not fail.
        let _ = writeln!(text, "  {:>12} {:>10}", "at", "size");
        let mut line = |start: u64, end: u64, what: &str, rest: &str| {
            let _ = writeln!(text, "  {:>12} {:>10}  {what:22} {rest}", shown(start), shown(end - start));
        };
        for (raw, file) in placed.raw().iter().zip(&self.plan.raw) {
            line(raw.range.start, raw.range.end, &raw.raw.name, &file.path.shown().to_string());
        }
        for (one, items) in placed.partitions().iter().zip(&self.plan.items) {
            let mut rest = contents(items);
            if let Some(shrunk) = one.shrunk {
                rest += &format!(", {} on a larger medium", Bytes(shrunk.wanted));
            }
            let what = format!("{} {}", one.partition.label, format_name(one));
            line(one.range.start, one.range.end, &what, &rest);
        }
        text.trim_end().to_owned()
    }

    /// Each partition with a share of the width that grows with its size, none so small that its name has no room.
    fn bar(&self) -> String {
        let parts = self.plan.placed.partitions();
        let total: u64 = parts.iter().map(|part| part.range.end - part.range.start).sum();
        let cell = |part: &PlacedPartition| {
            let share = (part.range.end - part.range.start) as u128 * WIDTH as u128 / u128::from(total.max(1));
            let label = &part.partition.label;
            let width = usize::try_from(share).unwrap_or(WIDTH).max(label.chars().count() + 2);
            format!("{label:^width$}")
        };
        format!("[{}]", parts.iter().map(cell).collect::<Vec<_>>().join("|"))
    }

    /// For programs.
    pub fn json(&self) -> serde_json::Value {
        let placed = &self.plan.placed;
        let partitions = placed.partitions().iter().zip(&self.plan.items).map(|(one, items)| {
            json!({
                "label": one.partition.label,
                "type": one.partition.r#type.to_string(),
                "format": format_name(one),
                "start": one.range.start,
                "size": one.range.end - one.range.start,
                "wanted_size": one.shrunk.map(|shrunk| shrunk.wanted),
                "bootable": one.partition.bootable,
                "partuuid": placed.partuuid(&self.plan.ids, &one.partition.label),
                "files": items.iter().map(|item| json!({"path": item.target, "size": item.size()})).collect::<Vec<_>>(),
            })
        });
        let raw = placed.raw().iter().zip(&self.plan.raw).map(|(raw, file)| {
            json!({
                "name": raw.raw.name,
                "source": file.path,
                "skip": raw.raw.skip,
                "offset": raw.range.start,
                "size": raw.range.end - raw.range.start,
            })
        });
        json!({
            "medium": {"name": self.title, "size": placed.medium().size, "sector": placed.medium().sector},
            "table": placed.kind(),
            "partitions": partitions.collect::<Vec<_>>(),
            "raw": raw.collect::<Vec<_>>(),
        })
    }

    /// As an SVG drawing: the medium as a row, places and sizes below.
    ///
    /// # Errors
    /// If plotters cannot draw it.
    pub fn svg(&self) -> Result<String, DrawError> {
        const WIDE: i32 = 1000;
        const EDGE: i32 = 20;
        const TOP: i32 = 40;
        const HIGH: i32 = 64;
        let placed = &self.plan.placed;
        let raws = placed.raw().iter().map(|raw| (raw.range.clone(), raw.raw.name.clone()));
        let parts = placed.partitions();
        let named = |part: &PlacedPartition| format!("{} {}", part.partition.label, format_name(part));
        let rows: Vec<_> = raws.chain(parts.iter().map(|part| (part.range.clone(), named(part)))).collect();
        let height = TOP + HIGH + ROW * i32::try_from(rows.len() + 2).map_err(DrawError::of)?;
        let mut svg = String::new();
        {
            let size = (WIDE.unsigned_abs(), height.unsigned_abs());
            let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
            area.fill(&WHITE).map_err(DrawError::of)?;
            let text = |words: &str, at: (i32, i32)| {
                let style = ("sans-serif", 14).into_font().color(&BLACK);
                area.draw(&Text::new(drawable(words), at, style)).map_err(DrawError::of)
            };
            text(self.title, (EDGE, 12))?;
            let mut x = f64::from(EDGE);
            for (number, (part, share)) in parts.iter().zip(shares(parts)).enumerate() {
                let end = x + share * f64::from(WIDE - 2 * EDGE);
                let corners = [(x as i32, TOP), (end as i32, TOP + HIGH)];
                area.draw(&Rectangle::new(corners, Palette99::pick(number).mix(0.4).filled()))
                    .map_err(DrawError::of)?;
                area.draw(&Rectangle::new(corners, BLACK)).map_err(DrawError::of)?;
                text(&part.partition.label, (x as i32 + 4, TOP + HIGH / 2 - 8))?;
                x = end;
            }
            for ((range, what), y) in rows.iter().zip((TOP + HIGH + ROW..).step_by(ROW.unsigned_abs() as usize)) {
                text(&format!("{} at {}: {what}", shown(range.end - range.start), shown(range.start)), (EDGE, y))?;
            }
            area.present().map_err(DrawError::of)?;
        }
        Ok(svg)
    }
}

/// Returns each partition's share of the drawing. Small partitions beside large ones would be lines: the square root keeps
/// their order and shows them.
fn shares(parts: &[PlacedPartition]) -> impl Iterator<Item = f64> {
    let root = |part: &PlacedPartition| ((part.range.end - part.range.start) as f64).sqrt();
    let all: f64 = parts.iter().map(root).sum();
    parts.iter().map(move |part| root(part) / all.max(f64::EPSILON))
}

fn shown(bytes: u64) -> String {
    Bytes(bytes).to_string()
}

fn contents(items: &[Item]) -> String {
    let size = items.iter().map(Item::size).fold(0, u64::saturating_add);
    match items.iter().filter(|item| item.kind != skiff_flash::ItemKind::Folder).count() {
        0 => "empty".to_owned(),
        1 => format!("1 file, {}", shown(size)),
        count => format!("{count} files, {}", shown(size)),
    }
}

fn format_name(part: &PlacedPartition) -> &'static str {
    match part.partition.format {
        Format::Vfat => "fat32",
        Format::Ext4 { .. } => "ext4",
        Format::Empty => "raw",
    }
}
