use plotters::prelude::*;

use super::DrawError;
use super::LETTER;
use super::ROW;
use super::TITLE;

/// A row of an arc diagram, and the rows that it points to.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    /// Its label.
    pub(crate) name: String,
    /// Whether it is emphasised.
    pub(crate) strong: bool,
    /// Whether it is only there for completeness.
    pub(crate) faint: bool,
    /// The rows that it needs.
    pub(crate) needs: Vec<usize>,
}

/// Draws rows from top to bottom with an arc for each need, as SVG.
pub(crate) fn arcs(title: &str, rows: &[Row]) -> Result<String, DrawError> {
    let names = rows.iter().map(|row| row.name.chars().count()).max().unwrap_or(0);
    let right = i32::try_from(names).map_err(DrawError::of)? * LETTER + 40;
    let count = i32::try_from(rows.len()).map_err(DrawError::of)?;
    let width = (right + 20 + count * ROW / 2).max(LETTER * i32::try_from(title.chars().count()).unwrap_or(0) * 3 / 2);
    let height = TITLE + ROW * (count + 1);
    let middle = |row: usize| TITLE + ROW * i32::try_from(row).unwrap_or(0) + ROW / 2;
    let mut svg = String::new();
    {
        let size = (width.unsigned_abs(), height.unsigned_abs());
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        area.fill(&WHITE).map_err(DrawError::of)?;
        let style = ("sans-serif", 20).into_font().color(&BLACK);
        area.draw(&Text::new(title.to_owned(), (8, 8), style)).map_err(DrawError::of)?;
        for (at, row) in rows.iter().enumerate() {
            let fill = if row.strong { RGBColor(198, 224, 255) } else { RGBColor(240, 240, 240) };
            let ink = if row.faint { RGBColor(150, 150, 150) } else { BLACK };
            let (top, bottom) = (middle(at) - ROW / 2 + 2, middle(at) + ROW / 2 - 2);
            area.draw(&Rectangle::new([(8, top), (right, bottom)], fill.filled())).map_err(DrawError::of)?;
            let style = ("sans-serif", 13).into_font().color(&ink);
            area.draw(&Text::new(row.name.clone(), (16, top + 2), style)).map_err(DrawError::of)?;
            for need in &row.needs {
                let colour = Palette99::pick(at).stroke_width(1);
                area.draw(&PathElement::new(arc(right, middle(at), middle(*need)), colour)).map_err(DrawError::of)?;
                area.draw(&Circle::new((right, middle(*need)), 3, colour.filled())).map_err(DrawError::of)?;
            }
        }
        area.present().map_err(DrawError::of)?;
    }
    Ok(svg)
}

/// Half an ellipse from one height to another, to the right of `x`.
fn arc(x: i32, from: i32, to: i32) -> Vec<(i32, i32)> {
    const STEPS: i32 = 24;
    let (middle, radius) = (f64::from(from + to) / 2.0, f64::from(to - from) / 2.0);
    (0..=STEPS)
        .map(|step| {
            let angle = std::f64::consts::PI * f64::from(step) / f64::from(STEPS);
            let (out, down) = (angle.sin() * radius.abs(), -angle.cos() * radius);
            (x + out as i32, (middle + down) as i32)
        })
        .collect()
}
