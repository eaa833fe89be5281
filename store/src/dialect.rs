//! Everything that differs between PostgreSQL and SQLite.
//!
//! Statements are written in the PostgreSQL manner; [`Dialect::text`] turns one into what the engine at hand understands:
//!
//! | written | PostgreSQL | SQLite |
//! |---|---|---|
//! | `ROWS($1, id uuid, at time, …) AS r` | the rows of the JSON array `$1` by `json_to_recordset` | the same by `json_each` |
//! | … a column of kind `json` | a `jsonb`; JSON's null stays JSON's null and is no SQL NULL | the same, as text |
//! | `FOR UPDATE`, `FOR NO KEY UPDATE`, `OF x`, `SKIP LOCKED` | as written | nothing: there is one writer |
//! | `RETURNING calls.*` | as written: `*` alone would be the columns of `FROM` as well | `RETURNING *`, the columns of `calls` |
//! | `DB_NOW` | `clock_timestamp()` | milliseconds by `unixepoch` |
//! | `DB_AGO($1)` | `DB_NOW` less `$1` milliseconds | the same |
//! | `PASS_TOGETHER(k)`, `PASS_ALONE(k)` | advisory locks until the transaction ends, shared and exclusive, first come first served | `k`: there is one writer |
//! | `SORTING($1)` | `set_config('enable_sort', …)` for this transaction | `$1`: it takes the ordered index by itself |
//! | `TALKED_MS` | milliseconds from `c.answered_at` to `c.ended_at`, at least 0 | the same |
//! | `TRY_LOCK($1)` | `pg_try_advisory_xact_lock($1)` | true: there is one writer |

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, RwLock},
};

use sqlx::AssertSqlSafe;

/// One of the two engines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Dialect {
    Postgres,
    Sqlite,
}

type Cache = RwLock<HashMap<(Dialect, usize, usize), Arc<str>>>;
static CACHE: LazyLock<Cache> = LazyLock::new(Cache::default);

impl Dialect {
    /// The statement for this engine. Translated once per statement.
    pub(crate) fn text(self, sql: &'static str) -> AssertSqlSafe<Arc<str>> {
        let key = (self, sql.as_ptr() as usize, sql.len());
        if let Some(text) = CACHE.read().ok().and_then(|cache| cache.get(&key).cloned()) {
            return AssertSqlSafe(text);
        }
        let text: Arc<str> = self.translate(sql).into();
        if let Ok(mut cache) = CACHE.write() {
            cache.insert(key, text.clone());
        }
        AssertSqlSafe(text)
    }

    fn translate(self, sql: &str) -> String {
        let mut text = self.expand_rows(sql);
        let words: &[(&str, &str)] = match self {
            Self::Postgres => &[
                ("TRY_LOCK(", "pg_try_advisory_xact_lock("),
                ("PASS_TOGETHER(", "pg_advisory_xact_lock_shared("),
                ("SORTING($1)", "set_config('enable_sort', $1, true)"),
                ("PASS_ALONE(", "pg_advisory_xact_lock("),
                ("TALKED_MS", "greatest(0, round(extract(epoch FROM c.ended_at - c.answered_at) * 1000))"),
                ("DB_NOW", "clock_timestamp()"),
                ("DB_AGO($1)", "(clock_timestamp() - $1 * interval '1 millisecond')"),
            ],
            Self::Sqlite => &[
                (" FOR UPDATE OF c SKIP LOCKED", ""),
                (" FOR UPDATE OF c", ""),
                (" FOR UPDATE SKIP LOCKED", ""),
                (" FOR NO KEY UPDATE", ""),
                (" FOR UPDATE", ""),
                ("RETURNING calls.*", "RETURNING *"),
                ("PASS_TOGETHER(", "("),
                ("SORTING($1)", "$1"),
                ("PASS_ALONE(", "("),
                ("TRY_LOCK($1)", "($1 IS NOT NULL)"),
                ("TALKED_MS", "max(0, c.ended_at - c.answered_at)"),
                ("DB_NOW", "CAST(unixepoch('subsec') * 1000 AS INTEGER)"),
                ("DB_AGO($1)", "(CAST(unixepoch('subsec') * 1000 AS INTEGER) - $1)"),
            ],
        };
        for (written, meant) in words {
            text = text.replace(written, meant);
        }
        text
    }

    fn expand_rows(self, sql: &str) -> String {
        let Some((before, rest)) = sql.split_once("ROWS(") else { return sql.to_owned() };
        let Some((inside, after)) = rest.split_once(')') else { return sql.to_owned() };
        let mut parts = inside.split(',').map(str::trim);
        let param = parts.next().unwrap_or_default();
        let columns: Vec<(&str, &str)> = parts.filter_map(|part| part.split_once(' ')).collect();
        format!("{before}{}{}", self.rows(param, &columns), self.expand_rows(after))
    }

    fn rows(self, param: &str, columns: &[(&str, &str)]) -> String {
        let list = |f: &dyn Fn(&str, &str) -> String| {
            columns.iter().map(|(name, kind)| f(name, kind)).collect::<Vec<_>>().join(", ")
        };
        match self {
            Self::Postgres => {
                let select = list(&|name, kind| match kind {
                    "time" => format!("timestamptz 'epoch' + {name} * interval '1 millisecond' AS {name}"),
                    "json" => format!("coalesce({name}, 'null') AS {name}"),
                    _ => name.to_owned(),
                });
                let types = list(&|name, kind| match kind {
                    "time" | "int" => format!("{name} bigint"),
                    "json" => format!("{name} jsonb"),
                    _ => format!("{name} {kind}"),
                });
                format!("(SELECT {select} FROM json_to_recordset({param}::text::json) AS given({types}))")
            }
            Self::Sqlite => {
                let select = list(&|name, kind| match kind {
                    "uuid" => format!("unhex(value->>'{name}') AS {name}"),
                    "json" => format!("value->'{name}' AS {name}"),
                    _ => format!("value->>'{name}' AS {name}"),
                });
                format!("(SELECT {select} FROM json_each({param}))")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_text_becomes_two() {
        let sql = "UPDATE t SET at = r.at FROM ROWS($1, id uuid, at time) AS r WHERE t.id = r.id FOR UPDATE SKIP LOCKED";
        assert_eq!(
            &*Dialect::Postgres.text(sql).0,
            "UPDATE t SET at = r.at FROM (SELECT id, timestamptz 'epoch' + at * interval '1 millisecond' AS at FROM \
             json_to_recordset($1::text::json) AS given(id uuid, at bigint)) AS r WHERE t.id = r.id FOR UPDATE SKIP LOCKED"
        );
        assert_eq!(
            &*Dialect::Sqlite.text(sql).0,
            "UPDATE t SET at = r.at FROM (SELECT unhex(value->>'id') AS id, value->>'at' AS at FROM json_each($1)) AS r \
             WHERE t.id = r.id"
        );
    }
}
