//! Signing up, logging in, staying in, getting out.

use std::time::Duration;

use axum::http::header;
use ringfleet_api::ApiSettings;
use ringfleet_engine::{AccessSettings, Signup};
use serde_json::{Value, json};

use crate::support::{Answer, World};

const PASSWORD: &str = "correct horse battery";

/// An empty installation.
async fn fresh(signup: Signup) -> World {
    World::empty(|settings| ApiSettings { access: AccessSettings { signup }, ..settings }).await
}

async fn open(world: &World, path: &str, body: Value) -> Answer {
    world.call_with("", &[], "POST", path, body).await
}

async fn sign_up(world: &World, email: &str) -> Answer {
    open(world, "/auth/signup", json!({"email": email, "password": PASSWORD, "workspace": email})).await
}

fn token(answer: &Answer) -> String {
    answer.data()["accessToken"].as_str().unwrap().to_owned()
}

/// What the browser keeps.
fn cookie(answer: &Answer) -> String {
    let set = answer.headers[header::SET_COOKIE].to_str().unwrap();
    assert!(set.contains("; HttpOnly; SameSite=Strict") && set.contains("; Path=/api/v1/auth;"), "{set}");
    set.split(';').next().unwrap().to_owned()
}

async fn refresh(world: &World, cookie: &str) -> Answer {
    world.call_with("", &[("cookie", cookie)], "POST", "/auth/refresh", Value::Null).await
}

async fn me(world: &World, token: &str) -> Answer {
    world.call(token, "GET", "/users/me", Value::Null).await
}

#[tokio::test]
async fn the_first_user_runs_the_installation_and_the_next_needs_an_invitation() {
    let world = fresh(Signup::First).await;
    let first = sign_up(&world, " Ana@X.de ").await.expect(200);
    let me = me(&world, &token(&first)).await;
    assert_eq!((&me.data()["superuser"], &me.data()["email"]), (&json!(true), &json!("ana@x.de")));
    assert_eq!(me.data()["workspaces"][0]["role"], "admin");
    assert!(!me.text.contains("argon2"), "{}", me.text);
    world.call(&token(&first), "GET", "/agents", Value::Null).await.expect(200);
    assert_eq!(sign_up(&world, "ben@x.de").await.refusal(403), "FORBIDDEN");
}

#[tokio::test]
async fn an_installation_in_use_cannot_be_taken_over() {
    let world = World::new().await; // it has workspaces with keys
    let answer = sign_up(&world, "ana@x.de").await.expect(403);
    assert!(answer.text.contains("ringfleet user create"), "{}", answer.text);
    assert_eq!(sign_up(&fresh(Signup::Off).await, "ana@x.de").await.refusal(403), "FORBIDDEN");
}

#[tokio::test]
async fn the_ways_in_are_shown_to_everybody() {
    for (signup, before, after) in
        [(Signup::First, true, false), (Signup::Open, true, true), (Signup::Off, false, false)]
    {
        let world = fresh(signup).await;
        let options =
            async || world.call_with("", &[], "GET", "/auth/options", Value::Null).await.expect(200);
        assert_eq!(
            *options().await.data(),
            json!({"signup": before, "first": before, "google": false, "mail": false})
        );
        sign_up(&world, "ana@x.de").await;
        let options = options().await;
        assert_eq!(
            (&options.data()["signup"], &options.data()["first"]),
            (&json!(after), &json!(false)),
            "{signup:?}"
        );
    }
}

#[tokio::test]
async fn wrong_values_are_named() {
    let world = fresh(Signup::Open).await;
    for (body, field) in [
        (json!({"email": "nobody", "password": PASSWORD}), "email"),
        (json!({"email": "a@x.de", "password": "too short"}), "password"),
        (json!({"email": "longaddress@x.de", "password": "LongAddress@x.de"}), "password"),
        (json!({"email": "a@x.de", "password": PASSWORD, "workspace": " "}), "workspace"),
        (json!({"email": "a@x.de", "password": PASSWORD, "inviteToken": "x"}), "token"),
        (json!({"email": "a@x.de", "password": PASSWORD, "superuser": true}), "superuser"),
        (json!({"email": "a@x.de"}), "password"),
    ] {
        assert_eq!(open(&world, "/auth/signup", body.clone()).await.field(), field, "{body}");
    }
    sign_up(&world, "a@x.de").await.expect(200);
    let other = sign_up(&world, "b@x.de").await.expect(200);
    assert_eq!(other.data()["user"]["superuser"], false);
    assert_eq!(sign_up(&world, "a@x.de").await.refusal(409), "ALREADY_EXISTS");
}

