//! The harness of the system tests, tested: a server that does not stop or a counter that lies would spoil every test
//! that trusts it.

#[cfg(test)]
mod peer;
#[cfg(test)]
mod servers;
#[cfg(test)]
#[path = "../support/mod.rs"]
mod support;
