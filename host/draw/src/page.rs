/// A picture and its numbers as one HTML file that needs nothing else.
pub struct Page<'p> {
    /// The title.
    pub title: &'p str,
    /// The picture.
    pub svg: &'p str,
    /// The heads of the columns.
    pub heads: &'p [&'p str],
    /// The numbers.
    pub rows: Vec<Vec<String>>,
}

impl Page<'_> {
    /// Writes it.
    pub fn html(&self) -> String {
        let cells = |tag: &str, row: &mut dyn Iterator<Item = &str>| {
            row.map(|cell| format!("<{tag}>{}</{tag}>", escaped(cell))).collect::<String>()
        };
        let heads = cells("th", &mut self.heads.iter().copied());
        let rows: String = self
            .rows
            .iter()
            .map(|row| format!("<tr>{}</tr>\n", cells("td", &mut row.iter().map(String::as_str))))
            .collect();
        let title = escaped(self.title);
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>{title}</title>\n\
             <style>body{{font-family:sans-serif;margin:2em}}td,th{{padding:.2em 1em;text-align:left}}\
             tr:nth-child(even){{background:#f4f4f4}}</style></head>\n<body>\n{}\n<table>\n<tr>{heads}</tr>\n{rows}\
             </table>\n</body>\n</html>\n",
            self.svg
        )
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
