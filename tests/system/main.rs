//! The whole system from outside: the binary's own doors (HTTP, SIP, signals), real PostgreSQL, Redis, sipp and webhook
//! receiver, on both pairs of backends.

#[cfg(test)]
mod backup;
#[cfg(test)]
mod bench;
// Its longest test mostly waits; named so, it runs first, beside the others.
#[cfg(test)]
mod brake;
#[cfg(test)]
mod broken_upload;
#[cfg(test)]
mod caller_ids;
#[cfg(test)]
mod campaign_cli;
mod cascade;
mod cascade_trouble;
#[cfg(test)]
mod command_line;
#[cfg(test)]
mod configuration;
#[cfg(test)]
mod conversation;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod database;
#[cfg(test)]
mod deliveries;
#[cfg(test)]
mod doctor;
#[cfg(test)]
mod doors;
#[cfg(test)]
mod drain;
#[cfg(test)]
mod erasure;
#[cfg(test)]
mod fair;
#[cfg(test)]
mod fleet;
#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod greeting;
#[cfg(test)]
mod halt;
#[cfg(test)]
mod lifecycle;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod list;
#[cfg(test)]
mod livekit;
#[cfg(test)]
mod log_level;
#[cfg(test)]
mod metrics;
#[cfg(test)]
mod once;
#[cfg(test)]
mod operator;
#[cfg(test)]
mod outage;
#[cfg(test)]
mod recordings;
#[cfg(test)]
mod relay;
#[cfg(test)]
mod rolling;
#[cfg(test)]
mod said;
#[cfg(test)]
mod samora;
#[cfg(test)]
mod seats;
#[cfg(test)]
#[path = "../support/mod.rs"]
mod support;
#[cfg(test)]
mod telnyx;
#[cfg(test)]
mod traces;
#[cfg(test)]
mod transfers;
#[cfg(test)]
mod trunk;
#[cfg(test)]
mod trunk_groups;
#[cfg(test)]
mod twilio;
#[cfg(test)]
mod voice_agent;
#[cfg(test)]
mod webhooks;
#[cfg(test)]
mod witness;
