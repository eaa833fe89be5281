//! Whole files: which rows become recipients, and what is said about the others.

use std::cell::Cell;

use proptest::prelude::*;
use ringfleet_engine::EngineError;
use ringfleet_store::ImportState;
use serde_json::json;

use crate::world::World;

/// A file, its recipients, and its rejected rows as line, column and code.
type Case<'a> = (&'a [u8], &'a [&'a str], &'a [(i64, &'a str, &'a str)]);

#[tokio::test]
async fn every_kind_of_file_is_accounted_for() {
    let cases: &[Case<'_>] = &[
        (b"phone\n+919876543210\n", &["+919876543210"], &[]),
        (b"\xef\xbb\xbfphone,name\r\n+919876543210,Asha\r\n", &["+919876543210"], &[]),
        (b"name;Phone Number\n\"a;b\";'+91 98765-43210", &["+919876543210"], &[]),
        (b"MOBILE\tcity\r(+91) 98765.43210\tPune\r", &["+919876543210"], &[]),
        (b"\xff\xfep\0h\0o\0n\0e\0\n\0+\x004\09\x001\x005\x001\x001\x002\x003\x004\x005\x006\0", &["+49151123456"], &[]),
        (b"phone\n", &[], &[]),
        (b"phone", &[], &[]),
        (b"\n\r\n  \nphone,a\n\n\n1,x\n", &[], &[(7, "phone", "no_country_code")]),
        // Each mistake of a number.
        (
            b"phone\n\"\"\n9.19E+11\n9876543210\n+2109876543210\n+9198\n+9198765432101234\nhello\n",
            &[],
            &[
                (2, "phone", "empty"),
                (3, "phone", "scientific_notation"),
                (4, "phone", "no_country_code"),
                (5, "phone", "unknown_country_code"),
                (6, "phone", "too_short"),
                (7, "phone", "too_long"),
                (8, "phone", "not_a_number"),
            ],
        ),
        // The line a row begins on: quoted breaks, doubled quotes, CRLF, CR, blank lines.
        (
            b"note,phone\r\n\"one\r\ntwo \"\"2\"\"\",+4915111234567\r\n\r\n\"x\r\n\r\n\",no\r\n,+49151112345678\r\nz,no\r\n",
            &["+4915111234567", "+49151112345678"],
            &[(5, "phone", "not_a_number"), (9, "phone", "not_a_number")],
        ),
        (b"phone,n\rno,\"a\rb\"\r\rno,c\r", &[], &[(2, "phone", "not_a_number"), (5, "phone", "not_a_number")]),
        // Counts of columns.
        (
            b"phone,name,city\n+4915111234567,A\n+4915111234568,B,C,D\n+4915111234569,E,F\n",
            &["+4915111234569"],
            &[(2, "city", "wrong_column_count"), (3, "", "wrong_column_count")],
        ),
        (
            b"phone,name,\n+4915111234567,A,\n+4915111234568,B\n+4915111234569,C,,\n",
            &["+4915111234567", "+4915111234568"],
            &[(4, "", "wrong_column_count")],
        ),
        // Twice in the file, however it is written; the first one must have been good.
        (
            b"phone,tz\n+4915111234567,x y\n+49 151 11234567,\n004915111234567,\n",
            &["+4915111234567"],
            &[(2, "tz", "bad_timezone"), (4, "phone", "duplicate_in_file")],
        ),
        // Text that is none.
        (
            b"phone,name\n+4915111234567,M\xfcller\n+4915111234568,a\0b\n\xff,x\n+4915111234569,M\xc3\xbcller\n",
            &["+4915111234569"],
            &[(2, "name", "invalid_utf8"), (3, "name", "nul_character"), (4, "phone", "invalid_utf8")],
        ),
        // Bytes that are only together a character are none in two cells.
        (b"phone,a,b\n+4915111234567,\xc3,\xa9\n", &[], &[(2, "a", "invalid_utf8")]),
        // A quote that is never closed takes the rest of the file.
        (
            b"phone,a\n+4915111234567,ok\n+4915111234568,\"open\n+4915111234569,x\n",
            &["+4915111234567"],
            &[(3, "", "open_quote")],
        ),
    ];
    let mut world = World::new().await;
    for (file, accepted, rejected) in cases {
        world.campaign = world.another_campaign().await;
        let text = String::from_utf8_lossy(file);
        let import = world.import_bytes(*file).await.unwrap_or_else(|e| panic!("{text:?}: {e}"));
        let rejects = world.rejects(&import).await;
        let found: Vec<_> = rejects
            .iter()
            .map(|r| (r.line, r.field.as_str(), r.reason.split_once(": ").expect("a code and a text").0))
            .collect();
        assert_eq!(&found, rejected, "{text:?}");
        let numbers: Vec<String> =
            world.recipients(world.campaign).await.iter().map(|r| r.number.to_string()).collect();
        assert_eq!(&numbers, accepted, "{text:?}");
        let counts = (import.rows_read, import.accepted, import.rejected);
        let (a, r) = (accepted.len() as i64, rejected.len() as i64);
        assert_eq!((import.state, counts), (ImportState::Finished, (a + r, a, r)), "{text:?}");
        assert_eq!(world.total().await, accepted.len() as u64, "{text:?}");
    }
}

