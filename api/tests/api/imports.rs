use axum::body::{Body, Bytes};
use serde_json::{Value, json};

use crate::support::World;

const FORM: &str = "multipart/form-data; boundary=XX";

fn form(parts: &[(&str, &str)]) -> String {
    let part = |(head, body): &(&str, &str)| {
        format!("--XX\r\nContent-Disposition: form-data; {head}\r\n\r\n{body}\r\n")
    };
    parts.iter().map(part).collect::<String>() + "--XX--\r\n"
}

async fn import_path(world: &World) -> String {
    format!("/campaigns/{}/recipients/import", world.campaign().await)
}

#[tokio::test]
async fn a_csv_body_becomes_recipients_and_bad_rows_a_file() {
    let world = World::new().await;
    let path = import_path(&world).await;
    let csv = "phone,name\n+919876543210,Ana\n=SUM(A1),Bo\n9876543211,\"C, D\"\n+919876543210,Eve\n";
    let done = world.upload(&path, "text/csv; charset=utf-8", csv).await.expect(200);
    for (name, value) in [
        ("status", json!("FINISHED")),
        ("rows", json!(4)),
        ("accepted", json!(1)),
        ("rejected", json!(3)),
        ("error", Value::Null),
    ] {
        assert_eq!(done.data()[name], value, "{name}");
    }
    let shown = format!("/imports/{}", done.id());
    assert_eq!(world.get(&shown).await.data(), done.data());
    assert_eq!(&world.get("/imports").await.expect(200).data()[0], done.data());
    let of = format!("/imports?campaignId={}", done.data()["campaignId"].as_str().unwrap());
    assert_eq!(&world.get(&of).await.expect(200).data()[0], done.data());
    let other = format!("/imports?campaignId={}", world.campaign().await);
    assert_eq!(world.get(&other).await.expect(200).data(), &json!([]));
    let file = world.get(&format!("{shown}/errors.csv")).await;
    assert_eq!(file.status, 200);
    assert_eq!(file.headers["content-type"], "text/csv; charset=utf-8");
    assert!(file.headers["content-disposition"].to_str().unwrap().starts_with("attachment; filename=\"imp_"));
    let lines: Vec<&str> = file.text.lines().collect();
    assert_eq!(lines[0], "line,column,value,reason");
    assert!(lines[1].starts_with("3,phone,'=SUM(A1),not_a_number"), "{}", lines[1]);
    assert!(lines[2].starts_with("4,phone,9876543211,no_country_code"), "{}", lines[2]);
    assert!(lines[3].starts_with("5,phone,'+919876543210,duplicate_in_file"), "{}", lines[3]);
    assert_eq!(lines.len(), 4);
}

#[tokio::test]
async fn the_first_file_of_a_form_is_the_list() {
    let world = World::new().await;
    let path = import_path(&world).await;
    let body = form(&[
        ("name=\"note\"", "to\n+919876543219\n"),
        ("name=\"file\"; filename=\"list.csv\"", "to\n+919876543210\n+919876543211\n"),
        ("name=\"more\"; filename=\"other.csv\"", "to\n+919876543212\n"),
    ]);
    let done = world.upload(&path, FORM, body).await.expect(200);
    assert_eq!(done.data()["accepted"], 2);
    let none = world.upload(&path, FORM, form(&[("name=\"file\"", "to\n+919876543210\n")])).await;
    assert_eq!(none.field(), "file");
    assert_eq!(world.upload(&path, FORM, "--XX--\r\n").await.field(), "file");
    assert_eq!(world.upload(&path, FORM, "nonsense").await.refusal(400), "BROKEN_UPLOAD");
    assert_eq!(world.upload(&path, "multipart/form-data", "x").await.refusal(415), "UNSUPPORTED_MEDIA_TYPE");
    let empty = world.upload(&path, FORM, form(&[("name=\"file\"; filename=\"list.csv\"", "")])).await;
    assert_eq!(empty.status, 422, "{}", empty.text);
}

