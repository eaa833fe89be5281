//! The API from outside: requests in, answers out, over a real SQLite file.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test ends where something it relies on fails")]

mod accounts;
mod audit_log;
mod auth;
mod bodies;
mod bounds;
mod brakes;
mod callbacks;
mod caller_ids;
mod campaigns;
mod described;
mod document;
mod doors;
mod exports;
mod google;
mod imports;
mod keys;
mod leads;
mod lifecycle;
mod lists;
mod mails;
mod members;
mod message_callbacks;
mod message_trunks;
mod messages;
mod once;
mod operate;
mod quotas;
mod recipients;
mod recordings;
mod recurring;
mod resources;
mod rules;
mod samora;
mod samora_webhooks;
mod seats;
mod snapshots;
mod starts;
mod support;
mod tags;
mod uploads;
mod validation;
mod versions;
mod webhooks;
mod wire;
