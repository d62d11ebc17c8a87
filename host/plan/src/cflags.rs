/// Takes the flags out of one cflags file: comment lines go, line ends become blanks.
pub(crate) fn flags(text: &str) -> String {
    let mut flags = String::new();
    for line in text.split_inclusive('\n').filter(|line| !line.trim_start_matches([' ', '\t']).starts_with('#')) {
        flags.push_str(line.trim_end_matches(['\r', '\n']));
        // A last line without an end has none to become a blank.
        if line.ends_with('\n') {
            flags.push(' ');
        }
    }
    flags
}

/// Joins the flags of all files as SkiffOS does: one more blank between them.
pub(crate) fn join(files: &[String]) -> String {
    files.iter().filter(|flags| !flags.is_empty()).cloned().collect::<Vec<_>>().join(" ")
}

/// Writes flags as a Kconfig string.
pub(crate) fn quoted(flags: &str) -> String {
    format!("\"{}\"", flags.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_go_and_blanks_stay_as_in_skiffos() {
        let files = [flags("# comment\n-O2\n-pipe\n  # indented comment\n"), flags("# nothing\n"), flags("-march=x\n")];
        assert_eq!(join(&files), "-O2 -pipe  -march=x ");
        assert_eq!(join(&[flags("-O2\n-g0"), flags("-x\n# last")]), "-O2 -g0 -x ");
    }
}
