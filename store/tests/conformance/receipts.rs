//! Keys of requests, and the audit log.

use chrono::TimeDelta;
use ringfleet_core::{ActorKind, AuditId, WorkspaceId, seal::SealError};
use ringfleet_store::{AuditEntry, AuditFilter, Order, Page, RequestKey, Result, Tx};
use serde_json::json;

use crate::support::{Db, all, at, keys};

async fn workspace(db: &Db, name: &str) -> WorkspaceId {
    db.write(async |tx| tx.workspace_named(name, at(0)).await).await.id
}

fn key(workspace: WorkspaceId, token: i64) -> RequestKey {
    RequestKey { workspace, key: "k".into(), token: AuditId::first_at(at(token)).uuid() }
}

/// A claim that runs out after a minute, or has run out.
async fn claim(tx: &mut Tx, key: &RequestKey, runs_out: bool) -> Result<bool> {
    let lease = if runs_out { -60_000 } else { 60_000 };
    tx.claim_request_key(key, b"target", Some(b"whole"), lease, at(0), at(10)).await
}

pub async fn a_request_is_claimed_by_one(db: Db) {
    let own = workspace(&db, "own").await;
    let (first, second) = (key(own, 1), key(own, 2));
    db.write(async |tx| {
        assert!(claim(tx, &first, false).await?);
        assert!(!claim(tx, &second, false).await?);
        let kept = tx.request_key(own, "k", 0).await?.unwrap();
        assert_eq!(
            (kept.target.as_slice(), kept.fingerprint.as_deref()),
            (&b"target"[..], Some(&b"whole"[..]))
        );
        assert_eq!((kept.status, kept.answer, kept.is_settled), (None, None, false));
        assert!(tx.renew_request_key(&first).await? && !tx.renew_request_key(&second).await?);
        assert!(!tx.finish_request_key(&second, b"w", 200, &json!([]), b"x").await?, "it is not its own");
        tx.release_request_key(&second).await?;
        assert!(tx.request_key(own, "k", 0).await?.is_some());
        // Another workspace's key of the same name is another one.
        let other = workspace_in(tx, "other").await?;
        assert!(claim(tx, &key(other, 3), false).await?);
        tx.release_request_key(&first).await?;
        assert!(
            tx.request_key(own, "k", 0).await?.is_none() && tx.request_key(other, "k", 0).await?.is_some()
        );
        assert!(claim(tx, &second, false).await?);
        Ok(())
    })
    .await;
}

async fn workspace_in(tx: &mut Tx, name: &str) -> Result<WorkspaceId> {
    Ok(tx.workspace_named(name, at(0)).await?.id)
}

pub async fn a_claim_that_ran_out_is_taken_over_and_an_answer_is_not(db: Db) {
    let own = workspace(&db, "own").await;
    let (first, second) = (key(own, 1), key(own, 2));
    let headers = json!([["content-type", "application/json"]]);
    let body = b"{\"odd\": \"\\u0000\"}\0\xff";
    db.write(async |tx| {
        assert!(claim(tx, &first, false).await? && claim(tx, &second, true).await?);
        assert!(!tx.finish_request_key(&first, b"w", 200, &headers, body).await?, "too late");
        assert!(tx.finish_request_key(&second, b"w", 201, &headers, body).await?);
        assert!(!claim(tx, &first, true).await?, "an answer does not run out with the claim");
        tx.release_request_key(&second).await?;
        let kept = tx.request_key(own, "k", 60_000).await?.unwrap();
        assert_eq!((kept.status, kept.headers), (Some(201), Some(headers)));
        let sealed = kept.answer.unwrap();
        assert!(!sealed.windows(5).any(|part| part == b"\"odd\""), "what is made may have a secret in it");
        assert_eq!(db.store.open_answer(own, "k", &sealed).unwrap(), body);
        assert_eq!(
            db.store.open_answer(own, "l", &sealed),
            Err(SealError::Damaged),
            "it is bound to its key"
        );
        let stranger = db.place.open().await.with_keys(keys(&[8]));
        assert_eq!(stranger.open_answer(own, "k", &sealed), Err(SealError::UnknownKey));
        assert_eq!(stranger.open_answer(own, "k", b"{}").unwrap(), b"{}", "from before there was a key");
        assert_eq!((kept.fingerprint, kept.is_settled), (Some(b"w".to_vec()), false));
        assert!(tx.request_key(own, "k", -60_000).await?.unwrap().is_settled);
        // A day later it is another request.
        assert!(tx.claim_request_key(&first, b"t", None, 60_000, at(11), at(20)).await?);
        let kept = tx.request_key(own, "k", 0).await?.unwrap();
        assert_eq!((kept.status, kept.headers, kept.answer, kept.fingerprint), (None, None, None, None));
        Ok(())
    })
    .await;
}

