use ringfleet_core::{
    E164,
    caps::{History, Stamp},
};
use serde::Serialize;
use uuid::Uuid;

use crate::{
    Address, Result, Tx,
    record::record,
    rows::{self, hex},
    tx::{all, exec, on},
};

record! {
    /// The calls of the last days to one number of a workspace.
    pub struct Contact {
        /// Whose.
        pub workspace_id: Uuid,
        /// Which number.
        pub number: E164,
        /// The calls.
        pub calls: History,
    }
}

impl Contact {
    /// The number and whose it is.
    pub fn address(&self) -> Address {
        Address { workspace: self.workspace_id, number: self.number.digits() }
    }
}

#[derive(Serialize)]
struct Row<'a> {
    #[serde(serialize_with = "hex")]
    workspace: Uuid,
    number: u64,
    calls: &'a History,
}

fn row<'a>((address, calls): &'a (Address, History)) -> Row<'a> {
    Row { workspace: address.workspace, number: address.number, calls }
}

impl Tx {
    /// What is known of calls to these numbers, without holding it.
    pub async fn contacts(&mut self, addresses: &[Address]) -> Result<Vec<Contact>> {
        all!(
            self,
            Contact,
            "SELECT c.* FROM ROWS($1, workspace uuid, number int) AS r
             JOIN contacts c ON c.workspace_id = r.workspace AND c.number = r.number",
            rows::rows(addresses)?
        )
    }

    /// Notes first calls: of the given numbers, those that nobody has called yet get their history, and are given back. Of all
    /// others nothing is written; hold them with [`Tx::hold_contacts`]. Each number may be given once.
    pub async fn insert_contacts(&mut self, new: &[(Address, Stamp)]) -> Result<Vec<Address>> {
        record! {
            pub struct Added {
                pub workspace_id: Uuid,
                pub number: E164,
            }
        }
        let fresh: Vec<(Address, History)> = new
            .iter()
            .map(|&(address, stamp)| {
                let mut calls = History::default();
                calls.note(stamp);
                (address, calls)
            })
            .collect();
        let added = all!(
            self,
            Added,
            "INSERT INTO contacts (workspace_id, number, calls)
             SELECT r.workspace, r.number, r.calls FROM ROWS($1, workspace uuid, number int, calls json) AS r
             WHERE true ORDER BY r.workspace, r.number
             ON CONFLICT (workspace_id, number) DO NOTHING RETURNING workspace_id, number",
            rows::rows(fresh.iter().map(row))?
        )?;
        Ok(added
            .into_iter()
            .map(|a| Address { workspace: a.workspace_id, number: a.number.digits() })
            .collect())
    }

    /// What is known of calls to these numbers, held until this transaction ends.
    pub async fn hold_contacts(&mut self, addresses: &[Address]) -> Result<Vec<Contact>> {
        if addresses.is_empty() {
            return Ok(Vec::new());
        }
        all!(
            self,
            Contact,
            "SELECT c.* FROM contacts c JOIN ROWS($1, workspace uuid, number int) AS r
                ON c.workspace_id = r.workspace AND c.number = r.number
             ORDER BY c.workspace_id, c.number FOR UPDATE OF c",
            rows::rows(addresses)?
        )
    }

    /// Replaces what is known of calls to these numbers. Hold them first.
    pub async fn set_contacts(&mut self, contacts: &[(Address, History)]) -> Result<()> {
        if contacts.is_empty() {
            return Ok(());
        }
        exec!(
            self,
            "UPDATE contacts SET calls = r.calls FROM ROWS($1, workspace uuid, number int, calls json) AS r
             WHERE contacts.workspace_id = r.workspace AND contacts.number = r.number",
            rows::rows(contacts.iter().map(row))?
        )?;
        Ok(())
    }
}
