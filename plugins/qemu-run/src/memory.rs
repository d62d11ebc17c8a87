/// Reads an amount of memory or disk as QEMU writes it: a number with `K`, `M`, `G` or `T`; `size=` before it is
/// taken, too, as in SkiffOS. Returns bytes; a bare number is mebibytes, as for QEMU.
pub(crate) fn parse(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is no amount (a number followed by K, M, G or T, such as 512M)");
    let plain = text.strip_prefix("size=").unwrap_or(text);
    let digits = plain.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.parse().map_err(|_| wrong())?;
    let shift = match plain.get(digits.len()..).unwrap_or_default().to_ascii_uppercase().as_str() {
        "K" => 10,
        "" | "M" => 20,
        "G" => 30,
        "T" => 40,
        _ => return Err(wrong()),
    };
    number.checked_mul(1 << shift).filter(|bytes| *bytes > 0).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn amounts_have_units() {
        assert_eq!(parse("2G"), Ok(2 << 30));
        assert_eq!(parse("size=512m"), Ok(512 << 20));
        assert_eq!(parse("64"), Ok(64 << 20));
        for bad in ["", "G", "0", "-1G", "1X", "2G,maxmem=9G", "99999999999999T"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
