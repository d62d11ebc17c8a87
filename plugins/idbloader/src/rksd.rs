//! The form in which Rockchip's boot ROM wants a boot loader on an SD card, as U-Boot's `mkimage -T rksd` writes it: an
//! encrypted block of 512 bytes that says how long it is, and at 2048 bytes the boot loader itself, whose first four bytes
//! are the tag of the processor.

use skiff_sdk::Failure;
use skiff_sdk::FailureCode;
use skiff_sdk::Result;

/// Bytes of a block.
const BLOCK: usize = 512;

/// What the boot loader is padded to, in bytes, and where it starts.
const ALIGN: usize = 2048;

/// Blocks that the stage behind may have: 512 KiB.
const BOOT_BLOCKS: u16 = 1024;

/// What the first block starts with.
const MAGIC: u32 = 0x0ff0_aa55;

/// The key with which every Rockchip boot ROM reads the first block.
const KEY: [u8; 16] = [124, 78, 3, 4, 85, 5, 9, 7, 45, 44, 123, 56, 23, 13, 23, 17];

/// Wraps a boot loader.
///
/// # Errors
/// When the tag has not four characters, or the boot loader is empty or too long.
pub(crate) fn image(tag: &str, loader: &[u8]) -> Result<Vec<u8>> {
    let invalid = |message: &str| Failure::new(FailureCode::Invalid, message);
    let tag: [u8; 4] = tag.as_bytes().try_into().map_err(|_| invalid("the tag has four characters, such as RK32"))?;
    let Some(rest) = loader.get(4..) else { return Err(invalid("the boot loader has less than four bytes")) };
    let padded = loader.len().next_multiple_of(ALIGN);
    let blocks = u16::try_from(padded / BLOCK).ok().filter(|blocks| *blocks < u16::MAX - BOOT_BLOCKS);
    let blocks = blocks.ok_or_else(|| invalid("the boot loader is longer than the boot ROM can load"))?;
    let mut image = first_block(blocks).to_vec();
    image.resize(ALIGN, 0);
    image.extend(tag);
    image.extend(rest);
    image.resize(ALIGN + padded, 0);
    Ok(image)
}

/// Says how many blocks there are, encrypted.
fn first_block(blocks: u16) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    let mut put = |at: usize, bytes: &[u8]| {
        for (byte, value) in block.iter_mut().skip(at).zip(bytes) {
            *byte = *value;
        }
    };
    put(0, &MAGIC.to_le_bytes());
    // The boot loader itself is not encrypted.
    put(8, &1_u32.to_le_bytes());
    // Where it starts, in blocks.
    put(12, &4_u16.to_le_bytes());
    put(506, &blocks.to_le_bytes());
    put(508, &(blocks + BOOT_BLOCKS).to_le_bytes());
    rc4(&mut block);
    block
}

/// Encrypts with RC4, for which there is no reason but that the boot ROM expects it.
fn rc4(data: &mut [u8]) {
    let mut state: [u8; 256] = std::array::from_fn(|at| u8::try_from(at).unwrap_or(u8::MAX));
    let get = |state: &[u8; 256], at: u8| state.get(usize::from(at)).copied().unwrap_or_default();
    let mut j = 0_u8;
    for (i, key) in (0..=u8::MAX).zip(KEY.iter().cycle()) {
        j = j.wrapping_add(get(&state, i)).wrapping_add(*key);
        state.swap(usize::from(i), usize::from(j));
    }
    let (mut i, mut j) = (0_u8, 0_u8);
    for byte in data {
        i = i.wrapping_add(1);
        j = j.wrapping_add(get(&state, i));
        state.swap(usize::from(i), usize::from(j));
        *byte ^= get(&state, get(&state, i).wrapping_add(get(&state, j)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_block_says_how_long_it_is() {
        let mut image = image("RK32", &[9; 5000]).unwrap();
        assert_eq!(image.len(), 2048 + 6144);
        assert_eq!((&image[2048..2052], image[2052], image[2048 + 5000]), (&b"RK32"[..], 9, 0));
        // Encrypting once more decrypts.
        rc4(&mut image[..BLOCK]);
        assert_eq!(image[..4], MAGIC.to_le_bytes());
        assert_eq!((image[506], image[507], image[508], image[509]), (12, 0, 0x0c, 4));
    }

    #[test]
    fn what_cannot_be_is_refused() {
        assert!(super::image("RK3328", &[0; 10]).is_err());
        assert!(super::image("RK32", &[]).is_err());
        assert!(super::image("RK32", &vec![0; 64 << 20]).is_err());
    }
}
