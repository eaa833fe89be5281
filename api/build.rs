//! Has the dashboard embedded anew whenever it was built, where it is embedded. `dashboard/dist` is always there: an empty file of git's holds
//! its place.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let is_release = std::env::var("PROFILE").is_ok_and(|profile| profile == "release");
    if is_release || std::env::var_os("CARGO_FEATURE_EMBED").is_some() {
        println!("cargo:rerun-if-changed=../dashboard/dist");
    }
}