#[tokio::test]
async fn rejected_rows_say_what_stood_there_and_what_to_do() {
    let world = World::new().await;
    let long = "é".repeat(150);
    let file = format!(
        "phone,name\n9876543210,A\n{long},B\n+4915111234567,C,\u{0},D\n+4915111234567,E\n+49 15111234567,F\n"
    );
    let import = world.import_bytes(file).await.unwrap();
    let rejects: Vec<_> =
        world.rejects(&import).await.into_iter().map(|r| (r.line, r.field, r.value, r.reason)).collect();
    let row =
        |line, field: &str, value: &str, reason: &str| (line, field.into(), value.into(), reason.into());
    assert_eq!(
        rejects,
        [
            row(2, "phone", "9876543210", "no_country_code: no country code; write it as +<country><number>"),
            row(3, "phone", &"é".repeat(100), "not_a_number: not a number"),
            row(4, "", "+4915111234567, C, \u{fffd}, D", "wrong_column_count: expected 2, found 4"),
            row(
                6,
                "phone",
                "+49 15111234567",
                "duplicate_in_file: the number stands further up in this file"
            ),
        ]
    );
}

#[tokio::test]
async fn the_other_columns_become_variables_as_they_are_written() {
    let world = World::new().await;
    let file = " Name ,phone,,time_zone,Amount due,\n\" Asha \"\"A\"\"\n2\",+919876543210,x, Asia/Kolkata ,007,\n'B,+919876543211,,,,\n";
    world.import_bytes(file).await.unwrap();
    let recipients = world.recipients(world.campaign).await;
    let found: Vec<_> = recipients.into_iter().map(|r| (r.variables, r.timezone)).collect();
    assert_eq!(
        found,
        [
            (
                json!({"Name": " Asha \"A\"\n2", "column_3": "x", "Amount due": "007"}),
                Some("Asia/Kolkata".to_owned())
            ),
            (json!({"Name": "'B", "Amount due": ""}), None),
        ]
    );
}

#[tokio::test]
async fn four_kibibytes_of_variables_fit() {
    let world = World::new().await;
    let around = json!({"a": "", "note": ""}).to_string().len();
    let file = |note: usize| format!("phone,a,note\n+4915111234567,,{}\n", "x".repeat(note));
    let import = world.import_bytes(file(4097 - around)).await.unwrap();
    let reject = world.rejects(&import).await.pop().unwrap();
    assert_eq!((reject.line, reject.field.as_str()), (2, "note"));
    assert_eq!(reject.reason, "variables_too_large: the variables take 4097 bytes as JSON, at most 4096 fit");
    assert_eq!(world.import_bytes(file(4096 - around)).await.unwrap().accepted, 1);
}

#[tokio::test]
async fn a_row_beyond_all_bounds_costs_only_itself() {
    let world = World::new().await;
    let file = format!("phone,a\n+4915111234567,\"{}\n\"\n+4915111234568,b\n", "x".repeat(200_000));
    let import = world.import_bytes(file).await.unwrap();
    let reject = world.rejects(&import).await.pop().unwrap();
    assert_eq!((import.accepted, import.rejected, reject.line), (1, 1, 2));
    assert_eq!(
        reject.reason,
        "row_too_long: the row fills lines 2 to 3 and more than 100 KiB; is a quote left open?"
    );
    assert!(reject.value.starts_with("+4915111234567xxx") && reject.value.len() == 100);
}

