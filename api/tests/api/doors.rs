//! Every endpoint for everybody: who gets in, and where.

use axum::http::Method;
use chrono::TimeDelta;
use ringfleet_api::{endpoints, new_key};
use ringfleet_core::{Action, Role, Scope, Scopes};
use ringfleet_store::NewApiKey;
use serde_json::{Value, json};

use crate::support::{Answer, World, new_api_key, whole};

/// Whom an endpoint is for.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Needs {
    /// Anybody.
    Nothing,
    /// A user, in no workspace.
    User,
    /// Somebody who may do this in the workspace.
    To(Action),
}
use Action::{
    EditAgents, EditRules, EditTrunks, EditWebhooks, EditWorkspace, ErasePeople, ManageKeys, ManageMembers,
    PublishAgents, Read, ReadAudit, RunCampaigns, RunFleet, SeeErasures, SeeFleet, SeeInvites, SeeKeys,
    Suppress,
};
use Needs::{Nothing, To, User};

/// Every endpoint; those of Samora's dialect begin with a version. What ends the caller's own access stands last.
const TABLE: &[(&str, &str, Needs)] = &[
    ("POST", "/v1/call/trigger", To(RunCampaigns)),
    ("GET", "/v1/call/{ses}", To(Read)),
    ("POST", "/v1/external/campaigns/{agt}", To(RunCampaigns)),
    ("GET", "/v1/external/campaigns/{agt}", To(Read)),
    ("GET", "/v1/external/campaigns/{agt}/{cmp}", To(Read)),
    ("PUT", "/v1/external/campaigns/{agt}/{cmp}", To(RunCampaigns)),
    ("POST", "/v1/external/campaigns/{agt}/{cmp}/scheduled-calls", To(RunCampaigns)),
    ("GET", "/v1/external/campaigns/{agt}/{cmp}/calls", To(Read)),
    ("POST", "/v1/external/campaigns/{agt}/{cmp}/start", To(RunCampaigns)),
    ("POST", "/v1/external/campaigns/{agt}/{cmp}/stop", To(RunCampaigns)),
    ("POST", "/v1/external/campaigns/{agt}/{cmp}/cancel", To(RunCampaigns)),
    ("POST", "/v2/webhooks", To(EditWebhooks)),
    ("GET", "/v2/webhooks", To(Read)),
    ("GET", "/v2/webhooks/events", To(Read)),
    ("GET", "/v2/webhooks/{whk}", To(Read)),
    ("PUT", "/v2/webhooks/{whk}", To(EditWebhooks)),
    ("DELETE", "/v2/webhooks/{whk}", To(EditWebhooks)),
    ("POST", "/agents", To(EditAgents)),
    ("GET", "/agents", To(Read)),
    ("GET", "/agents/{agt}", To(Read)),
    ("PATCH", "/agents/{agt}", To(EditAgents)),
    ("DELETE", "/agents/{agt}", To(PublishAgents)),
    ("GET", "/agents/{agt}/versions", To(Read)),
    ("POST", "/agents/{agt}/publish", To(PublishAgents)),
    ("POST", "/agents/{agt}/rollback", To(PublishAgents)),
    ("POST", "/trunks", To(EditTrunks)),
    ("GET", "/trunks", To(Read)),
    ("GET", "/trunks/{trk}", To(Read)),
    ("PATCH", "/trunks/{trk}", To(EditTrunks)),
    ("POST", "/trunks/{trk}/token", To(RunCampaigns)),
    ("POST", "/trunks/{trk}/pause", To(EditTrunks)),
    ("POST", "/trunks/{trk}/resume", To(EditTrunks)),
    ("GET", "/me", To(Read)),
    ("GET", "/live", To(Read)),
    ("GET", "/fleet", To(SeeFleet)),
    ("POST", "/fleet/workers/{wrk}/drain", To(RunFleet)),
    ("POST", "/fleet/workers/{wrk}/resume", To(RunFleet)),
    ("GET", "/sessions/live", To(Read)),
    ("GET", "/campaigns/{cmp}/timeline", To(Read)),
    ("POST", "/trunk-groups", To(EditTrunks)),
    ("GET", "/trunk-groups", To(Read)),
    ("GET", "/trunk-groups/{tgr}", To(Read)),
    ("POST", "/campaigns", To(RunCampaigns)),
    ("GET", "/campaigns", To(Read)),
    ("GET", "/campaigns/{cmp}", To(Read)),
    ("PATCH", "/campaigns/{cmp}", To(RunCampaigns)),
    ("POST", "/campaigns/{cmp}/start", To(RunCampaigns)),
    ("POST", "/campaigns/{cmp}/pause", To(RunCampaigns)),
    ("POST", "/campaigns/{cmp}/cancel", To(RunCampaigns)),
    ("POST", "/campaigns/{cmp}/clone", To(RunCampaigns)),
    ("POST", "/campaigns/{cmp}/retry", To(RunCampaigns)),
    ("GET", "/campaigns/{cmp}/runs", To(Read)),
    ("GET", "/campaigns/{cmp}/stats", To(Read)),
    ("GET", "/campaigns/{cmp}/caller-ids", To(Read)),
    ("GET", "/campaigns/{cmp}/preflight", To(Read)),
    ("POST", "/campaigns/{cmp}/recipients", To(RunCampaigns)),
    ("GET", "/campaigns/{cmp}/recipients", To(Read)),
    ("GET", "/campaigns/{cmp}/recipients/{rcp}", To(Read)),
    ("POST", "/campaigns/{cmp}/recipients/{rcp}/reschedule", To(RunCampaigns)),
    ("POST", "/campaigns/{cmp}/recipients/import", To(RunCampaigns)),
    ("GET", "/campaigns/{cmp}/results.csv", To(Read)),
    ("GET", "/campaigns/{cmp}/results.jsonl", To(Read)),
    ("GET", "/imports", To(Read)),
    ("GET", "/imports/{imp}", To(Read)),
    ("GET", "/imports/{imp}/errors.csv", To(Read)),
    ("POST", "/suppressions", To(Suppress)),
    ("GET", "/suppressions", To(Read)),
    ("GET", "/suppressions/{sup}", To(Read)),
    ("DELETE", "/suppressions/{sup}", To(EditRules)),
    ("POST", "/suppressions/import", To(Suppress)),
    ("GET", "/workspace/rules", To(Read)),
    ("PUT", "/workspace/rules", To(EditRules)),
    ("POST", "/sessions", To(RunCampaigns)),
    ("GET", "/sessions", To(Read)),
    ("GET", "/sessions/{ses}", To(Read)),
    ("GET", "/sessions/export.csv", To(Read)),
    ("GET", "/sessions/export.jsonl", To(Read)),
    ("GET", "/sessions/{ses}/transcript", To(Read)),
    ("PUT", "/sessions/{ses}/transcript", To(RunCampaigns)),
    ("POST", "/sessions/{ses}/transfer", To(RunCampaigns)),
    ("GET", "/sessions/{ses}/recording", To(Read)),
    ("GET", "/sessions/{ses}/replay", To(Read)),
    ("POST", "/sessions/{ses}/receipts", To(RunCampaigns)),
    ("POST", "/leads", To(RunCampaigns)),
    ("GET", "/leads", To(Read)),
    ("POST", "/leads/bulk", To(RunCampaigns)),
    ("GET", "/leads/{lead}", To(Read)),
    ("PATCH", "/leads/{lead}", To(RunCampaigns)),
    ("GET", "/leads/{lead}/sessions", To(Read)),
    ("GET", "/leads/{lead}/replies", To(Read)),
    ("DELETE", "/leads/{lead}", To(RunCampaigns)),
    ("POST", "/webhooks", To(EditWebhooks)),
    ("GET", "/webhooks", To(Read)),
    ("GET", "/webhooks/events", To(Read)),
    ("GET", "/webhooks/{whk}", To(Read)),
    ("PATCH", "/webhooks/{whk}", To(EditWebhooks)),
    ("POST", "/webhooks/{whk}/rotate-secret", To(EditWebhooks)),
    ("POST", "/webhooks/{whk}/test", To(EditWebhooks)),
    ("GET", "/webhooks/{whk}/deliveries", To(Read)),
    ("POST", "/webhooks/{whk}/replay", To(EditWebhooks)),
    ("GET", "/deliveries/{dlv}", To(Read)),
    ("POST", "/deliveries/{dlv}/replay", To(EditWebhooks)),
    ("DELETE", "/webhooks/{whk}", To(EditWebhooks)),
    ("POST", "/uploads", To(RunCampaigns)),
    ("GET", "/uploads", To(Read)),
    ("GET", "/uploads/{upl}", To(Read)),
    ("PUT", "/uploads/{upl}/mapping", To(RunCampaigns)),
    ("PATCH", "/uploads/{upl}/data", To(RunCampaigns)),
    ("GET", "/uploads/{upl}/preview", To(Read)),
    ("GET", "/uploads/{upl}/errors.csv", To(Read)),
    ("DELETE", "/uploads/{upl}", To(RunCampaigns)),
    ("GET", "/auth/options", Nothing),
    ("POST", "/auth/signup", Nothing),
    ("POST", "/auth/login", Nothing),
    ("POST", "/auth/refresh", Nothing),
    ("POST", "/auth/logout", Nothing),
    ("POST", "/auth/password/forgot", Nothing),
    ("POST", "/auth/password/reset", Nothing),
    ("GET", "/auth/google", Nothing),
    ("GET", "/auth/google/callback", Nothing),
    ("POST", "/auth/password/change", User),
    ("POST", "/auth/invites/accept", User),
    ("GET", "/users/me", User),
    ("POST", "/workspaces", User),
    ("GET", "/workspaces", To(Read)),
    ("GET", "/workspaces/{org}", To(Read)),
    ("PATCH", "/workspaces/{org}", To(EditWorkspace)),
    ("DELETE", "/workspaces/{org}", To(EditWorkspace)),
    ("GET", "/workspaces/{org}/members", To(Read)),
    ("PATCH", "/workspaces/{org}/members/{usr}", To(ManageMembers)),
    ("DELETE", "/workspaces/{org}/members/{usr}", To(ManageMembers)),
    ("POST", "/workspaces/{org}/invite", To(ManageMembers)),
    ("GET", "/workspaces/{org}/invites", To(SeeInvites)),
    ("DELETE", "/workspaces/{org}/invites/{inv}", To(ManageMembers)),
    ("GET", "/audit-log", To(ReadAudit)),
    ("POST", "/erasures", To(ErasePeople)),
    ("GET", "/erasures", To(SeeErasures)),
    ("GET", "/erasures/{era}", To(SeeErasures)),
    ("POST", "/api-keys", To(ManageKeys)),
    ("GET", "/api-keys", To(SeeKeys)),
    ("POST", "/api-keys/{key}/rotate", To(ManageKeys)),
    ("DELETE", "/api-keys/{key}", To(ManageKeys)),
    ("POST", "/workspaces/{org}/leave", To(Read)),
    ("POST", "/auth/logout-all", User),
];

