//! The description of the API as it was agreed: `docs/openapi.json`.

use axum::{body::Body, http::Request};

use crate::support::World;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi.json");
/// Set it to any value to have the file written anew instead.
const RENEW: &str = "RENEW_OPENAPI";
const HOW: &str = "the API is not described as docs/openapi.json says. If clients can live with the change, renew the file with
    RENEW_OPENAPI=1 cargo test -p ringfleet-api --test api -- document
and commit it with the change; `git diff docs/openapi.json` shows all of it. The first lines that differ, the file's first:";

/// Where two texts part: the line's number, and the line in each.
fn first_difference(old: &str, new: &str) -> Option<String> {
    let (mut old, mut new) = (old.lines(), new.lines());
    (1..).find_map(|number| match (old.next(), new.next()) {
        (None, None) => Some(None),
        (old, new) if old == new => None,
        (old, new) => Some(Some(format!("line {number}\n  {}\n  {}", old.unwrap_or(""), new.unwrap_or("")))),
    })?
}

#[tokio::test]
async fn the_api_is_described_as_agreed() {
    let request = Request::get("/openapi.json").body(Body::empty()).unwrap();
    let mut document = World::new().await.send(request).await.body;
    document.sort_all_objects();
    let new = serde_json::to_string_pretty(&document).unwrap() + "\n";
    if std::env::var_os(RENEW).is_some() {
        return std::fs::write(FILE, new).unwrap();
    }
    let old = std::fs::read_to_string(FILE).unwrap_or_default();
    if let Some(difference) = first_difference(&old, &new) {
        panic!("{HOW} {difference}");
    }
}

#[test]
fn a_difference_is_found_wherever_it_is() {
    assert_eq!(first_difference("a\nb\n", "a\nb\n"), None);
    assert_eq!(first_difference("a\nb\n", "a\nc\n").unwrap(), "line 2\n  b\n  c");
    assert_eq!(first_difference("a\n", "a\nb\n").unwrap(), "line 2\n  \n  b");
    assert_eq!(first_difference("a\nb\n", "a\n").unwrap(), "line 2\n  b\n  ");
}
