//! Keys, users, members, invitations, logins.

use ringfleet_core::{
    ApiKeyId, CampaignState, LoginId, Role, Scope, Scopes, UserId, WorkspaceId, seal::SealError,
};
use ringfleet_store::{NewApiKey, NewUser, Store, StoreError, Throttle, Tx, User};

use crate::support::{Db, World, at, keys, new_key, page};

async fn user(db: &Db, email: &str) -> User {
    let new = NewUser {
        email,
        name: "Ana",
        password: Some("$argon2id$"),
        google_subject: None,
        verified: true,
        superuser: false,
    };
    db.write(async |tx| tx.insert_user(&new, at(1)).await).await
}

async fn workspace(db: &Db, name: &str) -> WorkspaceId {
    db.write(async |tx| tx.insert_workspace(name, at(1)).await).await.id
}

pub async fn keys_end_and_change(db: Db) {
    let home = workspace(&db, "home").await;
    let new = NewApiKey {
        scopes: Scopes::only([Scope::Read, Scope::Admin]),
        rate_limit: Some(90),
        expires_at: Some(at(100)),
        ..new_key(home, Role::Developer, "rfk_1", b"one")
    };
    let made = db.write(async |tx| tx.insert_key(&new, at(1)).await).await;
    assert_eq!(
        (made.rate_limit, made.expires_at, made.kept_to()),
        (Some(90), Some(at(100)), new.scopes.clone())
    );
    assert_eq!(db.store.key(b"one", at(99)).await.unwrap(), Some(made.clone()));
    assert_eq!(db.store.key(b"one", at(100)).await.unwrap(), None, "it has ended");
    db.write(async |tx| tx.rotate_key(made.id, "rfk_2", b"two").await).await;
    assert_eq!(db.store.key(b"one", at(2)).await.unwrap(), None);
    assert_eq!(db.store.key(b"two", at(2)).await.unwrap().unwrap().id, made.id);
    assert!(made.use_is_old(at(2)));
    let touched = db
        .write(async |tx| {
            Ok([
                tx.touch_key(made.id, at(2)).await?,
                tx.touch_key(made.id, at(60_001)).await?,
                tx.touch_key(made.id, at(60_002)).await?,
            ])
        })
        .await;
    assert_eq!(touched, [true, false, true], "once a minute");
    db.write(async |tx| tx.revoke_key(made.id, at(3)).await).await;
    assert_eq!(db.store.key(b"two", at(4)).await.unwrap(), None);
}

pub async fn keys_are_listed_and_held(db: Db) {
    let (home, other) = (workspace(&db, "home").await, workspace(&db, "other").await);
    let mut ids = Vec::new();
    for n in 0..3_u8 {
        ids.push(
            db.write(async |tx| {
                tx.insert_key(&new_key(home, Role::Member, "rfk_", &[n]), at(i64::from(n))).await
            })
            .await
            .id,
        );
    }
    db.write(async |tx| tx.revoke_key(ids[1], at(9)).await).await;
    let listed = db.read(async |tx| tx.keys(home, page(None, 10)).await).await;
    assert_eq!(listed.iter().map(|key| key.id).collect::<Vec<ApiKeyId>>(), [ids[2], ids[0]]);
    let rest = db.read(async |tx| tx.keys(home, page(Some(ids[2].uuid()), 10)).await).await;
    assert_eq!(rest.len(), 1);
    assert!(db.read(async |tx| tx.keys(other, page(None, 10)).await).await.is_empty());
    let mut tx = db.store.write().await.unwrap();
    assert!(tx.hold_key(home, ids[0]).await.unwrap().is_some());
    assert!(tx.hold_key(home, ids[1]).await.unwrap().is_none(), "revoked");
    assert!(tx.hold_key(other, ids[0]).await.unwrap().is_none(), "not theirs");
}

