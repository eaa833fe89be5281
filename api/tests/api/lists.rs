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