/// Somebody who asks.
#[derive(Clone, Copy, Debug)]
enum Caller {
    Nobody,
    Key(Role),
    Expired,
    Revoked,
    Scoped(Role, Scope),
    Member(Role),
    Superuser,
    Outsider,
}

const CALLERS: &[Caller] = &[
    Caller::Nobody,
    Caller::Key(Role::Member),
    Caller::Key(Role::Developer),
    Caller::Key(Role::Admin),
    Caller::Expired,
    Caller::Revoked,
    Caller::Scoped(Role::Admin, Scope::Read),
    Caller::Scoped(Role::Admin, Scope::AgentsWrite),
    Caller::Scoped(Role::Admin, Scope::SessionsWrite),
    Caller::Scoped(Role::Admin, Scope::Admin),
    Caller::Scoped(Role::Member, Scope::Admin),
    Caller::Member(Role::Member),
    Caller::Member(Role::Developer),
    Caller::Member(Role::Admin),
    Caller::Superuser,
    Caller::Outsider,
];

/// How one is let in.
#[derive(PartialEq, Debug)]
enum Entry {
    Unknown,
    Forbidden,
    Missing,
    In,
}

impl Caller {
    /// What the doors are to say in `ours`.
    fn expects(self, needs: Needs, path: &str) -> Entry {
        let if_so = |may: bool| if may { Entry::In } else { Entry::Forbidden };
        match (needs, self) {
            (Nothing, _) => Entry::In,
            (_, Self::Nobody | Self::Expired | Self::Revoked) => Entry::Unknown,
            (User, Self::Key(_) | Self::Scoped(..)) => Entry::Forbidden,
            (User, _) => Entry::In,
            // Which are one's own; for a user it needs no workspace.
            (To(_), Self::Outsider) if path == "/workspaces" => Entry::In,
            (To(_), Self::Outsider) => Entry::Missing,
            (To(RunFleet), Self::Key(_) | Self::Scoped(..) | Self::Member(_)) => Entry::Forbidden,
            // A key is no member that could leave.
            (To(_), Self::Key(_) | Self::Scoped(..)) if path.ends_with("/leave") => Entry::Forbidden,
            (To(action), Self::Key(role) | Self::Member(role)) => if_so(role.may(action)),
            (To(action), Self::Scoped(role, scope)) => {
                if_so(role.may(action) && Scopes::only([scope]).cover(action))
            }
            (To(_), Self::Superuser) => Entry::In,
        }
    }

