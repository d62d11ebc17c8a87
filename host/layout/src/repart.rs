//! The files of systemd-repart (repart.d(5)): read as layouts, and written so that a medium grows when it first boots.

use crate::Bytes;
use crate::Content;
use crate::Format;
use crate::Layout;
use crate::LayoutError;
use crate::Partition;
use crate::Table;

/// Why a file of another tool is no layout.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// A line that cannot be read.
    #[error("{file}:{line}: {problem}")]
    Line {
        /// The file.
        file: String,
        /// Its line.
        line: usize,
        /// What is wrong.
        problem: String,
    },
    /// Something that the layout has no words for.
    #[error("{file}: {problem}")]
    File {
        /// The file.
        file: String,
        /// What is wrong.
        problem: String,
    },
}

/// Reads definitions of partitions, each with the name of its file, in the order of their names. What comes from the system
/// that systemd-repart runs on (`CopyFiles=`) is looked for among the images.
///
/// # Errors
/// [`ImportError`] with the line that means something that a layout cannot say.
pub fn from_repart(files: &[(String, String)]) -> Result<Layout, ImportError> {
    let mut layout = Layout { table: Table::Gpt, max_entries: None, partitions: Vec::new(), raw: Vec::new() };
    for (file, text) in files {
        layout.partitions.push(definition(file, text)?);
    }
    Ok(layout)
}

fn definition(file: &str, text: &str) -> Result<Partition, ImportError> {
    let mut fields: Vec<(usize, &str, &str)> = Vec::new();
    let mut section = "";
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        let wrong = |problem: String| ImportError::Line { file: file.to_owned(), line: number, problem };
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name;
            continue;
        }
        let (key, value) = line.split_once('=').ok_or_else(|| wrong(format!("`{line}` is no setting")))?;
        if section == "Partition" {
            fields.push((number, key.trim(), value.trim()));
        }
    }
    let kind = fields.iter().rev().find(|(_, key, _)| *key == "Type");
    let Some((line, _, kind)) = kind else {
        return Err(ImportError::File { file: file.to_owned(), problem: "it has no Type=".into() });
    };
    let at = |line: usize| move |problem: String| ImportError::Line { file: file.to_owned(), line, problem };
    let kind = kind.parse().map_err(|error: LayoutError| at(*line)(error.to_string()))?;
    let stem = file.trim_end_matches(".conf");
    let name = stem.split_once('-').map_or(stem, |(_, name)| name);
    let mut partition = Partition::new(name, kind);
    let mut most = None;
    for (line, key, value) in fields {
        let wrong = at(line);
        let bytes = || value.parse::<Bytes>().map(|bytes| bytes.0).map_err(|error| wrong(error.to_string()));
        match key {
            "Type" | "UUID" | "Priority" | "GrowFileSystem" | "ReadOnly" | "NoAuto" | "Flags" | "SplitName"
            | "Minimize" => {}
            "Label" => value.clone_into(&mut partition.label),
            "Format" => {
                partition.format = match value {
                    "vfat" => Format::Vfat,
                    "ext4" => Format::Ext4 { features: Vec::new() },
                    "empty" => Format::Empty,
                    other => return Err(wrong(format!("`{other}` is no file system that skiff makes: vfat, ext4"))),
                }
            }
            "SizeMinBytes" => partition.size_min = Some(bytes()?),
            "SizeMaxBytes" => most = Some(bytes()?),
            "Weight" => partition.weight = value.parse().map_err(|_| wrong(format!("`{value}` is no weight")))?,
            "CopyFiles" => {
                let (source, target) = value.split_once(':').unwrap_or((value, value));
                partition.copy_files.push(Content::new(format!("images{}/", source.trim_end_matches('/')), target));
            }
            "CopyBlocks" => partition.copy_blocks = Some(format!("images{value}")),
            other => return Err(wrong(format!("`{other}` has no counterpart in a layout"))),
        }
    }
    partition.size = most;
    Ok(partition)
}

/// Writes definitions with which systemd-repart leaves everything as it is and lets the last partition grow to the end of the
/// medium, its file system with it. Only a GPT can be grown by it: for others there is nothing.
pub fn to_repart(layout: &Layout) -> Vec<(String, String)> {
    if layout.table != Table::Gpt {
        return Vec::new();
    }
    let last = layout.partitions.len().saturating_sub(1);
    let definition = |(number, partition): (usize, &Partition)| {
        let mut text = format!("[Partition]\nType={}\nLabel={}\n", partition.r#type, partition.label);
        match number == last {
            true => text += "GrowFileSystem=yes\nWeight=1000\n",
            // It has its size already; a weight of 0 gives it no more.
            false => text += "Weight=0\n",
        }
        (format!("{:02}-{}.conf", (number + 1) * 10, partition.label.to_lowercase()), text)
    };
    layout.partitions.iter().enumerate().map(definition).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_become_partitions() {
        let files = [
            (
                "10-esp.conf".to_owned(),
                "[Partition]\nType=esp\nFormat=vfat\nSizeMinBytes=512M\nSizeMaxBytes=512M\nCopyFiles=/efi:/\n"
                    .to_owned(),
            ),
            (
                "20-root.conf".to_owned(),
                "# x\n[Partition]\nType=root-arm64\nLabel=root\nFormat=ext4\nWeight=500\n".to_owned(),
            ),
        ];
        let layout = from_repart(&files).unwrap();
        assert_eq!(layout.partitions[0].size, Some(512 << 20));
        assert_eq!((layout.partitions[1].label.as_str(), layout.partitions[1].weight), ("root", 500));
        assert!(crate::to_yaml(&layout).contains("source: [images/efi/], target: \"/\""));
        let grown = to_repart(&layout);
        assert_eq!(grown[1].0, "20-root.conf");
        assert!(grown[1].1.contains("GrowFileSystem=yes") && !grown[0].1.contains("Grow"));
        let bad = [("x.conf".to_owned(), "[Partition]\nType=esp\nEncrypt=tpm2\n".to_owned())];
        assert_eq!(from_repart(&bad).unwrap_err().to_string(), "x.conf:3: `Encrypt` has no counterpart in a layout");
    }
}
