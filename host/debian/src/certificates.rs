//! The bundle of certificate authorities, as `update-ca-certificates` makes it.

use crate::Error;
use crate::Kind;
use crate::TreePath;
use crate::change::Changes;
use crate::script::Script;
use crate::tree::Tree;

/// Bytes of a certificate and of the bundle, entries of the directories, and their depth.
const MAX_CERTIFICATE: u64 = 256 << 10;
const MAX_BUNDLE: usize = 16 << 20;
const MAX_ENTRIES: usize = 10_000;
const MAX_DEPTH: usize = 8;

/// Writes the bundle, the list of authorities, and OpenSSL's default bundle as a link. OpenSSL needs no links by hash then.
pub(crate) fn write(tree: Tree<'_>, scripts: &mut [Script], changes: &mut Changes) -> Result<(), Error> {
    let mut is_wanted = false;
    for call in scripts.iter_mut().flat_map(|script| &mut script.calls) {
        if call.verb() == "update-ca-certificates" {
            call.is_taken = true;
            is_wanted = true;
        }
    }
    let path = |text: &str| TreePath::parse(text).unwrap_or_default();
    let certificates = find(tree, &path("usr/share/ca-certificates"))?;
    let local = find(tree, &path("usr/local/share/ca-certificates"))?;
    if !is_wanted || certificates.is_empty() && local.is_empty() {
        return Ok(());
    }
    let mut bundle: Vec<u8> = Vec::new();
    for (path, _) in certificates.iter().chain(&local) {
        bundle.extend(tree.read(path, MAX_CERTIFICATE)?.unwrap_or_default());
        if bundle.last().is_some_and(|byte| *byte != b'\n') {
            bundle.push(b'\n');
        }
        if bundle.len() > MAX_BUNDLE {
            return Err(Error::TooMany { what: "bytes of certificates", limit: MAX_BUNDLE });
        }
    }
    let list: String = certificates.iter().map(|(_, name)| format!("{name}\n")).collect();
    changes.file(tree, &path("etc/ssl/certs/ca-certificates.crt"), bundle)?;
    changes.file(tree, &path("etc/ca-certificates.conf"), list)?;
    let openssl = path("usr/lib/ssl/cert.pem");
    if tree.kind(&openssl)?.is_none() {
        changes.link(tree, &openssl, "/etc/ssl/certs/ca-certificates.crt")?;
    }
    Ok(())
}

/// Finds all certificates below a directory, with their names relative to it, in the order of these names.
fn find(tree: Tree<'_>, root: &TreePath) -> Result<Vec<(TreePath, String)>, Error> {
    let mut found = Vec::new();
    let mut open = vec![(root.clone(), String::new(), 0)];
    let mut count = 0;
    while let Some((folder, prefix, depth)) = open.pop() {
        for name in tree.list(&folder)? {
            count += 1;
            if count > MAX_ENTRIES || depth > MAX_DEPTH {
                return Err(Error::TooMany { what: "files or levels of certificates", limit: MAX_ENTRIES });
            }
            let (path, relative) = (folder.join(&name), format!("{prefix}{name}"));
            match tree.followed(&path)? {
                Some(Kind::File) if name.ends_with(".crt") => found.push((path, relative)),
                // A link to a directory can lead in a circle.
                Some(Kind::Directory) if tree.kind(&path)? == Some(Kind::Directory) => {
                    open.push((path, format!("{relative}/"), depth + 1));
                }
                _ => {}
            }
        }
    }
    found.sort_by(|a, b| a.1.cmp(&b.1));
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Change;
    use crate::testing::Memory;

    #[test]
    fn certificates_are_joined_in_the_order_of_their_names() {
        let root = Memory::default()
            .file("usr/share/ca-certificates/m/b.crt", "B\n")
            .file("usr/share/ca-certificates/m/a.crt", "A")
            .file("usr/share/ca-certificates/m/c.txt", "C")
            .link("usr/share/ca-certificates/m/loop", "..");
        let mut changes = Changes::default();
        let mut scripts = [Script::read("ca", Some("update-ca-certificates --fresh")).0];
        write(Tree::new(&root), &mut scripts, &mut changes).unwrap();
        let text = |change: Change| match change {
            Change::File { bytes, .. } => String::from_utf8(bytes).unwrap(),
            Change::Link { target, .. } => target,
            other => panic!("{other:?}"),
        };
        let texts: Vec<String> = changes.finish().into_iter().map(text).collect();
        assert_eq!(texts, ["m/a.crt\nm/b.crt\n", "A\nB\n", "/etc/ssl/certs/ca-certificates.crt"]);
    }
}
