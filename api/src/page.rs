//! Lists come in pages, newest first.

use std::{fmt::Display, str::FromStr};

use ringfleet_core::cursor::Cursor;
use ringfleet_store::Page;
use serde::Serialize;
use utoipa::ToSchema;

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
        page_of(self.limit, &mut rows, |last| id(last).to_string())
    }
}

fn page_of<R, V: From<R> + Serialize>(
    limit: u32,
    rows: &mut Vec<R>,
    cursor: impl Fn(&R) -> String,
) -> Reply<Vec<V>> {
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let next = rows.last().filter(|_| more).map(cursor);
    Reply::page(rows.drain(..).map(V::from).collect(), next)
}

/// `?limit=` and `?cursor=` of a list that is numbered: the cursor is the number of the last row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NumberPaging<T> {
    after: Option<T>,
    limit: u32,
}

impl<T: FromStr<Err: Display> + ToSchema> FromQuery for NumberPaging<T> {
    fn read(parameters: &mut Parameters) -> Result<Self> {
        let limit = parameters.whole("limit", 1, MAX_LIMIT, DEFAULT_LIMIT)?;
        Ok(Self { after: parameters.parse("cursor")?, limit })
    }
}

impl<T: Copy> NumberPaging<T> {
    /// The last row of the page before.
    pub(crate) fn after(&self) -> Option<T> {
        self.after
    }

    /// How many to ask the store for: one more than is shown tells whether another page follows.
    pub(crate) fn ask(&self) -> u32 {
        self.limit + 1
    }

    /// The page made of what the store gave.
    pub(crate) fn reply<R, V: From<R> + Serialize>(
        &self,
        mut rows: Vec<R>,
        number: fn(&R) -> String,
    ) -> Reply<Vec<V>> {
        page_of(self.limit, &mut rows, number)
    }
}
