use plotters::prelude::*;

use crate::DrawError;
use crate::LETTER;
use crate::ROW;
use crate::TITLE;
use crate::columns;
use crate::drawable;

/// A layer in the picture of a chain.
#[derive(Debug, Clone)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// Why it is in the chain.
    pub role: Role,
    /// The rows of the layers that it brought.
    pub brings: Vec<usize>,
    /// What stands beside it.
    pub note: String,
}

/// Why a layer is in a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The user asked for it.
    Requested,
    /// Another layer needs it.
    Brought,
    /// It is in every chain.
    Implicit,
}

impl Role {
    const ALL: [Self; 3] = [Self::Requested, Self::Brought, Self::Implicit];

    /// Returns what the legend calls it.
    pub fn shown(self) -> &'static str {
        match self {
            Self::Requested => "asked for",
            Self::Brought => "brought by another layer",
            Self::Implicit => "in every chain",
        }
    }

    fn fill(self) -> RGBColor {
        match self {
            Self::Requested => RGBColor(176, 212, 255),
            Self::Brought => RGBColor(214, 236, 208),
            Self::Implicit => RGBColor(235, 235, 235),
        }
    }
}

/// The distance between two vertical lines.
const LANE: i32 = 14;

/// Where the boxes with names begin: the numbers stand before them.
const LEFT: i32 = 48;

/// Draws layers as rows from top to bottom, as SVG. From each layer that brought others a line leads to them, in a lane of
/// its own beside the names.
///
/// # Errors
/// If plotters cannot draw them.
pub fn lanes(title: &str, rows: &[Row]) -> Result<String, DrawError> {
    let width_of = |texts: &mut dyn Iterator<Item = &str>| texts.map(columns).max().unwrap_or(0);
    let names = width_of(&mut rows.iter().map(|row| row.name.as_str()));
    let notes = width_of(&mut rows.iter().map(|row| row.note.as_str()));
    let lanes = assign(rows);
    let count = lanes.iter().flatten().max().map_or(0, |last| last + 1);
    let pixels = |letters: usize| i32::try_from(letters).map_err(DrawError::of).map(|count| count * LETTER);
    let right = LEFT + pixels(names)? + 16;
    let text_at = right + 20 + LANE * i32::try_from(count).map_err(DrawError::of)?;
    let legend: usize = Role::ALL.iter().map(|role| columns(role.shown()) + 5).sum();
    let width = (text_at + pixels(notes)? + 16).max(pixels(columns(title))? * 20 / 13 + 16).max(pixels(legend)? + 16);
    let height = TITLE + ROW * i32::try_from(rows.len() + 2).map_err(DrawError::of)?;
    let middle = |row: usize| TITLE + ROW * i32::try_from(row).unwrap_or(0) + ROW / 2;
    let mut svg = String::new();
    {
        let size = (width.unsigned_abs(), height.unsigned_abs());
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        area.fill(&WHITE).map_err(DrawError::of)?;
        let text = |words: &str, at: (i32, i32), size: i32| {
            let style = ("monospace", size).into_font().color(&BLACK);
            area.draw(&Text::new(drawable(words), at, style)).map_err(DrawError::of)
        };
        let filled = |from: (i32, i32), to: (i32, i32), colour: RGBColor| {
            area.draw(&Rectangle::new([from, to], colour.filled())).map_err(DrawError::of)
        };
        text(title, (8, 8), 20)?;
        for (at, row) in rows.iter().enumerate() {
            let top = middle(at) - ROW / 2;
            filled((LEFT, top + 2), (right, top + ROW - 2), row.role.fill())?;
            text(&format!("{:>3}", at + 1), (8, top + 4), 13)?;
            text(&row.name, (LEFT + 8, top + 4), 13)?;
            text(&row.note, (text_at, top + 4), 13)?;
        }
        for ((at, row), lane) in rows.iter().enumerate().zip(&lanes) {
            let Some(lane) = lane else { continue };
            let colour = Palette99::pick(*lane).stroke_width(2);
            let x = right + 14 + LANE * i32::try_from(*lane).map_err(DrawError::of)?;
            let line = |points: Vec<(i32, i32)>| area.draw(&PathElement::new(points, colour)).map_err(DrawError::of);
            let start = middle(at);
            area.draw(&Circle::new((right, start), 4, colour.filled())).map_err(DrawError::of)?;
            for end in row.brings.iter().map(|brought| middle(*brought)) {
                line(vec![(right, start), (x, start), (x, end), (right, end)])?;
                let head = vec![(right + 1, end), (right + 8, end - 4), (right + 8, end + 4)];
                area.draw(&Polygon::new(head, colour.filled())).map_err(DrawError::of)?;
            }
        }
        let (mut x, y) = (8, height - ROW);
        for role in Role::ALL {
            filled((x, y), (x + 12, y + 12), role.fill())?;
            text(role.shown(), (x + 18, y), 13)?;
            x += pixels(columns(role.shown()) + 5)?;
        }
        area.present().map_err(DrawError::of)?;
    }
    Ok(svg)
}

/// Gives each row that brought others a lane, such that no two lines in one lane touch.
fn assign(rows: &[Row]) -> Vec<Option<usize>> {
    let mut taken: Vec<Vec<(usize, usize)>> = Vec::new();
    let mut lane_of = |at: usize, row: &Row| {
        let ends = || row.brings.iter().copied().chain([at]);
        let (first, last) = (ends().min()?, ends().max()?);
        if row.brings.is_empty() {
            return None;
        }
        let free = |lane: &Vec<(usize, usize)>| lane.iter().all(|(from, to)| last < *from || *to < first);
        let lane = taken.iter().position(free).unwrap_or_else(|| {
            taken.push(Vec::new());
            taken.len() - 1
        });
        taken.get_mut(lane)?.push((first, last));
        Some(lane)
    };
    rows.iter().enumerate().map(|(at, row)| lane_of(at, row)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, brings: &[usize]) -> Row {
        Row { name: name.into(), role: Role::Brought, brings: brings.to_vec(), note: String::new() }
    }

    #[test]
    fn lines_that_would_touch_have_lanes_of_their_own() {
        let rows = [row("a", &[]), row("b", &[0]), row("c", &[0]), row("d", &[]), row("e", &[3]), row("f", &[0, 4])];
        assert_eq!(assign(&rows), [None, Some(0), Some(1), None, Some(0), Some(2)]);
    }

    #[test]
    fn names_of_strangers_are_text_and_nothing_else() {
        let svg = lanes("t", &[row("a/<script>&\"\u{1b}]\u{0}", &[])]).unwrap();
        assert!(!svg.contains("<script>") && svg.contains("&lt;script&gt;&amp;"), "{svg}");
        assert!(!svg.chars().any(|c| c.is_control() && c != '\n'), "{svg}");
    }

    #[test]
    fn boxes_are_as_wide_as_the_longest_name() {
        let rows: Vec<Row> = (0..40).map(|number| row(&"W".repeat(number + 1), &[])).collect();
        let svg = lanes("t", &rows).unwrap();
        assert!(svg.contains(&format!("width=\"{}\"", 40 * LETTER + 16)), "{svg}");
    }
}
