use std::io;
use std::io::Read;

/// Reads through a decompressor, chosen by the ending that distributions give compressed files.
pub(crate) fn decompress<'r>(ending: &str, reader: impl Read + 'r) -> io::Result<Box<dyn Read + 'r>> {
    Ok(match ending {
        "" => Box::new(reader),
        "xz" => Box::new(liblzma::read::XzDecoder::new(reader)),
        "gz" => Box::new(flate2::read::GzDecoder::new(reader)),
        "zst" => Box::new(zstd::Decoder::new(reader)?),
        other => return Err(io::Error::new(io::ErrorKind::Unsupported, format!("unknown compression `{other}`"))),
    })
}
