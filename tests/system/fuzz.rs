//! Requests nobody would write by hand, made by schemathesis from the description of the API.

use crate::support::{SOON, guard, pair::Pair, process::Process};

/// Requests of each kind to each operation; more are asked for by `RINGFLEET_FUZZ_EXAMPLES`.
const EXAMPLES: &str = "15";
/// What must hold for every answer. What the description cannot say (that one moment lies after another) is not held against it.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,\
response_schema_conformance,unsupported_method,allow_header_conformance,use_after_free,ignored_auth";

/// The API alone, without scheduler and worker: what it is told to call is never called.
#[tokio::test(flavor = "multi_thread")]
async fn no_request_is_answered_otherwise_than_described() {
    let pair = Pair::fleet().await;
    pair.run(&["migrate"]).await;
    let server = pair.spawn(&["api", "--listen", "127.0.0.1:0"], &[]);
    let base = server.wait_line("listening on ", SOON).await;
    let authorization = format!("Authorization: Bearer {}", pair.key("fuzz", "admin").await);
    let (description, examples) = (format!("{base}/openapi.json"), std::env::var("RINGFLEET_FUZZ_EXAMPLES"));
    let examples = examples.as_deref().unwrap_or(EXAMPLES);
    let args = [
        ["run", &description],
        ["--header", &authorization],
        ["--checks", CHECKS],
        ["--max-examples", examples],
        ["--seed", "1"],
        ["--request-timeout", "40"],
        ["--exclude-path", "/api/v1/live"], // its answers have no end
    ];
    // What it keeps of a run it keeps in the folder it is in.
    let (folder, program) = (guard::folder(), fuzzer());
    let started = ["-C", folder.path().to_str().expect("a plain path"), &program];
    let args = [&started[..], &args.concat(), &["--continue-on-failure"]].concat();
    let fuzzer = Process::spawn_program("env", &args, &[]);
    let ended = fuzzer.wait_exit(SOON * 20).await;
    assert!(ended.success(), "{}", fuzzer.stdout());
}

/// The program `st`: of `scripts/test`, or one on the path.
fn fuzzer() -> String {
    let ours = concat!(env!("CARGO_MANIFEST_DIR"), "/target/tools/schemathesis/bin/st");
    let target =
        std::env::var("CARGO_TARGET_DIR").map(|folder| format!("{folder}/tools/schemathesis/bin/st"));
    let places = [target.as_deref().unwrap_or(ours), ours];
    places.into_iter().find(|place| std::path::Path::new(place).exists()).unwrap_or("st").to_owned()
}
