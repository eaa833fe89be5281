//! A backup of the embedded database, made while it calls, and what is put back from it.

use std::fs;

use serde_json::{Value, json};

use crate::{
    operator::{Operator, numbers, text},
    support::{SOON, guard, pair::Pair},
};

/// Runs a command that is refused; gives what it says.
async fn refused(pair: &Pair, args: &[&str]) -> String {
    let process = pair.spawn(args, &[]);
    let status = process.wait_exit(SOON).await;
    assert_eq!(status.code(), Some(1), "ringfleet {args:?}");
    process.stderr()
}

fn path(pair: &Pair, name: &str) -> std::path::PathBuf {
    match pair {
        Pair::Embedded(folder) => folder.path().join(name),
        Pair::Fleet { .. } => panic!("it has no folder"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_put_back_calls_nobody_until_somebody_has_looked() {
    let (pair, shelf) = (Pair::embedded(), guard::folder());
    let file = guard::inside(&shelf, "backup.tar");
    assert!(refused(&pair, &["backup", &file]).await.contains("there is no database"));
    let system = pair.start(&[]).await;
    let operator = Operator::new(&system.api);
    let trunk = operator.simulated_trunk(1, 200, json!({})).await;
    let sealed = json!({"name": "C", "kind": "sip", "host": "192.0.2.1", "username": "u", "password": "p"});
    operator.post("/trunks", sealed).await;
    let campaign = operator.campaign(&trunk, json!({"limits": {"maxLiveCalls": 2}})).await;
    campaign.add(&numbers(200, 1)).await;
    let later = operator.campaign(&trunk, json!({"startAt": "2099-01-01T00:00:00Z"})).await;
    later.add(&numbers(1, 2)).await;
    let draft = operator.campaign(&trunk, json!({})).await;
    later.act("start").await;
    campaign.act("start").await;
    campaign.until_ended(5).await;
    fs::create_dir_all(path(&pair, "greetings")).expect("a folder");
    fs::write(path(&pair, "greetings/hello.wav"), "RIFF").expect("a file");
    fs::create_dir_all(path(&pair, "recordings")).expect("a folder");
    fs::write(path(&pair, "recordings/ses_1.wav"), "RIFF, somebody").expect("a file");
    pair.run(&["backup", &file, "--with-recordings"]).await;
    assert!(refused(&pair, &["backup", &file]).await.contains("exists already"));
    campaign.until_ended(10).await; // it has gone on
    system.server.kill9();

    // A file that was torn leaves the folder as it was.
    let other = Pair::embedded();
    let torn = guard::inside(&shelf, "torn.tar");
    let whole = fs::read(&file).expect("the backup");
    fs::write(&torn, &whole[..whole.len() / 2]).expect("a file");
    assert!(refused(&other, &["restore", &torn]).await.contains("no whole backup"));
    assert!(!path(&other, "ringfleet.sqlite").exists());

    fs::copy(path(&pair, "secrets.keys"), path(&other, "secrets.keys")).expect("the key is kept apart");
    let said = other.run(&["restore", &file]).await;
    assert!(said.contains("2 campaigns were calling"), "{said}");
    assert!(refused(&other, &["restore", &file]).await.contains("is not empty"));
    assert_eq!(fs::read(path(&other, "greetings/hello.wav")).expect("it is there"), b"RIFF");
    assert!(path(&other, "recordings/ses_1.wav").exists());

    // Where the configuration says that they are, they are.
    let third = Pair::embedded();
    let place = guard::inside(&shelf, "spoken");
    let restored = third.spawn(&["restore", &file], &[("RINGFLEET_MEDIA__GREETINGS", &place)]);
    assert!(restored.wait_exit(SOON).await.success(), "{}", restored.stderr());
    assert_eq!(fs::read(format!("{place}/hello.wav")).expect("it is there"), b"RIFF");
    assert!(path(&third, "recordings/ses_1.wav").exists());

    // Its key was not put beside it: no other is made, which somebody could take for it.
    let said = refused(&third, &["up", "--listen", "127.0.0.1:0"]).await;
    assert!(said.contains("sealed with a key that is not there"), "{said}");
    assert!(!path(&third, "secrets.keys").exists());

    let system = other.start(&[]).await;
    let operator = Operator::new(&system.api);
    for id in [&campaign.id, &later.id] {
        let shown = operator.get(&format!("/campaigns/{id}")).await;
        assert_eq!(shown["status"], "PAUSED", "{shown}");
        assert!(text(&shown["reason"]).starts_with("restored from a backup of 20"), "{shown}");
    }
    assert_eq!(operator.get(&format!("/campaigns/{}", draft.id)).await["status"], "DRAFT");
    let again = crate::operator::Campaign { operator: operator.clone(), id: campaign.id.clone() };
    let stats: Value = again.stats().await;
    assert_eq!(stats["recipients"]["total"], 200, "{stats}");
    again.act("start").await;
    let finished = again.finished().await;
    assert_eq!(finished["recipients"]["done"], 200, "{finished}");
    let audit = operator.get(&format!("/audit-log?target={}", campaign.id)).await;
    assert!(
        audit.as_array().expect("a list").iter().any(|entry| entry["action"] == "campaign.pause"),
        "{audit}"
    );
}
