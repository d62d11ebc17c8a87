//! Boards' media: what `skiff cmd PACKAGE format`, `install`, `rollback` and `buildimage` have in common with `skiff flash`.

mod board;
mod map;
mod medium;
mod personal;
mod picture;
mod question;
mod watch;

pub(crate) use board::Board;
pub(crate) use map::forget_maps;
pub(crate) use medium::Chosen;
pub(crate) use medium::MACHINE;
pub(crate) use medium::choose;
pub(crate) use medium::rules;
pub(crate) use medium::unnamed;
pub(crate) use personal::Personal;
pub(crate) use personal::personalize;
pub(crate) use picture::Picture;
pub(crate) use question::agree;
pub(crate) use watch::TaskWatch;
