use serde_json::{Value, json};

use crate::support::{World, without};

#[tokio::test]
async fn good_ones_are_kept_and_bad_ones_listed() {
    let world = World::new().await;
    let path = format!("/campaigns/{}/recipients", world.campaign().await);
    world.post(&path, json!({"recipients": [{"to": "+919876543200"}]})).await.expect(200);
    let long = "x".repeat(4096);
    let list = json!([
        {"to": "+919876543210", "variables": {"name": "Ana"}, "timezone": "Asia/Kolkata"},
        {"to": "9876543210"},
        {"to": "+91 98765 43210"},
        {"to": "+919876543210"},
        {"to": "+919876543200"},
        {"to": "9.19877E+11"},
        {},
        {"to": null},
        {"to": 919876543210u64},
        {"to": "+919876543211", "timezone": "next to the sea"},
        {"to": "+919876543212", "variables": {"text": long}},
        {"to": "+919876543213", "variables": [1]},
        {"to": "+919876543214", "variables": null, "timezone": null},
        {"to": "+919876543215", "timezone": 5},
    ]);
    let answer = world.post(&path, json!({"recipients": list})).await.expect(200);
    assert_eq!(answer.data()["accepted"], 2);
    let rejected: Vec<(u64, &str, &str)> = answer.data()["rejected"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| (r["index"].as_u64().unwrap(), r["field"].as_str().unwrap(), r["code"].as_str().unwrap()))
        .collect();
    assert_eq!(
        rejected,
        [
            (1, "to", "no_country_code"),
            (2, "to", "not_a_number"),
            (3, "to", "duplicate_in_request"),
            (4, "to", "duplicate_in_campaign"),
            (5, "to", "scientific_notation"),
            (6, "to", "empty"),
            (7, "to", "empty"),
            (8, "to", "not_a_number"),
            (9, "timezone", "bad_timezone"),
            (10, "variables", "variables_too_large"),
            (11, "variables", "variables_not_an_object"),
            (13, "timezone", "bad_timezone"),
        ]
    );
    assert_eq!(answer.data()["rejected"][0]["value"], "9876543210");
    assert!(answer.data()["rejected"][0]["reason"].as_str().unwrap().contains("country code"));
    assert_eq!(answer.data()["rejected"][9]["value"].as_str().unwrap().chars().count(), 100);
    let kept = world.get(&path).await;
    assert_eq!(kept.data().as_array().unwrap().len(), 3);
    let ana = kept.data().as_array().unwrap().iter().find(|r| r["to"] == "+919876543210").unwrap();
    assert_eq!(ana["variables"], json!({"name": "Ana"}));
    assert_eq!(ana["timezone"], "Asia/Kolkata");
    assert_eq!(ana["attempts"], 0);
    let shown = world.get(&format!("{path}/{}", ana["id"].as_str().unwrap())).await;
    assert_eq!(without(shown.data(), "channels"), *ana);
}

#[tokio::test]
async fn a_wrong_form_refuses_the_whole_list() {
    let world = World::new().await;
    let path = format!("/campaigns/{}/recipients", world.campaign().await);
    for (body, field) in [
        (json!({}), "recipients"),
        (json!({"recipients": []}), "recipients"),
        (json!({"recipients": "x"}), "recipients"),
        (json!({"recipients": null}), "recipients"),
        (
            json!({"recipients": [{"to": "+919876543210"}, {"to": "+919876543211", "phone": 1}]}),
            "recipients[1].phone",
        ),
        (json!({"recipients": ["+919876543210"]}), "recipients[0]"),
        (json!({"recipients": [["+919876543210"]]}), "recipients[0]"),
        (json!({"recipients": [{"to": "+919876543210"}], "more": 1}), "more"),
        (
            json!({"recipients": [{"to": "+919876543210", "variables": {"a": {"b": ["c\0"]}}}]}),
            "recipients[0].variables.a.b[0]",
        ),
    ] {
        assert_eq!(world.post(&path, body.clone()).await.field(), field, "{body}");
    }
    assert_eq!(world.get(&path).await.data(), &json!([]));
}

#[tokio::test]
async fn five_thousand_fit_and_one_more_does_not() {
    let world = World::new().await;
    let path = format!("/campaigns/{}/recipients", world.campaign().await);
    let list = |n: u64| json!({"recipients": (0..n).map(|i| json!({"to": format!("+9198765{i:05}")})).collect::<Vec<Value>>()});
    assert_eq!(world.post(&path, list(5_001)).await.field(), "recipients");
    assert_eq!(world.get(&path).await.data(), &json!([]));
    let answer = world.post(&path, list(5_000)).await.expect(200);
    assert_eq!(answer.data(), &json!({"accepted": 5_000, "rejected": []}));
}

#[tokio::test]
async fn recipients_are_found_by_campaign_state_and_disposition() {
    let world = World::new().await;
    let (ours, other) = (world.campaign().await, world.campaign().await);
    let path = format!("/campaigns/{ours}/recipients");
    world
        .post(&path, json!({"recipients": [{"to": "+919876543210"}, {"to": "+919876543211"}]}))
        .await
        .expect(200);
    let count =
        async |query: &str| world.get(&format!("{path}?{query}")).await.data().as_array().unwrap().len();
    assert_eq!(count("state=PENDING").await, 2);
    assert_eq!(count("state=&disposition=").await, 2, "an empty filter is none");
    assert_eq!(count("state=DONE").await, 0);
    world.post(&format!("/campaigns/{ours}/cancel"), Value::Null).await.expect(200);
    assert_eq!(count("state=DONE&disposition=CANCELLED").await, 2);
    assert_eq!(count("disposition=REACHED").await, 0);
    let one = world.get(&path).await.data()[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(world.get(&format!("/campaigns/{other}/recipients/{one}")).await.refusal(404), "NOT_FOUND");
}
