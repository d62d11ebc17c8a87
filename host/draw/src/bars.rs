use plotters::prelude::*;

use crate::DrawError;
use crate::LETTER;
use crate::ROW;
use crate::TITLE;
use crate::columns;
use crate::drawable;
use crate::shortened;

/// A row of a bar chart: a name and parts that add up.
#[derive(Debug, Clone)]
pub struct Bar {
    /// What it is of.
    pub name: String,
    /// The parts, each with an index into the legend.
    pub parts: Vec<(usize, f64)>,
}

impl Bar {
    /// Returns the sum of its parts.
    pub fn total(&self) -> f64 {
        self.parts.iter().map(|(_, value)| value).sum()
    }
}

/// Draws horizontal bars, the longest first, as SVG. `shown` puts a value into words.
///
/// # Errors
/// If plotters cannot draw them.
pub fn bars(title: &str, rows: &[Bar], legend: &[&str], shown: impl Fn(f64) -> String) -> Result<String, DrawError> {
    const WIDTH: i32 = 1000;
    const VALUE: i32 = 110;
    const NAME: usize = 48;
    let names: Vec<String> = rows.iter().map(|row| shortened(&row.name, NAME)).collect();
    let longest = names.iter().map(|name| columns(name)).max().unwrap_or(0);
    let left = i32::try_from(longest).map_err(DrawError::of)? * LETTER + 16;
    let most = rows.iter().map(Bar::total).fold(0.0, f64::max);
    let room = f64::from(WIDTH - left - VALUE);
    let height = TITLE + ROW * i32::try_from(rows.len() + 2).map_err(DrawError::of)?;
    let mut svg = String::new();
    {
        let size = (WIDTH.unsigned_abs(), height.unsigned_abs());
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        area.fill(&WHITE).map_err(DrawError::of)?;
        let text = |words: &str, at: (i32, i32), size: i32| {
            let style = ("monospace", size).into_font().color(&BLACK);
            area.draw(&Text::new(drawable(words), at, style)).map_err(DrawError::of)
        };
        text(title, (8, 8), 20)?;
        for ((row, name), y) in rows.iter().zip(&names).zip((TITLE..).step_by(ROW.unsigned_abs() as usize)) {
            text(name, (8, y + 3), 13)?;
            let mut x = f64::from(left);
            for (kind, value) in &row.parts {
                let end = x + if most > 0.0 { value / most * room } else { 0.0 };
                let corners = [(x as i32, y + 2), (end as i32, y + ROW - 4)];
                let colour = Palette99::pick(*kind).filled();
                area.draw(&Rectangle::new(corners, colour)).map_err(DrawError::of)?;
                x = end;
            }
            text(&shown(row.total()), (x as i32 + 6, y + 3), 12)?;
        }
        let mut x = 8;
        for (kind, name) in legend.iter().enumerate() {
            let y = height - ROW;
            let colour = Palette99::pick(kind).filled();
            area.draw(&Rectangle::new([(x, y), (x + 12, y + 12)], colour)).map_err(DrawError::of)?;
            text(name, (x + 16, y), 12)?;
            x += 32 + LETTER * i32::try_from(name.chars().count()).unwrap_or(0);
        }
        area.present().map_err(DrawError::of)?;
    }
    Ok(svg)
}