pub async fn old_requests_are_forgotten_in_portions(db: Db) {
    let own = workspace(&db, "own").await;
    db.write(async |tx| {
        for n in 0..5 {
            let key = RequestKey { key: format!("k{n}"), ..key(own, n) };
            assert!(tx.claim_request_key(&key, b"t", None, 0, at(0), at(n)).await?);
        }
        assert_eq!(tx.forget_request_keys(at(3), 2).await?, 2);
        assert_eq!(tx.forget_request_keys(at(3), 2).await?, 1);
        assert_eq!(tx.forget_request_keys(at(3), 2).await?, 0);
        assert!(
            tx.request_key(own, "k2", 0).await?.is_none() && tx.request_key(own, "k3", 0).await?.is_some()
        );
        Ok(())
    })
    .await;
}

pub async fn changes_are_listed_and_narrowed(db: Db) {
    let (own, other) = (workspace(&db, "own").await, workspace(&db, "other").await);
    let entry = |n: i64, actor: &str, action: &str, target: Option<&str>| AuditEntry {
        id: AuditId::new(at(n)),
        at: at(n),
        actor_kind: ActorKind::Key,
        actor_id: actor.into(),
        actor_name: format!("name of {actor}"),
        action: action.into(),
        target_kind: target.map(|_| "campaign".into()),
        target_id: target.map(str::to_owned),
        request_id: Some("req".into()),
        detail: json!({"n": n}),
    };
    let entries = [
        entry(0, "a", "campaign.create", Some("one")),
        entry(1, "a", "campaign.start", Some("one")),
        entry(2, "b", "campaign.start", Some("two")),
        entry(3, "b", "suppression.import", None),
    ];
    db.write(async |tx| {
        for entry in entries.iter().chain(&entries) {
            tx.insert_audit_entry(own, entry).await?; // twice, as after a lost answer
        }
        tx.insert_audit_entry(other, &entry(1, "a", "campaign.start", Some("one"))).await
    })
    .await;
    let list_page = async |filter: AuditFilter, page: Page| {
        let found = db.read(async |tx| tx.audit_entries(own, &filter, page).await).await;
        found.into_iter().map(|entry| entry.detail["n"].as_i64().unwrap()).collect::<Vec<_>>()
    };
    let list = async |filter| list_page(filter, all()).await;
    let text = |text: &str| Some(text.to_owned());
    let none = AuditFilter::default;
    assert_eq!(list(none()).await, [3, 2, 1, 0]);
    assert_eq!(list(AuditFilter { actor: text("a"), ..none() }).await, [1, 0]);
    assert_eq!(list(AuditFilter { action: text("campaign.start"), ..none() }).await, [2, 1]);
    assert_eq!(list(AuditFilter { target: text("one"), ..none() }).await, [1, 0]);
    assert_eq!(list(AuditFilter { target: text("two"), actor: text("a"), ..none() }).await, [0; 0]);
    let narrow = AuditFilter { action: text("campaign.start"), actor: text("b"), ..none() };
    assert_eq!(list(narrow).await, [2]);
    assert_eq!(list_page(none(), Page { since: Some(at(1)), until: Some(at(3)), ..all() }).await, [2, 1]);
    let oldest = Page { order: Order::OldestFirst, after: Some(entries[0].id.into()), ..Page::first(2) };
    assert_eq!(list_page(none(), oldest).await, [1, 2]);
    assert_eq!(
        list_page(none(), Page { since: Some(at(3) + TimeDelta::milliseconds(1)), ..all() }).await,
        [0; 0]
    );
    let page = db.read(async |tx| tx.audit_entries(own, &none(), Page::first(2)).await).await;
    assert_eq!(page, [entries[3].clone(), entries[2].clone()]);
    let after = Some(entries[2].id.into());
    let page =
        db.read(async |tx| tx.audit_entries(own, &none(), Page { after, ..Page::first(9) }).await).await;
    assert_eq!(page, [entries[1].clone(), entries[0].clone()]);
}
