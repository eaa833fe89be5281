//! Files that cannot be used: refused with a reason, and nothing imported.

use ringfleet_engine::{EngineError, Receipt, import::ImportOptions};
use ringfleet_store::ImportState;

use crate::world::World;

async fn refused(file: &[u8], column: Option<&str>) -> (String, String) {
    let world = World::new().await;
    let options = ImportOptions { column: column.map(str::to_owned) };
    let reader = std::io::Cursor::new(file.to_vec());
    let result = world.engine.import(world.workspace, world.campaign, reader, options, Receipt::none()).await;
    assert_eq!(world.total().await, 0);
    match result {
        Err(EngineError::Invalid { field, problem }) => (field, problem),
        other => panic!("{:?}: {other:?}", String::from_utf8_lossy(file)),
    }
}

#[tokio::test]
async fn a_file_without_a_usable_header_is_refused_with_what_would_do() {
    let long = format!("phone,\"{}\n", "x".repeat(150_000));
    let many = format!("phone{}\n", ",".repeat(2000));
    let cases: &[(&[u8], Option<&str>, &str, &str)] = &[
        (b"", None, "file", "the file is empty"),
        (b"\xef\xbb\xbf", None, "file", "the file is empty"),
        (b"\r\n \n\n", None, "file", "the file is empty"),
        (
            b"PK\x03\x04\x14\x00\x06\x00rest\n",
            None,
            "file",
            "it is a workbook, like those of Excel; save the list as CSV in UTF-8",
        ),
        (
            b"name,e-mail\nA,b\n",
            None,
            "column",
            "no phone column among \"name\", \"e-mail\"; call it one of to, phone, phone_number, phoneNumber, number, \
             to_number, contact_number, mobile (in any case), or say which column it is",
        ),
        (
            b"+4915111234567\n+4915111234568\n",
            None,
            "column",
            "no phone column among \"+4915*******67\"; call it one of to, phone, phone_number, phoneNumber, number, \
             to_number, contact_number, mobile (in any case), or say which column it is; the first row must name the \
             columns, here it holds a number",
        ),
        (
            b"Phone,PHONE\nx,y\n",
            None,
            "column",
            "several columns could be the phone column: \"Phone\", \"PHONE\"; say which one is",
        ),
        (b"phone,name\n", Some("cell"), "column", "no column \"cell\" among \"phone\", \"name\""),
        (b"phone,name\n", Some(" "), "column", "the name of the phone column is empty"),
        (b"phone,name, name \n", None, "file", "two columns are called \"name\"; give each its own name"),
        (b"phone,column_3,\n", None, "file", "two columns are called \"column_3\"; give each its own name"),
        (b"phone,M\xfc\n", None, "file", "the first row is not UTF-8 text; save the list as CSV in UTF-8"),
        (
            b"p\0h\0o\0n\0e\0\n\0",
            None,
            "file",
            "the first row is not UTF-8 text; save the list as CSV in UTF-8",
        ),
        (
            b"phone,\"name\n+4915111234567,A\n",
            None,
            "file",
            "the first row, which names the columns, has a quote that is not closed",
        ),
        (long.as_bytes(), None, "file", "the first row is longer than 100 KiB; is it a CSV file?"),
        (many.as_bytes(), None, "file", "more than 1023 columns"),
    ];
    for (file, column, field, problem) in cases {
        let found = refused(file, *column).await;
        assert_eq!((found.0.as_str(), found.1.as_str()), (*field, *problem));
    }
}

#[tokio::test]
async fn the_phone_column_is_found_by_its_usual_names_in_their_order() {
    let mut world = World::new().await;
    for (header, wanted, variable) in [
        ("phone,to", None, "phone"),
        ("mobile,Phone-Number", None, "mobile"),
        ("number,phoneNumber", None, "number"),
        ("phoneNumber,phone_number", None, "phoneNumber"),
        ("mobile, Contact Number ", None, "mobile"),
        ("PHONE,phone", Some("phone"), "PHONE"),
        ("phone,Cell", Some("cell"), "phone"),
        ("phone,Cell no", Some("cell_no"), "phone"),
        ("\"phone\",\"to\"", None, "phone"),
    ] {
        world.campaign = world.another_campaign().await;
        let file = format!("{header}\nx,+4915111234567\n").into_bytes();
        let options = ImportOptions { column: wanted.map(str::to_owned) };
        let reader = std::io::Cursor::new(file);
        let import = world
            .engine
            .import(world.workspace, world.campaign, reader, options, Receipt::none())
            .await
            .unwrap();
        assert_eq!((import.state, import.accepted), (ImportState::Finished, 1), "{header}");
        let recipients = world.recipients(world.campaign).await;
        assert_eq!(recipients[0].variables, serde_json::json!({ variable: "x" }), "{header}");
    }
}