    /// What they show.
    async fn shows(self, world: &World) -> String {
        let now = world.engine.clock().now();
        let (role, scopes, expires_at) = match self {
            Self::Nobody => return String::new(),
            Self::Member(role) => return world.user("caller@x.de", Some(role), false).await.1,
            Self::Superuser => return world.user("caller@x.de", None, true).await.1,
            Self::Outsider => return world.user("caller@x.de", None, false).await.1,
            Self::Key(role) => (role, Scopes::ALL, None),
            Self::Revoked => (Role::Admin, Scopes::ALL, None),
            Self::Expired => (Role::Admin, Scopes::ALL, Some(now)),
            Self::Scoped(role, scope) => (role, Scopes::only([scope]), None),
        };
        let made = new_key(rand::random());
        let mut tx = world.engine.store().write().await.unwrap();
        let ours = tx.workspace_named("ours", now).await.unwrap().id;
        let new = NewApiKey { scopes, expires_at, ..new_api_key(ours, role, &made) };
        let key = tx.insert_key(&new, now - TimeDelta::hours(1)).await.unwrap();
        if matches!(self, Self::Revoked) {
            tx.revoke_key(key.id, now).await.unwrap();
        }
        tx.commit().await.unwrap();
        made.secret
    }
}

/// Ids of things of `ours`, by their place in a path.
async fn places(world: &World) -> Vec<(&'static str, String)> {
    let things = world.things().await;
    let (user, _) = world.user("somebody@x.de", Some(Role::Admin), false).await;
    let ours = world.workspace_of("ours").await;
    let group = json!({"name": "group", "members": [{"trunkId": things.trunk}]});
    let invite = world.post(&format!("/workspaces/{ours}/invite"), json!({"email": "new@x.de"})).await;
    vec![
        ("{agt}", things.agent),
        ("{trk}", things.trunk),
        ("{tgr}", world.post("/trunk-groups", group).await.id()),
        ("{cmp}", things.campaign),
        ("{rcp}", things.recipient),
        ("{imp}", things.import),
        ("{ses}", things.session),
        ("{dlv}", {
            let path = format!("/webhooks/{}/test", things.webhook);
            world.post(&path, json!({"event": "session.ended"})).await.id()
        }),
        ("{whk}", things.webhook),
        ("{upl}", world.upload("/uploads", "text/csv", "to\n+919876543210\n").await.id()),
        ("{sup}", things.suppression),
        ("{lead}", world.post("/leads", json!({"number": "+919876543218"})).await.id()),
        ("{era}", world.post("/erasures", json!({"number": "+919876543217"})).await.id()),
        ("{org}", ours),
        ("{usr}", user.to_string()),
        ("{inv}", invite.id()),
        (
            "{key}",
            world
                .post("/api-keys", json!({"name": "extra", "role": "member", "scopes": ["admin"]}))
                .await
                .id(),
        ),
    ]
}

