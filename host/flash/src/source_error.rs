use crate::Container;
use crate::Layer;
use skiff_layout::Bytes;
use skiff_tree::Packing;
use skiff_tree::UnpackError;
use std::io;

/// Why an image cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// Another program changes it.
    #[error("{path} is in use: another program changes it")]
    Busy {
        /// The image.
        path: String,
    },
    /// It cannot be read.
    #[error("{path}: {source}")]
    Io {
        /// Which.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// It is a directory, a device or a pipe.
    #[error("{path} is not a regular file")]
    NotFile {
        /// Which.
        path: String,
    },
    /// Its packed data is damaged or ends too early.
    #[error("{path}: {source}")]
    Damaged {
        /// Which.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// Its packed data cannot be unpacked here.
    #[error("{path}: {source}")]
    Unpack {
        /// Which.
        path: String,
        /// How it is packed.
        packing: Packing,
        /// Why.
        source: UnpackError,
    },
    /// It is no disk image, or one in a format that a medium does not have.
    #[error("{path} {} {container}, not a disk image", layer.map_or("is".into(), |layer| format!("is {layer} data that holds")))]
    Container {
        /// Which.
        path: String,
        /// What it is packed in.
        layer: Option<Layer>,
        /// What it is.
        container: Container,
    },
    /// It unpacks to more than the medium holds.
    #[error("{path} unpacks to more than {room} bytes ({}), the size of the medium", Bytes(*room))]
    TooLarge {
        /// Which.
        path: String,
        /// What there is room for.
        room: u64,
    },
    /// Its map is none.
    #[error("{path}: {source}")]
    Map {
        /// Which.
        path: String,
        /// Why.
        source: skiff_layout::BmapError,
    },
    /// A signature lies beside the map, which skiff does not verify.
    #[error("{path} has a signature, {signature}, which skiff does not verify")]
    SignedMap {
        /// The map.
        path: String,
        /// The signature.
        signature: String,
    },
    /// The map that the user names leaves out what is there.
    #[error("{path}: the block map leaves out the data at byte {at}: the image has changed since the map was made")]
    StaleMap {
        /// The image.
        path: String,
        /// Where.
        at: u64,
    },
    /// The map is that of another image.
    #[error("{path} is the map of an image of {map} bytes, and the image has {image}")]
    OtherMap {
        /// The map.
        path: String,
        /// The size that it says.
        map: u64,
        /// The size of the image.
        image: u64,
    },
    /// There is nothing in it.
    #[error("{path} is empty")]
    Empty {
        /// Which.
        path: String,
    },
    /// The user wants to stop.
    #[error("cancelled; nothing was written")]
    Cancelled,
}
