use std::collections::HashSet;

use serde_json::json;

use crate::support::World;

#[tokio::test]
async fn pages_hold_every_row_once_while_rows_are_added() {
    let world = World::new().await;
    let path = format!("/campaigns/{}/recipients", world.campaign().await);
    let add = async |from: u32, to: u32| {
        world.tick();
        let list: Vec<_> = (from..to).map(|i| json!({"to": format!("+9198765{i:05}")})).collect();
        world.post(&path, json!({"recipients": list})).await.expect(200);
    };
    add(0, 250).await;
    let (mut ids, mut numbers, mut cursor, mut pages) = (Vec::new(), HashSet::new(), String::new(), 0);
    loop {
        add(1_000 + pages, 1_001 + pages).await;
        let page = world.get(&format!("{path}?limit=40{cursor}")).await.expect(200);
        pages += 1;
        for row in page.data().as_array().unwrap() {
            ids.push(row["id"].as_str().unwrap().to_owned());
            numbers.insert(row["to"].as_str().unwrap().to_owned());
        }
        match page.body["meta"]["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(pages, 7, "251 rows in pages of 40");
    assert_eq!((ids.len(), numbers.len()), (251, 251), "none twice, none left out");
    assert!(ids.is_sorted_by(|a, b| a > b), "newest first");
}

#[tokio::test]
async fn the_last_page_says_so_even_when_it_is_full() {
    let world = World::new().await;
    for _ in 0..4 {
        world.tick();
        world.agent().await;
    }
    let first = world.get("/agents?limit=2").await.expect(200);
    let next = first.body["meta"]["next_cursor"].as_str().expect("another page").to_owned();
    let second = world.get(&format!("/agents?cursor={next}&limit=2")).await.expect(200);
    assert_eq!(second.data().as_array().unwrap().len(), 2);
    assert_eq!(second.body["meta"], json!({"next_cursor": null}));
    assert_eq!(world.get("/agents").await.expect(200).body["meta"], json!({"next_cursor": null}));
}

#[tokio::test]
async fn wrong_parameters_are_named() {
    let world = World::new().await;
    let recipients = format!("/campaigns/{}/recipients", world.campaign().await);
    for (path, field) in [
        ("/agents?limit=0", "limit"),
        ("/agents?limit=101", "limit"),
        ("/agents?limit=-1", "limit"),
        ("/agents?limit=many", "limit"),
        ("/agents?limit=99999999999999999999", "limit"),
        ("/agents?limit=1&limit=2", "limit"),
        ("/agents?cursor=%00", "cursor"),
        ("/agents?cursor=abc", "cursor"),
        ("/agents?cursor=%ff%fe", "cursor"),
        ("/agents?page=2", "page"),
        ("/sessions?status=RINGING", "status"),
        ("/sessions?campaignId=x", "campaignId"),
        ("/sessions?recipientId=x", "recipientId"),
        ("/webhooks?limit=x", "limit"),
        (&format!("{recipients}?state=pending"), "state"),
        (&format!("{recipients}?disposition=X"), "disposition"),
        (&format!("{recipients}?status=DONE"), "status"),
    ] {
        assert_eq!(world.get(path).await.field(), field, "{path}");
    }
    let upload = world.upload(&format!("{recipients}/import?colum=x"), "text/csv", "to\n").await;
    assert_eq!(upload.field(), "colum");
}

#[tokio::test]
async fn lists_are_narrowed_and_turned_round() {
    let world = World::new().await;
    let things = world.things().await;
    let agent = &things.agent;
    world.clock.advance(std::time::Duration::from_secs(3600));
    let other = world.post("/agents", json!({"name": "Zoë 100%_"})).await.id();
    let trunk = &things.trunk;
    let winter = json!({"name": "WINTER 1_0", "agentId": other, "trunkId": trunk});
    let winter = world.post("/campaigns", winter).await.id();
    let recipients = format!("/campaigns/{}/recipients", things.campaign);
    world.call(&world.admin, "POST", &recipients, json!({"recipients": [{"to": "+4915112345678"}]})).await;
    let call = json!({"agentId": other, "trunkId": trunk, "toNumber": "+14155550199"});
    let session = world.post("/sessions", call).await.id();
    let hour = "2026-11-22T10:30:00Z";
    let cases = [
        ("/campaigns?status=DRAFT".to_owned(), 2),
        ("/campaigns?status=PAUSED".into(), 0),
        ("/campaigns?name=winter".into(), 1),
        ("/campaigns?name=WINTER".into(), 1),
        ("/campaigns?name=1_0".into(), 1),
        ("/campaigns?name=1%250".into(), 0),
        (format!("/campaigns?agentId={other}"), 1),
        (format!("/campaigns?agentId={agent}&name=winter"), 0),
        (format!("/campaigns?parentId={winter}"), 0),
        (format!("/campaigns?since={hour}"), 1),
        (format!("/campaigns?until={hour}"), 1),
        ("/agents?name=zo%C3%AB".into(), 1),
        ("/agents?name=0%25_".into(), 1),
        ("/agents?name=0%25x".into(), 0),
        ("/imports?status=FINISHED".into(), 1),
        ("/imports?status=FAILED".into(), 0),
        (format!("/imports?until={hour}&campaignId={}", things.campaign), 1),
        (format!("{recipients}?number=%2B919876543210"), 1),
        (format!("{recipients}?number=%2B919876543210&state=DONE"), 0),
        (format!("{recipients}?number=%2B919876543299"), 0),
        (format!("{recipients}?numberContains=98765"), 2),
        (format!("{recipients}?numberContains=%2B49 151"), 1),
        (format!("{recipients}?numberContains=98765&state=PENDING"), 2),
        (format!("{recipients}?numberContains=98765&state=QUEUED"), 0),
        (format!("{recipients}?hold=RETRY"), 0),
        (format!("/sessions?agentId={other}"), 1),
        ("/sessions?number=%2B14155550199".into(), 1),
        (format!("/sessions?number=%2B14155550199&agentId={agent}"), 0),
        ("/sessions?outcome=ANSWERED".into(), 0),
        (format!("/sessions?since={hour}"), 1),
        (format!("/webhooks?since={hour}"), 0),
        ("/suppressions?number=%2B919876543212".into(), 1),
    ];
    for (path, n) in cases {
        let path = path.replace(' ', "%20");
        let found = world.get(&path).await.expect(200);
        assert_eq!(found.data().as_array().unwrap().len(), n, "{path}: {}", found.text);
    }
    let ids = async |path: &str| -> Vec<String> {
        let found = world.get(path).await.expect(200);
        found.data().as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
    };
    for path in ["/campaigns", "/sessions", "/agents", &recipients, "/audit-log"] {
        let mut newest = ids(path).await;
        assert_eq!(ids(&format!("{path}?sort=-createdAt")).await, newest, "{path}");
        newest.reverse();
        assert_eq!(ids(&format!("{path}?sort=createdAt")).await, newest, "{path}");
        let first = world.get(&format!("{path}?sort=createdAt&limit=1")).await.expect(200);
        let next = first.body["meta"]["next_cursor"].as_str().expect("another one").to_owned();
        let second = ids(&format!("{path}?sort=createdAt&limit=100&cursor={next}")).await;
        assert_eq!(second, newest[1..], "{path}");
    }
    assert_eq!(ids("/sessions?limit=1").await, [session]);
    for (path, field) in [
        ("/campaigns?sort=name", "sort"),
        ("/campaigns?since=now", "since"),
        (&format!("{recipients}?numberContains=abc"), "numberContains"),
        ("/sessions?outcome=GONE", "outcome"),
    ] {
        assert_eq!(world.get(path).await.field(), field, "{path}");
    }
}

#[tokio::test]
async fn a_hold_is_looked_for_as_it_is_shown() {
    let world = World::new().await;
    let campaign = world.campaign().await;
    let recipients = format!("/campaigns/{campaign}/recipients");
    let list: Vec<_> = (0..250).map(|i| json!({"to": format!("+9198765{i:05}")})).collect();
    world.post(&recipients, json!({"recipients": list})).await.expect(200);
    for action in ["start", "pause"] {
        world.post(&format!("/campaigns/{campaign}/{action}"), serde_json::Value::Null).await.expect(200);
    }
    let (mut seen, mut cursor) = (HashSet::new(), String::new());
    loop {
        let page = world.get(&format!("{recipients}?hold=PAUSED&limit=100{cursor}")).await.expect(200);
        for one in page.data().as_array().unwrap() {
            assert_eq!(one["hold"], "PAUSED");
            assert!(seen.insert(one["id"].as_str().unwrap().to_owned()));
        }
        match page.body["meta"]["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen.len(), 250);
    let none = world.get(&format!("{recipients}?hold=WINDOW")).await.expect(200);
    assert_eq!(none.data(), &json!([]));
}
