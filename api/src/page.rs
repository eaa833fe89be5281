//! Lists come in pages, newest first.

use ringfleet_core::cursor::Cursor;
use ringfleet_store::Page;
use serde::Serialize;

use crate::{
    envelope::Reply,
    error::Result,
    query::{FromQuery, Parameters},
};

const DEFAULT_LIMIT: u32 = 50;
const MAX_LIMIT: u32 = 100;

/// `?limit=` and `?cursor=`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Paging {
    after: Option<Cursor>,
    limit: u32,
}

impl FromQuery for Paging {
    fn read(parameters: &mut Parameters) -> Result<Self> {
        let limit = parameters.whole("limit", 1, MAX_LIMIT, DEFAULT_LIMIT)?;
        Ok(Self { after: parameters.parse("cursor")?, limit })
    }
}

impl Paging {
    /// What to ask the store for: one row more than is shown tells whether another page follows.
    pub(crate) fn ask(self) -> Page {
        Page { after: self.after, limit: self.limit + 1 }
    }

    /// The page made of what the store gave.
    pub(crate) fn reply<R, V: From<R> + Serialize>(
        self,
        mut rows: Vec<R>,
        id: fn(&R) -> Cursor,
    ) -> Reply<Vec<V>> {
        let more = rows.len() > self.limit as usize;
        rows.truncate(self.limit as usize);
        let next = rows.last().filter(|_| more).map(|last| id(last).to_string());
        Reply::page(rows.into_iter().map(V::from).collect(), next)
    }
}
