//! Workspaces and who is in them.

use std::time::Duration;

use ringfleet_core::Role;
use serde_json::{Value, json};

use crate::support::{Answer, World};

async fn ask(world: &World, token: &str, method: &str, path: &str, body: Value) -> Answer {
    world.call(token, method, path, body).await
}

fn token_of(made: &Answer) -> String {
    let link = made.data()["link"].as_str().expect("without mail the link is in the answer");
    link.rsplit_once("#token=").unwrap().1.to_owned()
}

#[tokio::test]
async fn one_switches_between_workspaces_by_a_header() {
    let world = World::new().await;
    let (_, ana) = world.user("ana@x.de", Some(Role::Developer), false).await;
    let ours = world.workspace_of("ours").await;
    assert_eq!(ask(&world, &ana, "GET", "/workspaces/me", Value::Null).await.id(), ours, "the only one");
    let made = ask(&world, &ana, "POST", "/workspaces", json!({"name": "Second"})).await.expect(201);
    assert_eq!(
        ask(&world, &ana, "POST", "/workspaces", json!({"name": "Second"})).await.refusal(409),
        "ALREADY_EXISTS"
    );
    let second = made.id();
    assert_eq!(
        ask(&world, &ana, "GET", "/agents", Value::Null).await.field(),
        "X-Workspace-Id",
        "which one?"
    );
    for (id, role) in [(&ours, "developer"), (&second, "admin")] {
        for header in ["x-workspace-id", "x-organization-id"] {
            let me = world
                .call_with(&ana, &[(header, id)], "GET", "/workspaces/me", Value::Null)
                .await
                .expect(200);
            assert_eq!((&me.data()["id"], &me.data()["role"]), (&json!(id), &json!(role)));
        }
        assert_eq!(ask(&world, &ana, "GET", &format!("/workspaces/{id}"), Value::Null).await.id(), *id);
    }
    let named = [("x-workspace-id", ours.as_str())];
    let path = format!("/workspaces/{second}");
    assert_eq!(world.call_with(&ana, &named, "GET", &path, Value::Null).await.field(), "X-Workspace-Id");
    let listed = ask(&world, &ana, "GET", "/workspaces", Value::Null).await;
    assert_eq!(listed.data().as_array().unwrap().len(), 2);
    assert_eq!(world.get("/workspaces").await.data().as_array().unwrap().len(), 1, "a key has one");
    assert_eq!(ask(&world, &ana, "GET", "/workspaces?all=true", Value::Null).await.refusal(403), "FORBIDDEN");
    let (_, root) = world.user("root@x.de", None, true).await;
    assert_eq!(
        ask(&world, &root, "GET", "/workspaces?all=true", Value::Null).await.data().as_array().unwrap().len(),
        3
    );
    assert_eq!(
        ask(&world, &ana, "PATCH", &path, json!({"name": "ours"})).await.refusal(409),
        "ALREADY_EXISTS"
    );
    assert_eq!(
        ask(&world, &ana, "PATCH", &path, json!({"name": "Renamed"})).await.expect(200).data()["name"],
        "Renamed"
    );
}

#[tokio::test]
async fn a_workspace_is_never_without_an_admin() {
    let world = World::new().await;
    let (ana_id, ana) = world.user("ana@x.de", Some(Role::Admin), false).await;
    let (ben_id, ben) = world.user("ben@x.de", Some(Role::Member), false).await;
    let member = |id| format!("/workspaces/me/members/{id}");
    let last = |answer: Answer| assert_eq!(answer.refusal(409), "LAST_ADMIN");
    last(ask(&world, &ana, "POST", "/workspaces/me/leave", Value::Null).await);
    last(ask(&world, &ana, "DELETE", &member(ana_id), Value::Null).await);
    last(ask(&world, &ana, "PATCH", &member(ana_id), json!({"role": "member"})).await);
    ask(&world, &ana, "PATCH", &member(ben_id), json!({"role": "admin"})).await.expect(200);
    // Both go at once: one of them stays.
    let leave = |token| ask(&world, token, "POST", "/workspaces/me/leave", Value::Null);
    let (one, two) = tokio::join!(leave(&ana), leave(&ben));
    let mut told = [one.status.as_u16(), two.status.as_u16()];
    told.sort_unstable();
    assert_eq!(told, [200, 409]);
    let left = world.get("/workspaces/me/members").await;
    assert_eq!(left.data().as_array().unwrap().len(), 1);
    assert_eq!(left.data()[0]["role"], "admin");
}

