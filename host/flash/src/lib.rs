//! Puts systems on media: makes images of layouts, writes them to devices, and brings the systems on formatted media up to
//! date.
//!
//! # Why no wrong disk is written
//!
//! - Everything is a plan before it is done ([`Plan`], [`InstallPlan`]); making one opens nothing for writing.
//! - A device is opened for writing by [`Target::open`] alone, which takes a [`Cleared`], which only [`clear`] makes: it refuses
//!   partitions, what is mounted, swapped to or a part of something else, what is built in, protected, or too small.
//! - It is opened exclusively, and everything is compared and checked once more while nobody else can change it: a medium
//!   that was exchanged after the question has another sequence number, size or serial number.
//! - An install writes through [`Staged`], whose writes were all seen to lie in the partitions that it renews.
//!
//! # File systems
//!
//! `volume.rs` lists the file systems, and its trait `Volume` has everything that skiff asks of one: to make, inspect, update, roll
//! back and finish it. The rest of the crate does not know which file system a partition has.
//!
//! This crate talks to nobody and reads no environment: what it needs to know is told to it.

mod backing;
mod block_map;
mod bytes;
mod container;
mod content;
mod contents;
mod device;
mod disk;
mod doubt;
mod edits;
mod ext4;
mod fat;
mod files;
mod form;
mod held;
mod image;
mod image_error;
mod install;
mod inventory;
mod item;
mod keep;
mod marker;
mod matching;
mod outputs;
mod part;
mod pattern;
mod place;
mod plan;
mod reading;
mod rollback;
mod safety;
mod source;
mod source_error;
mod staged;
mod target;
mod uimage;
mod unfinished;
mod unkept;
mod update;
mod volume;
mod volume_error;
mod watch;
mod workshop;
mod write;
mod zipped;

/// The directory of a file system in which the system before the last install is kept. FAT has it as one short name, so that one
/// sector has it or has it not.
pub(crate) const PREVIOUS: &str = "skiff.old";

/// The directory in which the new system grows until its names are exchanged, where the file system has no other way.
pub(crate) const NEXT: &str = ".skiff-next";

pub use backing::FileId;
pub use backing::backing_file;
pub use block_map::is_map_for;
pub use block_map::maps_of;
pub use container::Container;
pub use content::ContentError;
pub use content::SourceFile;
pub use content::Sources;
pub use device::Device;
pub use device::Removable;
pub use device::Use;
pub use disk::Cut;
pub use disk::Disk;
pub use disk::FileDisk;
pub use disk::path_of;
pub use doubt::Doubt;
pub use doubt::Room;
pub use ext4::Ext4Error;
pub use ext4::clear_leftovers;
pub use fat::FatError;
pub use form::Layer;
pub use image::Image;
pub use image_error::BuildError;
pub use image_error::PlanError;
pub use install::InstallError;
pub use install::InstallPlan;
pub use install::Renewal;
pub use inventory::Inventory;
pub use inventory::SelectError;
pub use item::Attributes;
pub use item::Item;
pub use item::ItemKind;
pub use outputs::Outputs;
pub use part::Part;
pub use plan::Plan;
pub use rollback::RollbackPlan;
pub use safety::Cleared;
pub use safety::Refusal;
pub use safety::Rules;
pub use safety::clear;
pub use source::ImageSource;
pub use source::Note;
pub use source_error::SourceError;
pub use staged::Staged;
pub use target::OpenError;
pub use target::Target;
pub use uimage::UnknownArch;
pub use unfinished::unfinished_file;
pub use unkept::Unkept;
pub use update::Update;
pub use volume_error::PartitionError;
pub use volume_error::VolumeError;
pub use watch::Stop;
pub use watch::Unwatched;
pub use watch::Watch;
pub use workshop::Toolbox;
pub use workshop::Workshop;
pub use write::WriteError;
pub use write::WriteOptions;
pub use write::write;

pub use skiff_tree::Packing;
pub use skiff_tree::UnpackError;
