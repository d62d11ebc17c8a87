//! The modules of one kernel as data: what they need and serve, and the indexes of them.
//!
//! [`ModuleInfo::read`] reads one module. A [`ModuleSet`] collects the modules of a kernel, and [`ModuleSet::arrange`] puts
//! them in the order of the kernel's [`Lists`]. The resulting [`Modules`] know the order of loading
//! ([`Modules::with_needs`]) and the files that `depmod` would write ([`Modules::files`]). libkmod, and with it udev and
//! `modprobe`, reads the binary files ([`Index`]) only; Busybox reads the texts.
//!
//! Except for the order of the lines in `modules.symbols`, the files are equal to those of `depmod` of kmod 30.
//!
//! This crate must not: open or write files, decompress, or know what a package or a target is.

mod alias;
mod device;
mod error;
mod files;
mod graph;
mod index;
mod lists;
mod module;
mod modules;
mod name;
mod set;

pub use error::IndexError;
pub use error::ModuleError;
pub use error::NoModule;
pub use error::SetError;
pub use index::Index;
pub use lists::Lists;
pub use module::ModuleInfo;
pub use modules::Modules;
pub use name::ModuleName;
pub use set::ModuleSet;
