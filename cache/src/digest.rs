//! Digests: names of bytes.

use std::fmt;
use std::str::FromStr;

/// Separates digests of parts from digests of plain bytes. Another text gives other digests everywhere.
const CONTEXT: &str = "konfig 2026 sequence of parts";

/// The BLAKE3 digest of some bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

/// The beginning of a digest: 96 bits still tell all blobs of a store apart.
pub type Short = [u8; 12];

impl Digest {
    /// The digest of these bytes, at about 3 GB/s.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }

    /// A digest that was taken apart with [`Digest::as_bytes`].
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its beginning, for lists of digests, which cannot be packed.
    #[must_use]
    pub fn short(&self) -> Short {
        let mut short = Short::default();
        short.iter_mut().zip(self.0).for_each(|(byte, whole)| *byte = whole);
        short
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// 64 digits, in lower case.
impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&blake3::Hash::from_bytes(self.0).to_hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is no digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParseDigestError;

impl fmt::Display for ParseDigestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a digest has 64 digits from `0` to `f`")
    }
}

impl std::error::Error for ParseDigestError {}

impl FromStr for Digest {
    type Err = ParseDigestError;

    fn from_str(text: &str) -> Result<Self, ParseDigestError> {
        let hash = blake3::Hash::from_hex(text).map_err(|_| ParseDigestError)?;
        Ok(Self(*hash.as_bytes()))
    }
}

/// The digest of a sequence of parts.
///
/// Each part is fed with its kind and its length, so two sequences that differ in any way, if only in where one
/// part ends and the next begins, have different digests. No sequence has the digest of plain bytes.
#[derive(Clone)]
pub struct DigestBuilder(blake3::Hasher);

impl Default for DigestBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl DigestBuilder {
    /// No parts so far.
    #[must_use]
    pub fn new() -> Self {
        Self(blake3::Hasher::new_derive_key(CONTEXT))
    }

    /// Adds a text.
    pub fn text(&mut self, text: &str) -> &mut Self {
        self.part(b't', text.as_bytes())
    }

    /// Adds bytes. They differ from a text of the same bytes.
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.part(b'b', bytes)
    }

    /// Adds a number.
    pub fn number(&mut self, number: u64) -> &mut Self {
        self.part(b'n', &number.to_le_bytes())
    }

    /// Adds a digest.
    pub fn digest(&mut self, digest: &Digest) -> &mut Self {
        self.part(b'd', digest.as_bytes())
    }

    /// The digest of the parts so far. More may follow.
    #[must_use]
    pub fn finish(&self) -> Digest {
        Digest(*self.0.finalize().as_bytes())
    }

    fn part(&mut self, kind: u8, bytes: &[u8]) -> &mut Self {
        let mut head = [kind; 9];
        head[1..].copy_from_slice(&(bytes.len() as u64).to_le_bytes());
        self.0.update(&head).update(bytes);
        self
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_digest_survives_being_written() {
        let digest = Digest::of(b"a: 1\n");
        assert_eq!(digest.to_string().len(), 64);
        assert_eq!(digest.to_string().parse(), Ok(digest));
        assert_eq!(Digest::from_bytes(*digest.as_bytes()), digest);
        assert_eq!("xyz".parse::<Digest>(), Err(ParseDigestError));
        assert_eq!("é".repeat(32).parse::<Digest>(), Err(ParseDigestError));
    }

    /// Stores on disk, and those that machines share, depend on these.
    #[test]
    fn digests_never_change() {
        assert_eq!(
            Digest::of(b"").to_string(),
            "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"
        );
        let parts = DigestBuilder::new().text("a").bytes(b"b").number(3).digest(&Digest::of(b"")).finish();
        assert_eq!(parts.to_string(), "c12dcd38fc06185c3dca1d49e87332e96a37d4eafe7fa54d090363ea46ede6aa");
    }

    #[test]
    fn sequences_that_differ_have_different_digests() {
        let digest = Digest::of(b"x");
        let new = DigestBuilder::new;
        let all = [
            new().finish(),
            new().text("").finish(),
            new().bytes(b"").finish(),
            new().text("").text("").finish(),
            new().text("ab").finish(),
            new().text("a").text("b").finish(),
            new().text("").text("ab").finish(),
            new().bytes(b"ab").finish(),
            new().number(1).finish(),
            new().bytes(&1_u64.to_le_bytes()).finish(),
            new().digest(&digest).finish(),
            new().bytes(digest.as_bytes()).finish(),
            digest,
            Digest::of(b""),
        ];
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
    }
}