#[tokio::test]
async fn the_same_file_again_holds_only_duplicates() {
    let world = World::new().await;
    let file = "phone,name\n+49 15111234567,A\nno,B\n+4915111234568,C\n";
    let first = world.import_bytes(file).await.unwrap();
    let second = world.import_bytes(file).await.unwrap();
    assert_eq!((first.accepted, first.rejected), (2, 1));
    assert_eq!((second.rows_read, second.accepted, second.rejected), (3, 0, 3));
    let found: Vec<_> =
        world.rejects(&second).await.into_iter().map(|r| (r.line, r.field, r.value)).collect();
    let row = |line, value: &str| (line, "phone".to_owned(), value.to_owned());
    assert_eq!(found, [row(2, "+49 15111234567"), row(3, "no"), row(4, "+4915111234568")]);
    let reason = &world.rejects(&second).await[0].reason;
    assert_eq!(reason, "duplicate_in_campaign: the campaign has this number already");
    assert_eq!(world.total().await, 2);
}

#[tokio::test]
async fn the_example_list_is_read_to_its_last_row() {
    let world = World::new().await;
    let file = include_str!("../../../examples/recipients.csv");
    let import = world.import_bytes(file).await.unwrap();
    let rejects = world.rejects(&import).await;
    assert_eq!(import.state, ImportState::Finished);
    assert_eq!(import.rows_read, import.accepted + import.rejected);
    assert_eq!(rejects.len() as i64, import.rejected);
    assert!(import.rows_read >= 200 && import.rejected >= 20, "{import:?}");
    let lines: Vec<&str> = file.lines().collect();
    for reject in rejects {
        let line = lines[reject.line as usize - 1];
        let shown = reject.value.trim_start_matches('"').split(['"', '\n']).next().unwrap_or_default();
        let is_there =
            line.contains(shown) || reject.field.is_empty() || reject.reason.starts_with("wrong_column");
        assert!(is_there, "line {} is {line:?}, not {reject:?}", reject.line);
    }
}

/// Bytes that are likely to mean something to a reader of CSV.
fn messy_file() -> impl Strategy<Value = Vec<u8>> {
    let pieces: [&[u8]; 16] = [
        b"phone",
        b"+4915111234567",
        b"+49151",
        b"no",
        b",",
        b";",
        b"\t",
        b"\"",
        b"\r",
        b"\n",
        b"\r\n",
        b" ",
        b"\0",
        b"\xff",
        b"\xef\xbb\xbf",
        b"\xff\xfe",
    ];
    let header = prop_oneof![
        Just(&b""[..]),
        Just(&b"phone,a\n"[..]),
        Just(&b"phone,a\n+4915111234567,x\n"[..]),
        Just(&b"\xff\xfep\0h\0o\0n\0e\0\n\0"[..])
    ];
    let rest = proptest::collection::vec(proptest::sample::select(pieces.to_vec()), 0..60);
    (header, rest).prop_map(|(header, rest)| [header.to_vec(), rest.concat()].concat())
}

#[test]
fn whatever_the_bytes_every_row_is_accounted_for() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let world = runtime.block_on(World::new());
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(150));
    let read = Cell::new(0);
    let outcome = runner.run(&messy_file(), |file| {
        let import = match runtime.block_on(world.import_bytes(file)) {
            Ok(import) => import,
            Err(error) => {
                prop_assert!(matches!(error, EngineError::Invalid { .. }), "{error:?}");
                return Ok(());
            }
        };
        let rejects = runtime.block_on(world.rejects(&import));
        prop_assert_eq!(import.state, ImportState::Finished);
        prop_assert_eq!(import.rows_read, import.accepted + import.rejected);
        prop_assert_eq!(rejects.len() as i64, import.rejected, "each row has a line of its own");
        read.set(read.get() + import.rows_read);
        Ok(())
    });
    outcome.unwrap();
    assert!(read.get() > 50, "too few files have rows: {}", read.get());
    assert!(runtime.block_on(world.total()) > 0, "no row was ever good");
}