fn filled(path: &str, places: &[(&str, String)]) -> String {
    places.iter().fold(path.to_owned(), |path, (place, id)| path.replace(place, id))
}

#[test]
fn every_endpoint_is_in_the_table() {
    let mut served: Vec<(Method, String)> = endpoints();
    let listed = TABLE.iter().map(|(method, path, _)| (method.parse().unwrap(), whole(path)));
    let mut listed: Vec<(Method, String)> = listed.collect();
    let order = |it: &(Method, String)| (it.1.clone(), it.0.to_string());
    served.sort_by_key(order);
    listed.sort_by_key(order);
    assert_eq!(served, listed, "say in TABLE whom a new endpoint is for");
}

#[tokio::test]
async fn everybody_gets_in_where_they_may_and_nowhere_else() {
    for &caller in CALLERS {
        let world = World::new().await;
        let places = places(&world).await;
        let shown = caller.shows(&world).await;
        // A user who is no member has to say which workspace they mean.
        let ours = world.workspace_of("ours").await;
        let headers: &[(&str, &str)] = match caller {
            Caller::Superuser | Caller::Outsider => &[("x-workspace-id", &ours)],
            _ => &[],
        };
        for &(method, template, needs) in TABLE {
            let path = filled(template, &places);
            let answer = world.call_with(&shown, headers, method, &path, Value::Null).await;
            let told = match answer.status.as_u16() {
                // Whoever shows nothing at the doors that are open to anybody may still be refused for what they did not show.
                _ if needs == Nothing => Entry::In,
                401 => Entry::Unknown,
                403 => Entry::Forbidden,
                404 if answer.body["message"].as_str().is_some_and(|it| it.contains("workspace in this")) => {
                    Entry::Missing
                }
                _ => Entry::In,
            };
            assert_eq!(told, caller.expects(needs, template), "{caller:?} {method} {path}: {}", answer.text);
            assert_ne!(answer.status.as_u16(), 405, "{method} {path}");
            assert!(answer.status.as_u16() < 500, "{caller:?} {method} {path}: {}", answer.text);
            if told == Entry::Unknown {
                assert_eq!(answer.headers["www-authenticate"], "Bearer");
            }
        }
    }
}