#[tokio::test]
async fn whoever_is_removed_is_out_at_once() {
    let world = World::new().await;
    let (id, ben) = world.user("ben@x.de", Some(Role::Member), false).await;
    ask(&world, &ben, "GET", "/agents", Value::Null).await.expect(200);
    ask(&world, &world.admin, "DELETE", &format!("/workspaces/me/members/{id}"), Value::Null)
        .await
        .expect(200);
    assert_eq!(ask(&world, &ben, "GET", "/agents", Value::Null).await.refusal(404), "NOT_FOUND");
    assert_eq!(
        ask(&world, &world.admin, "DELETE", &format!("/workspaces/me/members/{id}"), Value::Null)
            .await
            .refusal(404),
        "NOT_FOUND"
    );
}

#[tokio::test]
async fn an_invitation_is_for_one_address_and_good_once() {
    let world = World::new().await;
    let invite = async |email: &str, role: &str| {
        ask(&world, &world.admin, "POST", "/workspaces/me/invite", json!({"email": email, "role": role}))
            .await
    };
    let accept = async |user: &str, token: &str| {
        ask(&world, user, "POST", "/auth/invites/accept", json!({"token": token})).await
    };
    let (_, ana) = world.user("ana@x.de", None, false).await;
    let (_, eva) = world.user("eva@x.de", None, false).await;
    let replaced = token_of(&invite("ana@x.de", "member").await);
    let token = token_of(&invite(" ANA@x.de", "developer").await.expect(201));
    assert_eq!(world.get("/workspaces/me/invites").await.data().as_array().unwrap().len(), 1);
    assert_eq!(accept(&ana, &replaced).await.field(), "token");
    assert_eq!(accept(&eva, &token).await.refusal(403), "FORBIDDEN", "it is not hers, and stays good");
    assert_eq!(accept(&ana, &token).await.expect(200).data()["role"], "developer");
    ask(&world, &ana, "GET", "/agents", Value::Null).await.expect(200);
    assert_eq!(accept(&ana, &token).await.field(), "token");
    assert_eq!(invite("ana@x.de", "admin").await.refusal(409), "ALREADY_MEMBER");

    let withdrawn = invite("eva@x.de", "member").await;
    ask(&world, &world.admin, "DELETE", &format!("/workspaces/me/invites/{}", withdrawn.id()), Value::Null)
        .await
        .expect(200);
    assert_eq!(accept(&eva, &token_of(&withdrawn)).await.field(), "token");

    // Who has no account signs up with it.
    let new = token_of(&invite("new@x.de", "member").await);
    let sign_up = json!({"email": "new@x.de", "password": "correct horse battery", "inviteToken": new});
    let joined = world.call_with("", &[], "POST", "/auth/signup", sign_up).await.expect(200);
    let access = joined.data()["accessToken"].as_str().unwrap();
    ask(&world, access, "GET", "/agents", Value::Null).await.expect(200);
    assert_eq!(joined.data()["user"]["superuser"], false);

    let late = token_of(&invite("eva@x.de", "member").await);
    world.clock.advance(Duration::from_secs(7 * 86_400));
    let (_, eva) = world.user("eva2@x.de", None, false).await;
    assert_eq!(accept(&eva, &late).await.field(), "token");
}

#[tokio::test]
async fn a_deleted_workspace_is_shut_and_its_campaigns_are_over() {
    let world = World::new().await;
    let (_, ana) = world.user("ana@x.de", Some(Role::Admin), false).await;
    let (_, root) = world.user("root@x.de", None, true).await;
    let things = world.things().await; // with a call that waits
    let delete = async || ask(&world, &ana, "DELETE", "/workspaces/me", Value::Null).await;
    assert_eq!(delete().await.refusal(409), "CALLS_LIVE");
    let state = world.get(&format!("/campaigns/{}", things.campaign)).await;
    assert_eq!(state.data()["status"], "DRAFT", "nothing was changed");

    let world = World::new().await;
    let (_, ana) = world.user("ana@x.de", Some(Role::Admin), false).await;
    let (_, boss) = world.user("root@x.de", None, true).await;
    drop(root);
    let campaign = world.campaign().await;
    let recipients = json!({"recipients": [{"to": "+919876543210"}]});
    world.post(&format!("/campaigns/{campaign}/recipients"), recipients).await.expect(200);
    world.queue(&campaign).await;
    let ours = world.workspace_of("ours").await;
    ask(&world, &ana, "DELETE", "/workspaces/me", Value::Null).await.expect(200);
    world.get("/agents").await.expect(401);
    for token in [&ana, &boss] {
        let named = [("x-workspace-id", ours.as_str())];
        assert_eq!(
            world.call_with(token, &named, "GET", "/agents", Value::Null).await.refusal(404),
            "NOT_FOUND"
        );
    }
    assert!(world.engine.running().await.unwrap().is_empty());
    assert_eq!(world.engine.cancel_strays().await.unwrap(), 0);
    ask(&world, &ana, "POST", "/workspaces", json!({"name": "ours"})).await.expect(201);
}
