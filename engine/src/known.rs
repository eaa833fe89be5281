//! What is known of the numbers that are about to be called: on which lists they stand, and when they were called before.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use ringfleet_core::{
    Channel,
    caps::{History, Stamp},
};
use ringfleet_store::{Address, Beginning, Call, Contact, Tx};
use uuid::Uuid;

use crate::Result;

#[derive(Default)]
pub(crate) struct Known {
    suppressed: HashSet<Address>,
    calls: HashMap<Address, History>,
    changed: HashSet<Address>,
}

/// Whom a call is to.
pub(crate) fn address(call: &Call) -> Address {
    Address { workspace: call.workspace_id.uuid(), number: call.number.digits() }
}

fn stamp(call: &Call, now: DateTime<Utc>) -> Stamp {
    let campaign = call.campaign_id.map(|campaign| campaign.uuid());
    Stamp { call: call.id.uuid(), campaign, at: now.timestamp_millis() }
}

impl Known {
    /// Looks only. Caps are for calls: the history of numbers is read for these alone.
    pub(crate) async fn read(
        tx: &mut Tx,
        addresses: &[Address],
        channel: Channel,
        now: DateTime<Utc>,
    ) -> Result<Self> {
        let mut known = Self::default();
        known.suppressed.extend(tx.suppressed(addresses, channel, now).await?);
        if channel == Channel::Voice {
            known.take(tx.contacts(addresses).await?);
        }
        Ok(known)
    }

    /// Holds the numbers of calls that are about to begin. A number that nobody has called yet is held by noting its first call, which
    /// costs one statement for all of them: see [`Known::forget`].
    pub(crate) async fn hold(tx: &mut Tx, waiting: &[Beginning], now: DateTime<Utc>) -> Result<Self> {
        let mut known = Self::default();
        for &channel in Channel::ALL {
            let of_channel = waiting.iter().filter(|b| b.call.channel == channel);
            let addresses: Vec<Address> = of_channel.map(|b| address(&b.call)).collect();
            if !addresses.is_empty() {
                known.suppressed.extend(tx.suppressed(&addresses, channel, now).await?);
            }
        }
        let mut first: HashMap<Address, Stamp> = HashMap::new();
        for beginning in waiting.iter().filter(|b| b.call.channel == Channel::Voice) {
            first.entry(address(&beginning.call)).or_insert_with(|| stamp(&beginning.call, now));
        }
        while !first.is_empty() {
            let all: Vec<(Address, Stamp)> =
                first.iter().map(|(address, stamp)| (*address, *stamp)).collect();
            for address in tx.insert_contacts(&all).await? {
                let mut calls = History::default();
                first.remove(&address).into_iter().for_each(|stamp| calls.note(stamp));
                known.calls.insert(address, calls);
            }
            let others: Vec<Address> = first.keys().copied().collect();
            known.take(tx.hold_contacts(&others).await?);
            // One that was forgotten just then, for it was old, is noted anew.
            first.retain(|address, _| !known.calls.contains_key(address));
        }
        Ok(known)
    }

    fn take(&mut self, contacts: Vec<Contact>) {
        self.calls.extend(contacts.into_iter().map(|contact| (contact.address(), contact.calls)));
    }

    pub(crate) fn is_suppressed(&self, address: Address) -> bool {
        self.suppressed.contains(&address)
    }

    pub(crate) fn history(&self, address: Address) -> Option<&History> {
        self.calls.get(&address)
    }

    /// The call begins.
    pub(crate) fn note(&mut self, call: &Call, now: DateTime<Utc>) {
        let calls = self.calls.entry(address(call)).or_default();
        let before = calls.clone();
        calls.note(stamp(call, now));
        if *calls != before {
            self.changed.insert(address(call));
        }
    }

    /// The call does not begin.
    pub(crate) fn forget(&mut self, call: &Call) {
        self.forget_call(address(call), call.id.uuid());
    }

    fn forget_call(&mut self, address: Address, call: Uuid) {
        if self.calls.get_mut(&address).is_some_and(|calls| calls.forget(call)) {
            self.changed.insert(address);
        }
    }

    /// Keeps what has changed.
    pub(crate) async fn write(mut self, tx: &mut Tx) -> Result<()> {
        let changed = self.changed.iter().filter_map(|a| Some((*a, self.calls.remove(a)?)));
        Ok(tx.set_contacts(&changed.collect::<Vec<_>>()).await?)
    }
}

/// Calls that reached nobody's phone after all do not count under any cap.
pub(crate) async fn forget_calls(tx: &mut Tx, calls: &[(Address, Uuid)]) -> Result<()> {
    let addresses: HashSet<Address> = calls.iter().map(|(address, _)| *address).collect();
    let mut known = Known::default();
    known.take(tx.hold_contacts(&addresses.into_iter().collect::<Vec<_>>()).await?);
    calls.iter().for_each(|&(address, call)| known.forget_call(address, call));
    known.write(tx).await
}