pub async fn members_come_and_go(db: Db) {
    let (home, other) = (workspace(&db, "home").await, workspace(&db, "other").await);
    let (ana, ben) = (user(&db, "ana@x.de").await, user(&db, "ben@x.de").await);
    let mut tx = db.store.write().await.unwrap();
    tx.insert_member(home, ana.id, Role::Admin, at(2)).await.unwrap();
    tx.insert_member(home, ben.id, Role::Member, at(3)).await.unwrap();
    tx.insert_member(other, ana.id, Role::Developer, at(4)).await.unwrap();
    assert_eq!(tx.members(home, page(None, 10)).await.unwrap().len(), 2);
    assert_eq!(tx.other_admins(home, ana.id).await.unwrap(), 0);
    assert_eq!(tx.other_admins(home, ben.id).await.unwrap(), 1);
    tx.set_member_role(home, ben.id, Role::Admin).await.unwrap();
    let member = tx.member(home, ben.id).await.unwrap().unwrap();
    assert_eq!((member.role, member.email.as_str(), member.created_at), (Role::Admin, "ben@x.de", at(3)));
    assert!(tx.member(other, ben.id).await.unwrap().is_none());
    let mine = tx.memberships(ana.id, page(None, 10)).await.unwrap();
    let mut mine: Vec<_> = mine.iter().map(|it| (it.name.as_str(), it.role)).collect();
    mine.sort();
    assert_eq!(mine, [("home", Role::Admin), ("other", Role::Developer)]);
    tx.delete_member(home, ana.id).await.unwrap();
    assert!(tx.member(home, ana.id).await.unwrap().is_none());
    assert_eq!(tx.memberships(ana.id, page(None, 10)).await.unwrap().len(), 1);
    tx.commit().await.unwrap();
    let mut tx = db.store.write().await.unwrap();
    let twice = tx.insert_member(home, ben.id, Role::Member, at(5)).await.unwrap_err();
    assert!(matches!(twice, StoreError::Duplicate(_)), "{twice:?}");
}

pub async fn invitations_are_good_once(db: Db) {
    let home = workspace(&db, "home").await;
    let mut tx = db.store.write().await.unwrap();
    tx.insert_invite(home, "a@x.de", Role::Member, (b"old", false), at(1), at(100)).await.unwrap();
    let invite = tx.insert_invite(home, "a@x.de", Role::Admin, (b"new", true), at(2), at(100)).await.unwrap();
    assert_eq!(tx.invites(home, page(None, 10)).await.unwrap(), std::slice::from_ref(&invite));
    assert!(tx.take_invite(b"old", at(3)).await.unwrap().is_none(), "another took its place");
    assert!(tx.take_invite(b"new", at(100)).await.unwrap().is_none(), "too late");
    let (taken, place) = tx.take_invite(b"new", at(99)).await.unwrap().unwrap();
    assert!(taken.by_mail);
    assert_eq!((taken, place.id), (invite, home));
    assert!(tx.take_invite(b"new", at(99)).await.unwrap().is_none(), "used");
    let other = tx.insert_invite(home, "b@x.de", Role::Member, (b"b", false), at(3), at(100)).await.unwrap();
    assert!(!other.by_mail);
    assert!(!tx.delete_invite(WorkspaceId::new(at(0)), other.id).await.unwrap());
    assert!(tx.delete_invite(home, other.id).await.unwrap());
    assert!(!tx.delete_invite(home, other.id).await.unwrap());
}

pub async fn logins_are_renewed_and_ended(db: Db) {
    let ana = user(&db, "ana@x.de").await;
    let ids: Vec<LoginId> = (1..=3).map(|n| LoginId::new(at(n))).collect();
    let mut tx = db.store.write().await.unwrap();
    for id in &ids {
        tx.insert_login(*id, ana.id, b"first", at(1), at(100)).await.unwrap();
    }
    tx.renew_login(ids[0], b"second", at(5), at(105)).await.unwrap();
    let held = tx.hold_login(ids[0]).await.unwrap().unwrap();
    assert_eq!((held.hash.as_slice(), held.previous.as_deref()), (&b"second"[..], Some(&b"first"[..])));
    assert_eq!(
        (held.user_id, held.renewed_at, held.expires_at, held.ended_at),
        (ana.id, at(5), at(105), None)
    );
    assert_eq!(tx.end_logins(ana.id, Some(ids[0]), at(6)).await.unwrap(), 2);
    tx.end_login(ids[0], at(7)).await.unwrap();
    tx.end_login(ids[0], at(8)).await.unwrap();
    assert_eq!(tx.hold_login(ids[0]).await.unwrap().unwrap().ended_at, Some(at(7)));
}

