//! CSV import through the engine's door: files as people and spreadsheets make them, uploads that break, and several at once.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod files;
mod headers;
mod progress;
mod trouble;
mod uploads;
mod world;
