//! The content-addressed store of artifacts and traces. It is empty so far: every build is one from nothing.
//!
//! What will live here knows bytes and digests, and nothing of KCL.
