//! The lists that the build of a kernel leaves beside its modules.

use crate::ModuleName;
use crate::alias::is_plain;
use crate::alias::is_word;

/// The contents of the lists; a list that the package lacks is empty.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lists<'a> {
    /// `modules.order`: the paths of modules, the preferred one of two that serve the same device first.
    pub order: &'a str,
    /// `modules.builtin`: the paths that the modules in the kernel itself would have.
    pub builtin: &'a str,
    /// `modules.builtin.modinfo`: NUL-terminated `module=…` strings of the modules in the kernel itself.
    pub builtin_info: &'a [u8],
}

impl<'a> Lists<'a> {
    /// Returns the names of the modules in the kernel itself. `depmod` ignores lines that do not begin with a letter.
    pub(crate) fn builtin_names(self) -> impl Iterator<Item = ModuleName> + 'a {
        let lines = self.builtin.lines().filter(|line| is_plain(line.as_bytes()));
        lines.filter(|line| line.starts_with(|first: char| first.is_ascii_alphabetic())).map(ModuleName::of_file)
    }

    /// Returns modules in the kernel itself with their aliases. Descriptions of modules can contain any bytes; aliases
    /// that an index cannot hold are left out.
    pub(crate) fn builtin_aliases(self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.builtin_info.split(|byte| *byte == 0).filter_map(|entry| {
            let entry = std::str::from_utf8(entry).ok()?;
            let (module, rest) = entry.split_once('.')?;
            let alias = rest.strip_prefix("alias=")?;
            let is_known = is_word(module.as_bytes()) && is_plain(alias.as_bytes()) && !alias.is_empty();
            is_known.then_some((module, alias))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_builtin_modules_are_read() {
        let lists = Lists {
            order: "",
            builtin: "kernel/fs/ext4/ext4.ko\n\nkernel/virtio-pci.ko\n9p.ko\n",
            builtin_info:
                b"a.alias=x-y\0a.description=\xff\xfe\0b.parm=alias=no\0b.alias=\0c.alias=\xe4\0.alias=d\0e.alias=f=g.h",
        };
        let names: Vec<_> = lists.builtin_names().collect();
        assert_eq!(names, [ModuleName::new("ext4"), ModuleName::new("virtio_pci")]);
        let aliases: Vec<_> = lists.builtin_aliases().collect();
        assert_eq!(aliases, [("a", "x-y"), ("e", "f=g.h")]);
    }
}