pub async fn visitors_are_who_they_say(db: Db) {
    let (home, other) = (workspace(&db, "home").await, workspace(&db, "other").await);
    let (ana, ben) = (user(&db, "ana@x.de").await, user(&db, "ben@x.de").await);
    let login = LoginId::new(at(1));
    db.write(async |tx| tx.insert_login(login, ana.id, b"1", at(1), at(100)).await).await;
    let alone = db.store.visitor_at_home(login, ana.id, at(2)).await.unwrap();
    assert_eq!((alone.len(), alone[0].workspace_id, alone[0].role), (1, None, None));
    db.write(async |tx| tx.insert_member(home, ana.id, Role::Developer, at(2)).await).await;
    let at_home = db.store.visitor_at_home(login, ana.id, at(2)).await.unwrap();
    assert_eq!(
        (at_home.len(), at_home[0].workspace_id, at_home[0].role),
        (1, Some(home), Some(Role::Developer))
    );
    let visitor = async |workspace, now| db.store.visitor(login, ana.id, workspace, now).await.unwrap();
    assert_eq!(visitor(home, at(2)).await.unwrap().role, Some(Role::Developer));
    let foreign = visitor(other, at(2)).await.unwrap();
    assert_eq!((foreign.workspace_id, foreign.role, foreign.email.as_str()), (Some(other), None, "ana@x.de"));
    assert_eq!(visitor(WorkspaceId::new(at(0)), at(2)).await.unwrap().workspace_id, None);
    assert!(visitor(home, at(100)).await.is_none(), "over");
    assert!(db.store.visitor(login, ben.id, home, at(2)).await.unwrap().is_none(), "another's login");
    db.write(async |tx| tx.insert_member(other, ana.id, Role::Member, at(3)).await).await;
    assert_eq!(db.store.visitor_at_home(login, ana.id, at(4)).await.unwrap().len(), 2);
    db.write(async |tx| tx.end_login(login, at(5)).await).await;
    assert!(visitor(home, at(6)).await.is_none(), "ended");
    assert!(db.store.visitor_at_home(login, ana.id, at(6)).await.unwrap().is_empty());
}

pub async fn resets_are_good_once(db: Db) {
    let ana = user(&db, "ana@x.de").await;
    let mut tx = db.store.write().await.unwrap();
    tx.insert_reset(ana.id, b"old", at(100)).await.unwrap();
    tx.insert_reset(ana.id, b"new", at(100)).await.unwrap();
    assert!(tx.take_reset(b"old", at(1)).await.unwrap().is_none());
    assert!(tx.take_reset(b"new", at(100)).await.unwrap().is_none(), "too late");
    assert_eq!(tx.take_reset(b"new", at(99)).await.unwrap().unwrap().id, ana.id);
    assert!(tx.take_reset(b"new", at(99)).await.unwrap().is_none(), "used");
    tx.insert_reset(ana.id, b"more", at(100)).await.unwrap();
    tx.set_password(ana.id, "$other$").await.unwrap();
    assert!(tx.take_reset(b"more", at(1)).await.unwrap().is_none(), "a new password ends it");
    tx.link_google(ana.id, "g-1").await.unwrap();
    let found = tx.user_by_google("g-1").await.unwrap().unwrap();
    assert_eq!((found.id, found.password.as_deref()), (ana.id, Some("$other$")));
    assert_eq!(tx.user_by_email("ana@x.de").await.unwrap(), Some(found));
    assert!(tx.user_by_email("eva@x.de").await.unwrap().is_none());
    let new = NewUser {
        email: "eva@x.de",
        name: "",
        password: Some("$"),
        google_subject: None,
        verified: false,
        superuser: false,
    };
    let eva = tx.insert_user(&new, at(2)).await.unwrap();
    tx.link_google(eva.id, "g-2").await.unwrap();
    let eva = tx.user(eva.id).await.unwrap().unwrap();
    assert!(eva.verified && eva.password.is_none(), "nobody knows whose password it was");
}

pub async fn attempts_are_counted(db: Db) {
    let mut tx = db.store.write().await.unwrap();
    let fresh = tx.hold_throttle("login:1", at(1)).await.unwrap();
    assert_eq!(fresh, Throttle { tries: 0, last_at: at(1), free_at: at(1) });
    let tried = Throttle { tries: 3, last_at: at(2), free_at: at(9) };
    tx.set_throttle("login:1", &tried).await.unwrap();
    assert_eq!(tx.hold_throttle("login:1", at(5)).await.unwrap(), tried);
    tx.forgive("login:1").await.unwrap();
    assert_eq!(tx.hold_throttle("login:1", at(5)).await.unwrap().tries, 2);
    tx.clear_throttle("login:1").await.unwrap();
    assert_eq!(tx.hold_throttle("login:1", at(5)).await.unwrap().tries, 0);
}

