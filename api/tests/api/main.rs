//! The API from outside: requests in, answers out, over a real SQLite file.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test ends where something it relies on fails")]

mod auth;
mod bodies;
mod brakes;
mod campaigns;
mod imports;
mod lists;
mod recipients;
mod resources;
mod snapshots;
mod support;
mod validation;
mod wire;