/// Refusals of Samora's dialect have no code.
#[track_caller]
fn refused(answer: Answer, path: &str, status: u16, code: &str) {
    match whole(path) == path {
        true => assert_eq!(answer.status.as_u16(), status, "{path}: {}", answer.text),
        false => assert_eq!(answer.refusal(status), code, "{path}"),
    }
}

#[tokio::test]
async fn another_workspace_does_not_exist() {
    let world = World::new().await;
    let places = places(&world).await;
    let theirs = world.workspace_of("theirs").await;
    let (_, member) = world.user("member@x.de", Some(Role::Admin), false).await;
    for &(method, template, needs) in TABLE {
        let path = filled(template, &places);
        let To(action) = needs else { continue };
        if action.concerns_everybody() {
            continue; // there is one fleet
        }
        if path != template {
            // The stranger's key opens `theirs`; what is in the path is ours.
            let body = match (method, template) {
                ("PATCH", "/workspaces/{org}/members/{usr}") => json!({"role": "member"}),
                ("PATCH", "/uploads/{upl}/data") => continue, // bytes; see `uploads`
                ("PATCH", "/leads/{lead}") => json!({"timezone": "Asia/Kolkata"}),
                ("PATCH", _) | ("PUT", "/v2/webhooks/{whk}") => json!({"name": "x"}),
                ("POST", "/v1/external/campaigns/{agt}") => json!({"name": "x"}),
                ("PUT", it) if it.ends_with("{agt}/{cmp}") => json!({"retry_config": null}),
                ("POST", it) if it.ends_with("/scheduled-calls") => {
                    json!({"phone_numbers": [{"to_number": "+919876543219"}]})
                }
                ("POST", it) if it.ends_with("/receipts") => json!({"status": "delivered"}),
                ("PUT", it) if it.ends_with("/transcript") => json!({"transcript": []}),
                ("POST", it) if it.ends_with("/transfer") => json!({"to": "sales"}),
                ("POST", it) if it.ends_with("/test") => json!({"event": "session.ended"}),
                ("PUT", it) if it.ends_with("/mapping") => json!({}),
                ("POST", it) if it.ends_with("/recipients") => {
                    json!({"recipients": [{"to": "+919876543219"}]})
                }
                ("POST", it) if it.ends_with("/reschedule") => json!({"at": "2026-11-23T10:00:00Z"}),
                ("POST", it) if it.ends_with("/import") => continue, // a file; see `auth`
                _ => Value::Null,
            };
            let answer = world.call(&world.stranger, method, &path, body).await;
            refused(answer, &path, 404, "NOT_FOUND");
        }
        if template == "/workspaces" {
            continue; // lists one's own, whatever the header says
        }
        // A member of ours has no business in theirs, and a key of ours is told that it is the wrong one.
        let other = filled(template, &[("{org}", theirs.clone())]);
        let other = filled(&other, &places);
        for header in ["x-workspace-id", "X-Organization-Id"] {
            let named = [(header, theirs.as_str())];
            let answer = world.call_with(&member, &named, method, &other, Value::Null).await;
            refused(answer, &other, 404, "NOT_FOUND");
            let answer = world.call_with(&world.admin, &named, method, &other, Value::Null).await;
            refused(answer, &other, 403, "FORBIDDEN");
        }
    }
    let unknown = [("x-workspace-id", "nonsense")];
    assert_eq!(
        world.call_with(&world.admin, &unknown, "GET", "/agents", Value::Null).await.refusal(404),
        "NOT_FOUND"
    );
    let ours = world.workspace_of("ours").await;
    let both = [("x-workspace-id", ours.as_str()), ("x-organization-id", ours.as_str())];
    world.call_with(&world.admin, &both, "GET", "/agents", Value::Null).await.expect(200);
    let two = [("x-workspace-id", ours.as_str()), ("x-organization-id", theirs.as_str())];
    assert_eq!(
        world.call_with(&world.admin, &two, "GET", "/agents", Value::Null).await.field(),
        "X-Workspace-Id"
    );
}

#[tokio::test]
async fn nonsense_is_no_key() {
    let world = World::new().await;
    let changed = format!("{}x", &world.admin[..world.admin.len() - 1]);
    let endless = format!("rfk_{}", "x".repeat(5_000));
    let (_, token) = world.user("a@x.de", Some(Role::Admin), false).await;
    let cut = token[..token.len() - 2].to_owned();
    for wrong in ["rfk_unknown", "nonsense", "a.b.c", &changed, &endless, &cut] {
        let answer = world.call(wrong, "GET", "/agents", Value::Null).await;
        assert_eq!(answer.headers["www-authenticate"], "Bearer");
        assert_eq!(answer.refusal(401), "UNAUTHORIZED", "{wrong}");
    }
    world.clock.advance(std::time::Duration::from_secs(15 * 60));
    assert_eq!(world.call(&token, "GET", "/agents", Value::Null).await.refusal(401), "UNAUTHORIZED");
}