pub async fn attempts_are_counted_while_others_succeed(db: Db) {
    let (guesser, owner) = (db.store.clone(), db.store.clone());
    let guesses = tokio::spawn(async move {
        for n in 0..300 {
            let mut tx = guesser.write().await.unwrap();
            let held = tx.hold_throttle("login:1", at(n)).await.unwrap();
            tx.set_throttle("login:1", &Throttle { tries: held.tries + 1, ..held }).await.unwrap();
            tx.commit().await.unwrap();
        }
    });
    let logins = tokio::spawn(async move {
        for _ in 0..300 {
            let mut tx = owner.write().await.unwrap();
            tx.clear_throttle("login:1").await.unwrap();
            tx.commit().await.unwrap();
        }
    });
    guesses.await.unwrap();
    logins.await.unwrap();
}

/// Whoever invites again holds the workspace and then the invitation; whoever accepts meanwhile must not hold them the other way.
pub async fn invitations_are_taken_while_they_are_replaced(db: Db) {
    let home = workspace(&db, "home").await;
    let invite = async |tx: &mut Tx, n: u32| {
        tx.hold_workspace(home).await?;
        let hash = n.to_be_bytes();
        tx.insert_invite(home, "a@x.de", Role::Member, (&hash, false), at(1), at(100)).await
    };
    for n in 0..100 {
        db.write(async |tx| invite(tx, n).await).await;
        let store = db.store.clone();
        let taker = tokio::spawn(async move {
            let mut tx = store.write().await.unwrap();
            let taken = tx.take_invite(&n.to_be_bytes(), at(2)).await.unwrap().is_some();
            tx.commit().await.unwrap();
            taken
        });
        db.write(async |tx| invite(tx, n + 1_000).await).await;
        let taken = taker.await.unwrap();
        let open = db.read(async |tx| tx.invites(home, page(None, 10)).await).await;
        assert_eq!(open.len(), 1, "{taken}: the other one is there whoever came first");
    }
}

pub async fn a_deleted_workspace_is_shut(db: Db) {
    let world = World::calling(&db, 2).await;
    let ana = user(&db, "ana@x.de").await;
    let home = world.workspace;
    let name = db
        .write(async |tx| {
            tx.insert_member(home, ana.id, Role::Admin, at(1)).await?;
            tx.insert_invite(home, "b@x.de", Role::Member, (b"i", false), at(1), at(100)).await?;
            tx.insert_key(&new_key(home, Role::Admin, "rfk_", b"k"), at(1)).await?;
            assert_eq!(tx.open_campaigns(home).await?, [world.campaign]);
            assert_eq!(tx.calls_under_way(home).await?, 0);
            let name = tx.hold_workspace(home).await?.unwrap().name;
            tx.delete_workspace(home, at(2)).await?;
            Ok(name)
        })
        .await;
    assert_eq!(db.store.key(b"k", at(3)).await.unwrap(), None);
    db.write(async |tx| {
        assert!(tx.workspace(home).await?.is_none() && tx.hold_workspace(home).await?.is_none());
        assert!(tx.memberships(ana.id, page(None, 10)).await?.is_empty());
        assert!(tx.take_invite(b"i", at(3)).await?.is_none());
        assert!(tx.workspaces(page(None, 10)).await?.iter().all(|it| it.id != home));
        assert_eq!(tx.stray_campaigns().await?, [(home, world.campaign)]);
        assert_ne!(tx.insert_workspace(&name, at(3)).await?.id, home, "the name is free");
        Ok(())
    })
    .await;
    let calls = World::calling(&db, 2).await;
    calls.queue(&db, 2).await;
    assert_eq!(
        db.read(async |tx| tx.calls_under_way(calls.workspace).await).await,
        0,
        "they wait for a campaign"
    );
    let mut single = calls.new_call(None, at(1));
    single.campaign_id = None;
    db.write(async |tx| tx.insert_calls(&[single], at(1)).await).await;
    assert_eq!(db.read(async |tx| tx.calls_under_way(calls.workspace).await).await, 1);
    calls.set(&db, CampaignState::Cancelled).await;
    assert!(db.read(async |tx| tx.open_campaigns(calls.workspace).await).await.is_empty());
}

pub async fn one_secret_for_all(db: Db) {
    let first = db.write(async |tx| tx.server_secret("logins", &[1; 32]).await).await;
    let second = db.write(async |tx| tx.server_secret("logins", &[2; 32]).await).await;
    assert_eq!((first.as_slice(), second.as_slice()), (&[1; 32][..], &[1; 32][..]));
    assert_eq!(db.write(async |tx| tx.server_secret("other", &[2; 32]).await).await, [2; 32]);
}

