//! Blobs as they lie in the store: compressed, and checked when they are read.

use std::cell::RefCell;
use std::io;

use zstd::bulk::{Compressor, Decompressor};

use crate::digest::Digest;

/// The level beyond it takes more than twice the work for an eighth less.
const LEVEL: i32 = 3;

/// What most artifacts say, and how often each byte comes in them; a blob is compressed as if it came after this. Artifacts of 7 KB
/// take a third less. `scripts/dictionary` makes it of `manifests.yaml`.
///
/// Another one is another packing, and needs another version of the tables.
const BEFORE: &[u8] = include_bytes!("manifests.dictionary");

/// Larger blobs are not kept, in bytes. What claims to be larger is damaged.
pub(crate) const LARGEST: usize = 1 << 29;

/// A compressed blob.
pub(crate) struct Packed {
    /// Bytes of the blob itself.
    pub(crate) size: usize,
    /// The blob, compressed.
    pub(crate) data: Vec<u8>,
}

/// None for a blob that is too large to be kept.
pub(crate) fn pack(bytes: &[u8]) -> Option<Packed> {
    if bytes.len() > LARGEST {
        return None;
    }
    let data = compress(bytes).ok()?;
    Some(Packed { size: bytes.len(), data })
}

thread_local! {
    /// Its tables cost more to make than a small blob to compress.
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
}

fn compress(bytes: &[u8]) -> io::Result<Vec<u8>> {
    COMPRESSOR.with_borrow_mut(|compressor| match compressor {
        Some(compressor) => compressor.compress(bytes),
        none => none.insert(Compressor::with_dictionary(LEVEL, BEFORE)?).compress(bytes),
    })
}

/// The blob, if these bytes are it: none where anything is odd.
///
/// The size in the frame must be the one that was recorded before any memory is taken, so damage cannot make a
/// few bytes into gigabytes.
pub(crate) fn unpack(data: &[u8], size: u64, digest: &Digest) -> Option<Vec<u8>> {
    let size = usize::try_from(size).ok().filter(|size| *size <= LARGEST)?;
    let in_frame = zstd::zstd_safe::get_frame_content_size(data).ok()??;
    if in_frame != size as u64 {
        return None;
    }
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(size).ok()?;
    let written = decompress(data, &mut bytes).ok()?;
    (written == size && Digest::of(&bytes) == *digest).then_some(bytes)
}

thread_local! {
    /// Its memory costs more to get than a small blob to decompress.
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

/// Fills the capacity of `bytes`, and says how much that was.
fn decompress(data: &[u8], bytes: &mut Vec<u8>) -> io::Result<usize> {
    DECOMPRESSOR.with_borrow_mut(|decompressor| match decompressor {
        Some(decompressor) => decompressor.decompress_to_buffer(data, bytes),
        none => none.insert(Decompressor::with_dictionary(BEFORE)?).decompress_to_buffer(data, bytes),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pack(bytes: &[u8]) -> Packed {
        super::pack(bytes).expect("a blob of this size is kept")
    }

    #[test]
    fn a_blob_comes_back() {
        for bytes in [&b""[..], b"a", &[7; 100_000]] {
            let packed = pack(bytes);
            assert_eq!(unpack(&packed.data, packed.size as u64, &Digest::of(bytes)).as_deref(), Some(bytes));
        }
    }

    #[test]
    fn damage_is_none() {
        let bytes = "name: demo\nreplicas: 3\n".repeat(50).into_bytes();
        let digest = Digest::of(&bytes);
        let packed = pack(&bytes);
        for at in 0..packed.data.len() * 8 {
            let mut data = packed.data.clone();
            data[at / 8] ^= 1 << (at % 8);
            // A bit that says nothing (the frame has some) may be lost: what counts is what comes out.
            let read = unpack(&data, packed.size as u64, &digest);
            assert!(read.is_none_or(|read| read == bytes));
        }
        for length in 0..packed.data.len() {
            assert_eq!(unpack(&packed.data[..length], packed.size as u64, &digest), None);
        }
        for size in [0, packed.size as u64 - 1, packed.size as u64 + 1, u64::MAX] {
            assert_eq!(unpack(&packed.data, size, &digest), None);
        }
    }
}
