//! The local store of what builds made and asked: blobs under the digests of their bytes, and records under keys.
//!
//! It knows digests, bytes and keys, and nothing of KCL, stacks or git. It reads no clock and prints nothing.
//!
//! What holds:
//!
//! - What comes out was put in. A blob is checked against its digest, a record against its checksum; what fails is
//!   a miss and goes away.
//! - A store that cannot be trusted or opened is no error. It is made anew, or reads only, or does nothing at all,
//!   and a [`Notice`] says so.
//! - A process that is killed at any instant leaves a store that the next one can use.
//! - Whoever reads waits for nobody. Writers wait for one another, for a bounded time.
//!
//! Deliberately absent: references between entries. A record that names a blob which has gone is the caller's
//! miss, so entries can be thrown away in any order.

mod batch;
mod beside;
mod collect;
mod commit;
mod connection;
mod digest;
mod doomed;
mod error;
mod folder;
mod notice;
mod open;
mod packed;
mod readers;
mod record;
mod schema;
pub mod snapshot;
mod stats;
mod store;
mod verify;

pub use batch::Batch;
pub use beside::beside;
pub use collect::Collected;
pub use digest::{Digest, DigestBuilder, ParseDigestError, Short};
pub use error::StoreError;
pub use folder::make as prepare;
pub use notice::{Notice, Why};
pub use stats::Stats;
pub use store::{DEFAULT_LIMIT, Store};
pub use verify::Verified;
