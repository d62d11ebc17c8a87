use crate::Layout;
use crate::Partition;
use crate::Table;

/// Writes definitions with which systemd-repart leaves everything as it is and lets the last partition grow to the end of the
/// medium, its file system with it. Only a GPT can be grown by it: for others there is nothing.
pub fn to_repart(layout: &Layout) -> Vec<(String, String)> {
    if layout.table != Table::Gpt {
        return Vec::new();
    }
    let last = layout.partitions.len().saturating_sub(1);
    let definition = |(number, partition): (usize, &Partition)| {
        // A percent sign would begin a specifier.
        let label = partition.gpt_name().replace('%', "%%");
        let mut text = format!("[Partition]\nType={}\nLabel={label}\n", partition.r#type);
        match number == last {
            true => text += "GrowFileSystem=yes\nWeight=1000\n",
            // It has its size already; a weight of 0 gives it no more.
            false => text += "Weight=0\n",
        }
        let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
        let name: String = partition.label.chars().map(plain).collect();
        (format!("{:02}-{name}.conf", (number + 1) * 10), text)
    };
    layout.partitions.iter().enumerate().map(definition).collect()
}
