//! Lists come in pages, the newest first unless the oldest are asked for.

use std::{fmt::Display, str::FromStr};

use ringfleet_core::cursor::Cursor;
use ringfleet_store::{Order, Page};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    envelope::Reply,
    error::{ApiError, Result},
    query::{FromQuery, Parameters},
};

const DEFAULT_LIMIT: u32 = 50;
const MAX_LIMIT: u32 = 100;

/// `?limit=`, `?cursor=`, `?sort=`, `?since=` and `?until=`: what all lists have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Paging(Page);

/// The ways a list can be sorted.
#[derive(ToSchema)]
enum Sort {
    #[serde(rename = "createdAt")]
    OldestFirst,
    #[serde(rename = "-createdAt")]
    NewestFirst,
}

impl FromStr for Sort {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "createdAt" => Ok(Self::OldestFirst),
            "-createdAt" => Ok(Self::NewestFirst),
            _ => Err("must be createdAt, the oldest first, or -createdAt, the newest first"),
        }
    }
}

/// `?sort=`, `?since=` and `?until=`.
pub(crate) fn bounds(parameters: &mut Parameters) -> Result<Page> {
    let order = match parameters.parse("sort")? {
        Some(Sort::OldestFirst) => Order::OldestFirst,
        Some(Sort::NewestFirst) | None => Order::NewestFirst,
    };
    let (since, until) = (parameters.moment("since")?, parameters.moment("until")?);
    if since.zip(until).is_some_and(|(since, until)| since > until) {
        return Err(ApiError::invalid("until", "must not be before since"));
    }
    Ok(Page { order, since, until, ..Page::default() })
}

impl FromQuery for Paging {
    fn read(parameters: &mut Parameters) -> Result<Self> {
        let limit = parameters.whole("limit", 1, MAX_LIMIT, DEFAULT_LIMIT)?;
        Ok(Self(Page { after: parameters.parse("cursor")?, limit, ..bounds(parameters)? }))
    }
}

impl Paging {
    /// What to ask the store for: one row more than is shown tells whether another page follows.
    pub(crate) fn ask(self) -> Page {
        Page { limit: self.0.limit + 1, ..self.0 }
    }

    /// The page made of what the store gave.
    pub(crate) fn reply<R, V: From<R> + Serialize>(
        self,
        mut rows: Vec<R>,
        id: fn(&R) -> Cursor,
    ) -> Reply<Vec<V>> {
        let next = self.cut(&mut rows, id);
        Reply::page(rows.into_iter().map(V::from).collect(), next.map(|next| next.to_string()))
    }

    /// The same where not all rows were looked at: the list goes on behind the last one that was, `looked_at`.
    pub(crate) fn reply_so_far<R, V: From<R> + Serialize>(
        self,
        mut rows: Vec<R>,
        id: fn(&R) -> Cursor,
        looked_at: Option<Cursor>,
    ) -> Reply<Vec<V>> {
        let next = self.cut(&mut rows, id).or(looked_at);
        Reply::page(rows.into_iter().map(V::from).collect(), next.map(|next| next.to_string()))
    }

    /// Whether these are fewer rows than were asked for.
    pub(crate) fn is_short<R>(self, rows: &[R]) -> bool {
        rows.len() <= self.0.limit as usize
    }

    /// Leaves the rows of the page; gives the last one if others follow.
    fn cut<R>(self, rows: &mut Vec<R>, id: fn(&R) -> Cursor) -> Option<Cursor> {
        let more = rows.len() > self.0.limit as usize;
        rows.truncate(self.0.limit as usize);
        rows.last().filter(|_| more).map(id)
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
