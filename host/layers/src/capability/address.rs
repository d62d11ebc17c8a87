use super::Why;

/// Bytes of an address.
const MAX_URL: usize = 240;

/// Where a plugin may have the host download from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// A whole URL, or the start of one: then it ends in `/`.
    pub url: String,
    /// The reason that the user is shown.
    pub why: Why,
}

impl Address {
    /// Checks an address of a manifest.
    ///
    /// Returns what is wrong with it as a sentence.
    pub(super) fn new(url: String, why: Why) -> Result<Self, String> {
        let wrong = |what: &str| Err(format!("`{}` cannot be fetched from: {what}", skiff_text::shown(&url)));
        if url.len() > MAX_URL {
            return wrong("it is too long for the question to the user");
        }
        let Some(rest) = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")) else {
            return wrong("it starts with neither `https://` nor `http://`");
        };
        let Some((host, path)) = rest.split_once('/') else {
            return wrong("a `/` ends the name of the host");
        };
        if host.is_empty() || !host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-:[]".contains(&b)) {
            return wrong("its host is no plain name");
        }
        if !is_plain_path(path) {
            return wrong("its path has other than plain characters, or `..`");
        }
        Ok(Self { url, why })
    }

    /// Returns whether a URL is this one, or starts with it.
    pub fn covers(&self, url: &str) -> bool {
        match url.strip_prefix(&self.url) {
            Some("") => true,
            Some(rest) => self.url.ends_with('/') && is_plain_path(rest),
            None => false,
        }
    }
}

/// Characters that mean the same to every server and every parser of URLs.
fn is_plain_path(path: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._~+-/=&?,:".contains(&b);
    path.bytes().all(plain) && !path.split(['/', '?', '&']).any(|part| part == ".." || part == ".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_covers_what_starts_with_it_and_stays_below_it() {
        let folder = Address::new("https://example.org/firmware/".into(), "w".parse().unwrap()).unwrap();
        assert!(folder.covers("https://example.org/firmware/v1/start.elf"));
        for other in [
            "https://example.org/firmware/../secret",
            "https://example.org/firmware/%2e%2e/secret",
            "https://example.org/other",
            "https://example.org.evil.net/firmware/",
            "http://example.org/firmware/x",
            "https://example.org/firmware/x@evil.net",
            "https://example.org/firmware/x#y",
        ] {
            assert!(!folder.covers(other), "{other}");
        }
        let file = Address::new("https://example.org/f".into(), "w".parse().unwrap()).unwrap();
        assert!(file.covers("https://example.org/f") && !file.covers("https://example.org/f2"));
        for bad in ["file:///etc/passwd", "https://example.org", "https://u:p@example.org/", "https:///x", "ftp://e/"] {
            assert!(Address::new(bad.into(), "w".parse().unwrap()).is_err(), "{bad}");
        }
    }
}
