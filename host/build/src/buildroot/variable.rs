//! Variables of make in the values of Buildroot's configuration.

use std::collections::BTreeMap;

use skiff_plan::BuildPlan;

use crate::FileError;
use crate::atomic::read_optional;

/// The variables that name the directories of external trees.
#[derive(Debug, Clone, Default)]
pub(crate) struct Folders(BTreeMap<String, String>);

impl Folders {
    /// Reads the names of a plan's external trees.
    pub(crate) fn of(plan: &BuildPlan) -> Result<Self, FileError> {
        let mut known = BTreeMap::new();
        for external in &plan.external {
            let description = read_optional(&external.join("external.desc"))?.unwrap_or_default();
            let description = String::from_utf8_lossy(&description).into_owned();
            if let Some(name) = description.lines().find_map(|line| line.strip_prefix("name:")) {
                known.insert(format!("BR2_EXTERNAL_{}_PATH", name.trim()), external.to_string_lossy().into_owned());
            }
        }
        Ok(Self(known))
    }

    /// Replaces the variables that are known.
    pub(crate) fn expand(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (name, path)| {
            text.replace(&format!("$({name})"), path).replace(&format!("${{{name}}}"), path)
        })
    }
}

/// Whether make, or a shell that it starts, would run something when it reads a value. References to variables are
/// fine unless make expands what they hold (`expands`), and so are Buildroot's own functions for addresses.
pub(crate) fn runs(text: &str, expands: impl Fn(&str) -> bool) -> bool {
    let mut rest = text;
    while let Some(at) = rest.find(['$', '`']) {
        let (_, found) = rest.split_at(at);
        let Some(after) = found.strip_prefix('$') else { return true };
        // A doubled `$` is one that the shell sees: a digest of a password has some.
        let (doubled, after) = after.strip_prefix('$').map_or((false, after), |after| (true, after));
        let close = match after.chars().next() {
            Some('(') => ')',
            Some('{') => '}',
            _ => {
                rest = after;
                continue;
            }
        };
        let inner = after.get(1..).unwrap_or_default();
        let Some((reference, following)) = inner.split_once(close) else { return true };
        if doubled || !(is_name(reference) && !expands(reference) || is_address(reference)) {
            return true;
        }
        rest = following;
    }
    false
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// `call github,owner,repository,version`
fn is_address(text: &str) -> bool {
    let call = text.strip_prefix("call ").and_then(|call| call.split_once(','));
    let plain = |c: char| c.is_ascii_alphanumeric() || ",._-/+".contains(c);
    call.is_some_and(|(function, rest)| matches!(function, "github" | "gitlab") && rest.chars().all(plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_references_and_addresses_run_nothing() {
        for text in [
            "plain",
            "$(TOPDIR)/x",
            "${BR2_EXTERNAL_MINE_PATH}/board/x $(HOST_DIR)",
            "$(call github,raspberrypi,linux,3e4afe4)/linux-r1.tar.gz",
            "$$6$$salt$$hash",
            "$6$x",
            "100%",
        ] {
            assert!(!runs(text, |name| name == "TEXT"), "{text}");
        }
        for text in [
            "$(shell touch x)",
            "${shell touch x}",
            "$(call shell,touch x)",
            "$(file >x,y)",
            "$(eval A=shel)$(call $(A)l,touch x)",
            "`touch x`",
            "$$(touch x)",
            "$${x:=y}",
            "$(call github,a,b,$(shell x))",
            "$(unclosed",
            "x$(TEXT)",
            "${TEXT}",
        ] {
            assert!(runs(text, |name| name == "TEXT"), "{text}");
        }
    }
}
