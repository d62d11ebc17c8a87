use crate::Error;
use crate::Kind;
use crate::Root;
use crate::TreePath;

/// Links that one path may lead through, as Linux has it.
const MAX_LINKS: usize = 40;

/// A root whose links are followed inside of the root only.
#[derive(Clone, Copy)]
pub(crate) struct Tree<'r>(&'r dyn Root);

impl<'r> Tree<'r> {
    pub(crate) fn new(root: &'r dyn Root) -> Self {
        Self(root)
    }

    /// Returns the path with all links on the way replaced, and the last one, too. Parts that do not exist are kept.
    pub(crate) fn resolve(self, path: &TreePath) -> Result<TreePath, Error> {
        let mut rest: Vec<String> = path.as_str().split('/').rev().map(str::to_owned).collect();
        let mut found = TreePath::default();
        let mut links = 0;
        while let Some(part) = rest.pop() {
            match part.as_str() {
                "" | "." => continue,
                ".." => {
                    found = found.split().0;
                    continue;
                }
                _ => {}
            }
            let next = found.join(&part);
            match self.kind_of_real(&next)? {
                Some(Kind::Link(target)) => {
                    links += 1;
                    if links > MAX_LINKS || target.len() > 4096 {
                        return Err(Error::Links { path: path.clone() });
                    }
                    if target.starts_with('/') {
                        found = TreePath::default();
                    }
                    rest.extend(target.split('/').rev().map(str::to_owned));
                }
                _ => found = next,
            }
        }
        Ok(found)
    }

    /// Returns the path with all links on the way replaced, but not the last name: the place of the path itself.
    pub(crate) fn place(self, path: &TreePath) -> Result<TreePath, Error> {
        let (parent, name) = path.split();
        match name.is_empty() {
            true => Ok(parent),
            false => Ok(self.resolve(&parent)?.join(name)),
        }
    }

    /// Returns what is at the place of a path; a link there is not followed.
    pub(crate) fn kind(self, path: &TreePath) -> Result<Option<Kind>, Error> {
        self.kind_of_real(&self.place(path)?)
    }

    /// Returns what a path leads to.
    pub(crate) fn followed(self, path: &TreePath) -> Result<Option<Kind>, Error> {
        self.kind_of_real(&self.resolve(path)?)
    }

    /// Reads the file that a path leads to, with a limit of bytes.
    pub(crate) fn read(self, path: &TreePath, limit: u64) -> Result<Option<Vec<u8>>, Error> {
        let real = self.resolve(path)?;
        let bytes = self.0.read(real.as_str(), limit).map_err(|source| Error::Read { path: path.clone(), source })?;
        match bytes {
            Some(bytes) if bytes.len() as u64 > limit => {
                Err(Error::TooLarge { path: path.clone(), size: bytes.len() as u64, limit })
            }
            bytes => Ok(bytes),
        }
    }

    /// Reads the text that a path leads to; bytes that are not UTF-8 are replaced.
    pub(crate) fn text(self, path: &TreePath, limit: u64) -> Result<Option<String>, Error> {
        Ok(self.read(path, limit)?.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// Returns the names in a directory in their order, without those that cannot be parts of a path.
    pub(crate) fn list(self, path: &TreePath) -> Result<Vec<String>, Error> {
        let real = self.resolve(path)?;
        let mut names = self.0.list(real.as_str()).map_err(|source| Error::Read { path: path.clone(), source })?;
        names.retain(|name| !name.is_empty() && name != "." && name != ".." && !name.contains(['/', '\0']));
        names.sort();
        Ok(names)
    }

    fn kind_of_real(self, path: &TreePath) -> Result<Option<Kind>, Error> {
        if path.as_str().is_empty() {
            return Ok(Some(Kind::Directory));
        }
        self.0.kind(path.as_str()).map_err(|source| Error::Read { path: path.clone(), source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Memory;

    fn path(text: &str) -> TreePath {
        TreePath::parse(text).unwrap()
    }

    #[test]
    fn links_are_followed_inside_of_the_root() {
        let root = Memory::default()
            .link("lib", "usr/lib")
            .file("usr/lib/a", "text")
            .link("usr/lib/b", "/lib/a")
            .link("usr/lib/out", "../../../../etc/x");
        let tree = Tree::new(&root);
        assert_eq!(tree.text(&path("/lib/b"), 10).unwrap().unwrap(), "text");
        assert_eq!(tree.place(&path("/lib/b")).unwrap(), path("usr/lib/b"));
        assert_eq!(tree.resolve(&path("lib/out")).unwrap(), path("etc/x"));
    }

    #[test]
    fn a_circle_of_links_is_an_error() {
        let root = Memory::default().link("a", "b").link("b", "a");
        assert!(matches!(Tree::new(&root).resolve(&path("a/x")), Err(Error::Links { .. })));
    }

    #[test]
    fn a_file_beyond_its_limit_is_an_error() {
        let root = Memory::default().file("a", "12345");
        assert!(Tree::new(&root).read(&path("a"), 4).is_err());
        assert!(Tree::new(&root).read(&path("a"), 5).unwrap().is_some());
    }
}
