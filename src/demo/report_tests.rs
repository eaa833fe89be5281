use super::*;

fn report() -> Report {
    Report {
        campaign: "FINISHED".into(),
        rows: 3,
        rejected: vec![Rejected {
            line: 4,
            column: "Phone".into(),
            value: "hello\u{1b}[31m\nworld".into(),
            reason: "not_a_number: not a number".into(),
        }],
        recipients: [("REACHED".into(), 2), ("EXPIRED".into(), 0)].into(),
        calls: [("ANSWERED".into(), 2), ("REJECTED".into(), 1), ("FAILED".into(), 0)].into(),
        webhooks: Webhooks { delivered: 8, verified: 8 },
        seconds: 12.5,
        rest: Rest { rejected: 1, recipients: 2, done: 2, reason: None, all_told: true, carrier: None },
    }
}

fn tables(report: &Report) -> String {
    let mut out = Vec::new();
    report.write_tables(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn the_json_has_its_promised_shape() {
    assert_eq!(
        report().json().unwrap(),
        concat!(
            r#"{"campaign":"FINISHED","rows":3,"rejected":[{"line":4,"column":"Phone","value":"hello\u001b[31m\nworld","#,
            r#""reason":"not_a_number: not a number"}],"recipients":{"REACHED":2},"calls":{"ANSWERED":2,"REJECTED":1},"#,
            r#""webhooks":{"delivered":8,"verified":8},"seconds":12.5}"#
        )
    );
}

#[test]
fn tables_hold_the_figures_and_nothing_a_terminal_obeys() {
    let text = tables(&Report {
        rest: Rest {
            carrier: Some(Heard { calls: 3, answered: 2, rtp_in: 70, rtp_out: 60 }),
            ..report().rest
        },
        ..report()
    });
    for wanted in [
        "REACHED",
        "REJECTED",
        "hello·[31m·world",
        "not_a_number",
        "12.5",
        "2 of 2",
        "3, 2 answered",
        "70 / 60",
    ] {
        assert!(text.contains(wanted), "{wanted} is not in\n{text}");
    }
    assert!(!text.contains('\u{1b}') && !text.contains("EXPIRED"), "{text}");
}

#[test]
fn sixty_rejected_rows_are_shown_and_the_others_counted() {
    let one = report().rejected.remove(0);
    let rejected = (2..).map(|line| Rejected { line, ..one.clone() }).take(100).collect();
    let text = tables(&Report { rejected, rest: Rest { rejected: 250, ..report().rest }, ..report() });
    assert!(text.contains("│   61 ┆") && !text.contains("│   62 ┆"), "{text}");
    assert!(text.contains("… and 190 more"), "{text}");
}

#[test]
fn long_cells_are_shortened() {
    assert_eq!(text("abcdef", 6).content(), "abcdef");
    assert_eq!(text("abcdefg", 6).content(), "abcde…");
}

#[test]
fn the_verdict_names_what_went_wrong() {
    assert!(report().verdict().is_ok());
    let rest = || report().rest;
    for (bad, hint) in [
        (Report { rows: 0, rest: Rest { recipients: 0, done: 0, ..rest() }, ..report() }, "no rows"),
        (Report { rest: Rest { recipients: 0, done: 0, ..rest() }, ..report() }, "none of the 3 rows"),
        (
            Report {
                campaign: "FAILED".into(),
                rest: Rest { reason: Some("trunk gone".into()), ..rest() },
                ..report()
            },
            "FAILED: trunk gone",
        ),
        (Report { rest: Rest { done: 1, ..rest() }, ..report() }, "1 of 2 recipients"),
        (Report { webhooks: Webhooks { delivered: 8, verified: 5 }, ..report() }, "3 of 8 webhooks"),
        (Report { rest: Rest { all_told: false, ..rest() }, ..report() }, "missing"),
    ] {
        let problem = bad.verdict().unwrap_err().to_string();
        assert!(problem.contains(hint), "{problem}");
    }
}

#[test]
fn rejected_rows_are_read_as_they_were_written_in_the_list() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("errors.csv");
    let csv = "line,column,value,reason\n7,Phone,'+12,too_short: too short\n9,Phone,\"'a \"\"b\"\"\nc\",not_a_number: no\n";
    std::fs::write(&file, csv).unwrap();
    let rows = read_rejected(&file, true).unwrap();
    assert_eq!(rows.len(), 2);
    assert_eq!((rows[0].line, rows[0].value.as_str()), (7, "+12"));
    assert_eq!(rows[1].value, "'a \"b\"\nc");
    std::fs::write(&file, format!("line,column,value,reason\n{}", "1,a,b,c\n".repeat(100))).unwrap();
    assert_eq!(
        (read_rejected(&file, false).unwrap().len(), read_rejected(&file, true).unwrap().len()),
        (60, 100)
    );
}