pub async fn what_is_signed_with_is_kept_sealed(db: Db) {
    let ask = async |store: &Store, fresh: u8| {
        let mut tx = store.write().await.unwrap();
        let secret = tx.server_secret("logins", &[fresh; 32]).await?;
        tx.commit().await.map(|()| secret)
    };
    let reseal = async |store: &Store| {
        let mut tx = store.write().await.unwrap();
        let changed = tx.reseal_server_secrets().await.unwrap();
        tx.commit().await.unwrap();
        changed
    };
    let with = async |bytes: &[u8]| db.place.open().await.with_keys(keys(bytes));
    // Without a key it is kept as it is: nobody could log in otherwise. With one it is read, and sealed.
    let (bare, seven) = (with(&[]).await, &db.store);
    assert_eq!(ask(&bare, 1).await.unwrap(), [1; 32]);
    assert_eq!(ask(&bare, 2).await.unwrap(), [1; 32]);
    assert_eq!(ask(seven, 2).await.unwrap(), [1; 32]);
    let unknown = ask(&bare, 2).await;
    assert!(matches!(unknown, Err(StoreError::Secret(SealError::UnknownKey))), "it is sealed: {unknown:?}");
    assert_eq!(ask(seven, 2).await.unwrap(), [1; 32]);
    // Another key, and the one it was sealed with behind it; then that alone.
    assert_eq!(reseal(seven).await, 0);
    assert_eq!(reseal(&with(&[8, 7]).await).await, 1);
    assert_eq!(reseal(&with(&[8, 7]).await).await, 0, "once is enough");
    assert_eq!(ask(&with(&[8]).await, 2).await.unwrap(), [1; 32]);
    assert!(ask(seven, 2).await.is_err());
    // A secret opens in its own row only.
    db.place.raw("UPDATE server_secrets SET name = 'other'").await;
    let mut tx = db.place.open().await.with_keys(keys(&[8])).write().await.unwrap();
    let moved = tx.server_secret("other", &[2; 32]).await;
    assert!(matches!(moved, Err(StoreError::Secret(SealError::Damaged))), "{moved:?}");
}

pub async fn there_is_one_first_user(db: Db) {
    assert!(!db.read(async |tx| tx.has_workspaces().await).await);
    let claim = |n: usize| {
        let store = db.store.clone();
        async move {
            let mut tx = store.write().await.unwrap();
            let superuser = !tx.has_users().await.unwrap();
            let email = format!("{n}@x.de");
            let new = NewUser {
                email: &email,
                name: "",
                password: None,
                google_subject: None,
                verified: true,
                superuser,
            };
            tx.insert_user(&new, at(1)).await.unwrap();
            tx.commit().await.unwrap();
            superuser
        }
    };
    let claims: Vec<_> = (0..5).map(|n| tokio::spawn(claim(n))).collect();
    let mut firsts = 0;
    for claim in claims {
        firsts += usize::from(claim.await.unwrap());
    }
    assert_eq!(firsts, 1);
    assert_eq!(db.read(async |tx| tx.users(page(None, 10)).await).await.len(), 5);
    let mut tx = db.store.write().await.unwrap();
    let new = NewUser {
        email: "1@x.de",
        name: "",
        password: None,
        google_subject: None,
        verified: true,
        superuser: false,
    };
    let twice = tx.insert_user(&new, at(1)).await.unwrap_err();
    assert!(matches!(twice, StoreError::Duplicate(_)), "{twice:?}");
}

pub async fn what_is_over_is_forgotten(db: Db) {
    let (home, ana) = (workspace(&db, "home").await, user(&db, "ana@x.de").await);
    let kept = LoginId::new(at(3));
    db.write(async |tx| {
        tx.insert_login(LoginId::new(at(1)), ana.id, b"1", at(1), at(10)).await?;
        tx.insert_login(LoginId::new(at(2)), ana.id, b"2", at(1), at(90)).await?;
        tx.end_logins(ana.id, None, at(5)).await?;
        tx.insert_login(kept, ana.id, b"3", at(1), at(90)).await?;
        tx.insert_invite(home, "b@x.de", Role::Member, (b"i", false), at(1), at(10)).await?;
        tx.insert_reset(ana.id, b"r", at(10)).await?;
        tx.hold_throttle("a", at(1)).await?;
        tx.hold_throttle("b", at(90)).await?;
        Ok(())
    })
    .await;
    assert_eq!(db.write(async |tx| tx.forget_identity(at(50)).await).await, 5);
    assert_eq!(db.write(async |tx| tx.forget_identity(at(50)).await).await, 0);
    assert!(db.store.visitor(kept, ana.id, home, at(60)).await.unwrap().is_some());
    assert!(db.store.visitor(kept, UserId::new(at(9)), home, at(60)).await.unwrap().is_none());
}
