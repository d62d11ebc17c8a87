use std::fmt::Write as _;

use serde_json::json;
use skiff_flash::Item;
use skiff_flash::Plan;
use skiff_layout::Bytes;
use skiff_layout::Format;
use skiff_layout::PlacedPartition;
use skiff_layout::Table;
use skiff_text::Shown as _;

/// Columns of the drawing of a medium.
const WIDTH: usize = 72;

/// A plan of a medium, drawn.
pub(crate) struct Picture<'p> {
    plan: &'p Plan,
    title: &'p str,
}

impl<'p> Picture<'p> {
    pub(crate) fn new(plan: &'p Plan, title: &'p str) -> Self {
        Self { plan, title }
    }

    /// For a terminal: a bar, and a line for everything that has a place.
    pub(crate) fn text(&self) -> String {
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

    pub(crate) fn json(&self) -> serde_json::Value {
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
    pub(crate) fn svg(&self) -> String {
        const WIDE: f64 = 960.0;
        const HIGH: u32 = 64;
        let placed = &self.plan.placed;
        let parts = placed.partitions();
        let height = 140 + 22 * (parts.len() + placed.raw().len());
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 1000 {height}\" font-family=\"sans-serif\" \
             font-size=\"14\">\n<text x=\"20\" y=\"26\">{}</text>\n",
            escaped(self.title)
        );
        let total = parts.iter().map(|part| (part.range.end - part.range.start) as f64).sum::<f64>().max(1.0);
        let (mut x, mut y) = (20.0, 130.0);
        // Small partitions beside large ones would be lines: the square root keeps their order and shows them.
        let roots: f64 = parts.iter().map(|part| ((part.range.end - part.range.start) as f64 / total).sqrt()).sum();
        for (number, part) in parts.iter().enumerate() {
            let size = (part.range.end - part.range.start) as f64;
            let width = (size / total).sqrt() / roots.max(f64::EPSILON) * WIDE;
            let colour = ["#9ecae1", "#a1d99b", "#fdd0a2", "#dadaeb"].get(number % 4).copied().unwrap_or("#ccc");
            let _ = writeln!(
                svg,
                "<rect x=\"{x:.1}\" y=\"40\" width=\"{width:.1}\" height=\"{HIGH}\" fill=\"{colour}\" stroke=\"#333\"/>\
                 <text x=\"{:.1}\" y=\"77\" text-anchor=\"middle\">{}</text>",
                x + width / 2.0,
                escaped(&part.partition.label)
            );
            x += width;
        }
        let raws = placed.raw().iter().map(|raw| (raw.range.clone(), raw.raw.name.clone()));
        let rows =
            parts.iter().map(|part| (part.range.clone(), format!("{} {}", part.partition.label, format_name(part))));
        for (range, what) in raws.chain(rows) {
            let _ = writeln!(
                svg,
                "<text x=\"20\" y=\"{y:.0}\">{} at {}: {}</text>",
                shown(range.end - range.start),
                shown(range.start),
                escaped(&what)
            );
            y += 22.0;
        }
        svg + "</svg>\n"
    }
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

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
