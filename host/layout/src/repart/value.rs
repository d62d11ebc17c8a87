//! Values as systemd writes them.

/// A size: a number with a fraction or without, and `K`, `M`, `G`, `T`, `P` or `E` for powers of 1024. Several are added up, the
/// greater units first.
pub(super) fn size(text: &str) -> Option<u64> {
    const UNITS: [(&str, u32); 8] =
        [("E", 60), ("P", 50), ("T", 40), ("G", 30), ("M", 20), ("K", 10), ("B", 0), ("", 0)];
    let mut rest = text.trim();
    let mut total: u128 = 0;
    let mut least = 0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
        let count = digits(rest);
        let whole: u128 = rest.get(..count)?.parse().ok()?;
        rest = rest.get(count..)?;
        let mut fraction = (0_u128, 1_u128);
        if let Some(after) = rest.strip_prefix('.') {
            let count = digits(after).min(18);
            fraction = (after.get(..count)?.parse().ok()?, 10_u128.pow(u32::try_from(count).ok()?));
            rest = after.get(digits(after)..)?;
        }
        rest = rest.trim_start();
        let (place, (name, shift)) =
            UNITS.iter().enumerate().skip(least).find(|(_, (name, _))| rest.starts_with(name))?;
        rest = rest.get(name.len()..)?.trim_start();
        least = place + 1;
        let unit = 1_u128 << shift;
        total = total.checked_add(whole.checked_mul(unit)?)?.checked_add(fraction.0.checked_mul(unit)? / fraction.1)?;
        if name.is_empty() && !rest.is_empty() {
            return None;
        }
    }
    u64::try_from(total).ok()
}

/// A boolean, in all spellings of systemd.
pub(super) fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "yes" | "y" | "true" | "t" | "on" => Some(true),
        "0" | "no" | "n" | "false" | "f" | "off" => Some(false),
        _ => None,
    }
}

/// A text without specifiers; the first that it has otherwise. They stand for things of the machine that systemd-repart runs on.
pub(super) fn plain(text: &str) -> Result<String, String> {
    let mut plain = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '%' => match chars.next() {
                Some('%') => plain.push('%'),
                other => return Err(format!("%{}", other.map(String::from).unwrap_or_default())),
            },
            c => plain.push(c),
        }
    }
    Ok(plain)
}

/// Flags of a GPT, as a number.
pub(super) fn number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_hexdigit()) => u64::from_str_radix(digits, 16).ok(),
        None if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_those_of_systemd() {
        let cases = [
            ("1.5G", Some(3 << 29)),
            ("512  M", Some(512 << 20)),
            ("1G 500M", Some((1 << 30) + (500 << 20))),
            ("4096", Some(4096)),
            ("4096B", Some(4096)),
            ("0.25K", Some(256)),
            ("", None),
            ("G", None),
            ("1M 1G", None),
            ("1MiB", None),
            ("1,5G", None),
            ("-1", None),
            ("16E", None),
            ("99999999999999999999999999999999999999999999", None),
        ];
        for (text, bytes) in cases {
            assert_eq!(size(text), bytes, "{text}");
        }
        assert_eq!((plain("a%%b"), plain("%M_%A")), (Ok("a%b".into()), Err("%M".into())));
    }
}
