//! Konfig.
