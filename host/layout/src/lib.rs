//! What is where on a medium: partition tables, partitions, contents at fixed places.
//!
//! A board proposes a [`Layout`]: sizes that may give way, starts that may not. [`Layout::solve`] fits it to a medium and
//! returns a [`Placed`] layout, in which every byte has at most one owner; [`Placed::table`] gives the bytes of the
//! partition table. The words are those of systemd-repart where it has them.
//!
//! This crate computes. It opens nothing, knows no file systems, and does not know what a device is.

mod bmap;
mod check;
mod claim;
mod error;
mod genimage;
mod ids;
mod import_error;
mod kind;
mod layout;
mod medium;
mod name;
mod number;
mod parsed_table;
mod ranges;
mod repart;
mod room;
mod solve;
mod stretch;
mod table;
mod type_name;
mod yaml;

pub use bmap::Bmap;
pub use bmap::BmapError;
pub use bmap::DigestKind;
pub use bmap::Hasher;
pub use claim::Owner;
pub use error::LayoutError;
pub use genimage::Surroundings;
pub use genimage::from_genimage;
pub use ids::Ids;
pub use import_error::ImportError;
pub use kind::Kind;
pub use layout::Content;
pub use layout::DiskId;
pub use layout::Edit;
pub use layout::Flag;
pub use layout::Format;
pub use layout::Layout;
pub use layout::Partition;
pub use layout::Raw;
pub use layout::Script;
pub use layout::Table;
pub use medium::Medium;
pub use name::NameError;
pub use name::check_name;
pub use name::check_path;
pub use number::Bytes;
pub use number::BytesError;
pub use parsed_table::Found;
pub use parsed_table::FoundPartition;
pub use parsed_table::TableError;
pub use ranges::Ranges;
pub use repart::from_repart;
pub use repart::to_repart;
pub use solve::Placed;
pub use solve::PlacedPartition;
pub use solve::PlacedRaw;
pub use solve::Shrunk;
pub use solve::fits_fat32;
pub use table::Patch;
pub use type_name::Name;
pub use yaml::to_yaml;

pub(crate) use name::shown;