#[tokio::test]
async fn a_column_can_be_named_and_a_missing_one_is_the_clients_mistake() {
    let world = World::new().await;
    let path = import_path(&world).await;
    let csv = "who,telefon\nAna,+919876543210\n";
    assert_eq!(world.upload(&path, "text/csv", csv).await.field(), "column");
    let done = world.upload(&format!("{path}?column=telefon"), "text/csv", csv).await.expect(200);
    assert_eq!(done.data()["accepted"], 1);
}

#[tokio::test]
async fn a_list_may_be_larger_than_any_other_body() {
    let world = World::new().await;
    let path = import_path(&world).await;
    let note = "x".repeat(1_500);
    let rows = |from: u32| {
        let note = note.clone();
        let head = Bytes::from_static(b"to,note\n");
        let rows = (from..from + 2_000).map(move |i| Bytes::from(format!("+9198765{i:05},{note}\n")));
        std::iter::once(head).chain(rows).map(Ok::<_, std::io::Error>)
    };
    let body = Body::from_stream(futures::stream::iter(rows(0)));
    assert_eq!(world.upload(&path, "text/csv", body).await.expect(200).data()["accepted"], 2_000);

    let head = "--XX\r\nContent-Disposition: form-data; name=\"f\"; filename=\"l.csv\"\r\n\r\n";
    let whole = std::iter::once(Ok(head.into())).chain(rows(2_000)).chain([Ok("\r\n--XX--\r\n".into())]);
    let body = Body::from_stream(futures::stream::iter(whole));
    assert_eq!(world.upload(&path, FORM, body).await.expect(200).data()["accepted"], 2_000);
}

#[tokio::test]
async fn an_upload_that_breaks_off_keeps_what_came_and_blocks_nothing() {
    let world = World::new().await;
    let campaign = world.campaign().await;
    let path = format!("/campaigns/{campaign}/recipients/import");
    let broken = |head: &'static str| {
        let parts = [Ok(head), Ok("to\n+919876543210\n+919876543211\n"), Err(std::io::Error::other("gone"))];
        Body::from_stream(futures::stream::iter(parts))
    };
    assert_eq!(world.upload(&path, "text/csv", broken("")).await.refusal(400), "BROKEN_UPLOAD");
    let head = "--XX\r\nContent-Disposition: form-data; name=\"f\"; filename=\"l.csv\"\r\n\r\n";
    assert_eq!(world.upload(&path, FORM, broken(head)).await.refusal(400), "BROKEN_UPLOAD");
    let kept = world.get(&format!("/campaigns/{campaign}/recipients")).await;
    assert_eq!(kept.data().as_array().unwrap().len(), 2);
    world.post(&format!("/campaigns/{campaign}/start"), Value::Null).await.expect(200);
}

#[tokio::test]
async fn a_list_in_another_form_is_not_read() {
    let world = World::new().await;
    let path = import_path(&world).await;
    for media in ["text/plain", "application/vnd.ms-excel", "application/x-ndjson"] {
        assert_eq!(
            world.upload(&path, media, "to\n+919876543210\n").await.refusal(415),
            "UNSUPPORTED_MEDIA_TYPE"
        );
    }
    let packed = crate::support::request("POST", &path)
        .header("authorization", format!("Bearer {}", world.admin))
        .header("content-type", "text/csv")
        .header("content-encoding", "gzip")
        .body(Body::from("x"));
    assert_eq!(world.send(packed.unwrap()).await.refusal(415), "UNSUPPORTED_MEDIA_TYPE");
}

#[tokio::test]
async fn a_long_list_of_rejected_rows_comes_whole_and_in_order() {
    let world = World::new().await;
    let path = import_path(&world).await;
    let csv = format!("to\n{}", "nobody\n".repeat(2_500));
    let done = world.upload(&path, "text/csv", csv).await.expect(200);
    assert_eq!(done.data()["rejected"], 2_500);
    let file = world.get(&format!("/imports/{}/errors.csv", done.id())).await;
    let lines: Vec<u32> =
        file.text.lines().skip(1).map(|l| l.split(',').next().unwrap().parse().unwrap()).collect();
    assert_eq!(lines, (2..=2_501).collect::<Vec<_>>());
}