#[tokio::test]
async fn whatever_is_wrong_at_the_door_the_answer_is_the_same() {
    let world = fresh(Signup::Open).await;
    sign_up(&world, "ana@x.de").await.expect(200);
    let log_in = async |email: &str, password: &str| {
        open(&world, "/auth/login", json!({"email": email, "password": password})).await
    };
    log_in("ANA@x.de", PASSWORD).await.expect(200);
    let (wrong, unknown) =
        (log_in("ana@x.de", "wrong horse battery").await, log_in("eva@x.de", PASSWORD).await);
    assert_eq!((wrong.status, &wrong.body), (unknown.status, &unknown.body));
    assert_eq!(wrong.refusal(401), "UNAUTHORIZED");
    // Attempts are counted alike for accounts there are and those there are not.
    for email in ["ana@x.de", "eva@x.de"] {
        for _ in 0..4 {
            log_in(email, "wrong horse battery").await.expect(401);
        }
        let mut answer = log_in(email, "wrong horse battery").await;
        if answer.status == 401 {
            answer = log_in(email, PASSWORD).await; // the right one has to wait as well
        }
        assert_eq!(answer.headers[header::RETRY_AFTER], "1", "{}", answer.text);
        assert_eq!(answer.refusal(429), "TOO_MANY_ATTEMPTS");
    }
    world.clock.advance(Duration::from_secs(2));
    log_in("ana@x.de", PASSWORD).await.expect(200);
}

#[tokio::test]
async fn attempts_at_once_are_counted_one_by_one() {
    let world = fresh(Signup::Open).await;
    sign_up(&world, "ana@x.de").await.expect(200);
    let attempts =
        (0..12).map(|_| open(&world, "/auth/login", json!({"email": "ana@x.de", "password": "wrong horse"})));
    let answers = futures::future::join_all(attempts).await;
    let tried = answers.iter().filter(|answer| answer.status == 401).count();
    assert_eq!(tried, 6, "five for free, and the one after which one waits");
}

#[tokio::test]
async fn a_refresh_token_is_good_once() {
    let world = fresh(Signup::First).await;
    let first = sign_up(&world, "ana@x.de").await;
    let (old, old_token) = (cookie(&first), token(&first));
    let renewed = refresh(&world, &old).await.expect(200);
    let new = cookie(&renewed);
    assert_ne!(new, old);
    // Twice in a moment: the same successor, nothing is lost.
    assert_eq!(cookie(&refresh(&world, &old).await.expect(200)), new);
    let newest = cookie(&refresh(&world, &new).await.expect(200));
    me(&world, &old_token).await.expect(200);
    // Two generations old: somebody has stolen it.
    assert_eq!(refresh(&world, &old).await.refusal(401), "UNAUTHORIZED");
    assert_eq!(refresh(&world, &newest).await.refusal(401), "UNAUTHORIZED");
    for dead in [&old_token, &token(&renewed)] {
        assert_eq!(me(&world, dead).await.refusal(401), "UNAUTHORIZED", "the family is dead at once");
    }
}

#[tokio::test]
async fn the_grace_is_short_and_a_made_up_token_harms_nobody() {
    let world = fresh(Signup::First).await;
    let old = cookie(&sign_up(&world, "ana@x.de").await);
    let new = cookie(&refresh(&world, &old).await.expect(200));
    let made_up = format!("{}AAAA", &new[..new.len() - 4]);
    refresh(&world, &made_up).await.expect(401);
    assert_eq!(refresh(&world, "").await.refusal(401), "UNAUTHORIZED");
    let newer = cookie(&refresh(&world, &new).await.expect(200));
    world.clock.advance(Duration::from_secs(11));
    refresh(&world, &new).await.expect(401);
    refresh(&world, &newer).await.expect(401);
}

#[tokio::test]
async fn logging_out_ends_it_at_once() {
    let world = fresh(Signup::First).await;
    sign_up(&world, "ana@x.de").await.expect(200);
    let log_in = async || {
        open(&world, "/auth/login", json!({"email": "ana@x.de", "password": PASSWORD})).await.expect(200)
    };
    let (one, two, three) = (log_in().await, log_in().await, log_in().await);
    let out = world
        .call_with("", &[("cookie", &cookie(&one))], "POST", "/auth/logout", Value::Null)
        .await
        .expect(200);
    assert!(out.headers[header::SET_COOKIE].to_str().unwrap().contains("Max-Age=0"));
    me(&world, &token(&one)).await.expect(401);
    me(&world, &token(&two)).await.expect(200);
    let change = |old: &str| json!({"currentPassword": old, "newPassword": "another horse battery"});
    let path = "/auth/password/change";
    assert_eq!(world.call(&token(&two), "POST", path, change("wrong")).await.field(), "currentPassword");
    world.call(&token(&two), "POST", path, change(PASSWORD)).await.expect(200);
    me(&world, &token(&two)).await.expect(200);
    me(&world, &token(&three)).await.expect(401);
    open(&world, "/auth/login", json!({"email": "ana@x.de", "password": PASSWORD})).await.expect(401);
    world.call(&token(&two), "POST", "/auth/logout-all", Value::Null).await.expect(200);
    me(&world, &token(&two)).await.expect(401);
}

#[tokio::test]
async fn a_login_ends_after_thirty_days_of_rest() {
    let world = fresh(Signup::First).await;
    let first = cookie(&sign_up(&world, "ana@x.de").await);
    world.clock.advance(Duration::from_secs(29 * 86_400));
    let second = cookie(&refresh(&world, &first).await.expect(200));
    world.clock.advance(Duration::from_secs(30 * 86_400));
    refresh(&world, &second).await.expect(401);
}
