use std::path::Path;

use super::Chosen;
use super::MediumError;

/// Removes the block maps of an image that is about to change: they say what it held when it was made, and whoever wrote by
/// them would ruin a medium. The image may be behind a link or a loop device.
pub fn forget_maps(chosen: &Chosen) -> Result<(), MediumError> {
    let backing = match chosen {
        Chosen::File { path, .. } => Some(path.clone()),
        Chosen::Device(cleared) => skiff_flash::backing_file(Path::new(super::MACHINE), cleared.device()),
    };
    let Some(path) = backing else { return Ok(()) };
    let size = std::fs::metadata(&path).map(|metadata| metadata.len()).unwrap_or_default();
    // Maps lie beside a link, or beside what it leads to.
    let real = path.canonicalize().ok().filter(|real| *real != path);
    let maps = std::iter::once(path).chain(real).flat_map(|path| skiff_flash::maps_of(&path));
    // Another file may have such a name: a map of another image, or none.
    for map in maps.filter(|map| skiff_flash::is_map_for(map, size)) {
        match std::fs::remove_file(&map) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(MediumError::Map(error));
            }
            _ => {}
        }
    }
    Ok(())
}
