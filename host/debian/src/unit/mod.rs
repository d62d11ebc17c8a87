//! systemd units: which of them start, as links in `/etc/systemd`.

mod enable;
mod install;
mod name;
mod request;

pub(crate) use enable::enable;
pub(crate) use request::read as requests;
