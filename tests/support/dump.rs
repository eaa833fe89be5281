//! Everything that stands in a database, as text.

use std::process::Command;

use super::{pair::Pair, postgres::programs};

/// Writes every row of every table, one a line, bytes in hex.
const SQLITE: &str = r#"
import sqlite3, sys
db = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
for (table,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
    for row in db.execute(f'SELECT * FROM "{table}"'):
        print(table, *[cell.hex() if isinstance(cell, bytes) else cell for cell in row], sep="\t")
"#;

/// All rows of all tables.
///
/// # Panics
///
/// When they cannot be read.
pub fn dump(pair: &Pair) -> String {
    let mut command = match pair {
        Pair::Embedded(folder) => {
            let mut command = Command::new("python3");
            command.args(["-c", SQLITE]).arg(folder.path().join("ringfleet.sqlite"));
            command
        }
        Pair::Fleet { database_url, .. } => {
            let mut command = Command::new(programs().join("pg_dump"));
            command.args(["--data-only", database_url]);
            command
        }
    };
    let output = command.output().expect("the program can be run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("a dump is text")
}

/// The lines of a dump in which this stands, as text or in bytes.
pub fn lines_with<'a>(dump: &'a str, needle: &str) -> Vec<&'a str> {
    let hex: String = needle.bytes().map(|byte| format!("{byte:02x}")).collect();
    dump.lines().filter(|line| line.contains(needle) || line.contains(&hex)).collect()
}
