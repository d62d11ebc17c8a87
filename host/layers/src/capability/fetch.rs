//! Having the host download files: `fetch:https://example.org/firmware/`.

use super::Capability;
use super::Declared;
use super::Form;
use super::Kind;
use super::Reach;
use super::Why;

const WORD: &str = "fetch";

pub(super) const KIND: Kind = Kind {
    words: &[WORD],
    is_name: |_, url| fault(url).is_none(),
    covers: |(_, granted), (_, wanted)| covers(granted, wanted),
    form: Some(FORM),
};

const FORM: Form = Form {
    given: |raw| usize::from(raw.fetch.is_some()),
    stray: |_| None,
    declare: |raw| Some(Address::new(raw.fetch.as_ref()?, &raw.why).map(Capability::Fetch)),
};

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
    fn new(url: &str, why: &Why) -> Result<Self, String> {
        match fault(url) {
            None => Ok(Self { url: url.to_owned(), why: why.clone() }),
            Some(fault) => Err(format!("`{}` cannot be fetched from: {fault}", skiff_text::shown(url))),
        }
    }

    /// Returns whether a URL is this one, or starts with it.
    pub fn covers(&self, url: &str) -> bool {
        covers(&self.url, url)
    }
}

impl Declared for Address {
    fn name(&self) -> String {
        format!("{WORD}:{}", self.url)
    }

    fn why(&self) -> &str {
        &self.why
    }

    fn reach(&self) -> Reach {
        Reach::Fetches
    }

    fn needs_plan(&self) -> bool {
        false
    }

    fn uses_workspace(&self) -> bool {
        false
    }
}

fn covers(address: &str, url: &str) -> bool {
    match url.strip_prefix(address) {
        Some("") => true,
        Some(rest) => address.ends_with('/') && is_plain_path(rest),
        None => false,
    }
}

/// Returns what keeps a URL from being an address to fetch from.
fn fault(url: &str) -> Option<&'static str> {
    if url.len() > MAX_URL {
        return Some("it is too long for the question to the user");
    }
    let Some(rest) = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")) else {
        return Some("it starts with neither `https://` nor `http://`");
    };
    let Some((host, path)) = rest.split_once('/') else {
        return Some("a `/` ends the name of the host");
    };
    if host.is_empty() || !host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-:[]".contains(&b)) {
        return Some("expected a plain host name");
    }
    (!is_plain_path(path)).then_some("its path has other than plain characters, or `..`")
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
        let address = |url: &str| Address::new(url, &"w".parse().unwrap());
        let folder = address("https://example.org/firmware/").unwrap();
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
        let file = address("https://example.org/f").unwrap();
        assert!(file.covers("https://example.org/f") && !file.covers("https://example.org/f2"));
        for bad in ["file:///etc/passwd", "https://example.org", "https://u:p@example.org/", "https:///x", "ftp://e/"] {
            assert!(address(bad).is_err(), "{bad}");
        }
    }
}
