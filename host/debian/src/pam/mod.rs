//! PAM: `/etc/pam.d/common-*`, as `pam-auth-update` makes it.

mod profile;
mod stack;

use profile::Profile;
use profile::Service;
use stack::fill;

use crate::Error;
use crate::TreePath;
use crate::change::Changes;
use crate::script::Script;
use crate::tree::Tree;

/// Bytes of a profile or template.
const MAX_FILE: u64 = 64 << 10;

/// Profiles of a system.
const MAX_PROFILES: usize = 200;

/// Writes the common stacks from the templates and from the profiles that are on by default.
pub(crate) fn write(tree: Tree<'_>, scripts: &mut [Script], changes: &mut Changes) -> Result<(), Error> {
    for call in scripts.iter_mut().flat_map(|script| &mut script.calls) {
        if call.verb() == "pam-auth-update" {
            // `--enable` names profiles that are off by default: no mechanism reads it.
            call.is_taken = !call.words.iter().any(|word| word.known() == Some("--enable"));
        }
    }
    let folder = path("usr/share/pam-configs");
    let names = tree.list(&folder)?;
    if names.len() > MAX_PROFILES {
        return Err(Error::TooMany { what: "profiles of PAM", limit: MAX_PROFILES });
    }
    let mut profiles = Vec::new();
    for name in names.into_iter().filter(|name| !name.ends_with('~') && !name.starts_with('#')) {
        if let Some(text) = tree.text(&folder.join(&name), MAX_FILE)? {
            profiles.push(Profile::read(name, &text));
        }
    }
    let profiles = profile::enabled(profiles);
    for service in Service::ALL {
        let name = format!("common-{}", service.name());
        let Some(template) = tree.text(&path("usr/share/pam").join(&name), MAX_FILE)? else { continue };
        if let Some(text) = fill(&template, service, &profiles) {
            changes.file(tree, &path("etc/pam.d").join(&name), text)?;
        }
    }
    Ok(())
}

fn path(text: &str) -> TreePath {
    TreePath::parse(text).unwrap_or_default()
}
