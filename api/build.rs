//! Has the dashboard embedded anew whenever it was built. `dashboard/dist` is always there: an empty file of git's holds its place.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if std::env::var("PROFILE").is_ok_and(|profile| profile == "release") {
        println!("cargo:rerun-if-changed=../dashboard/dist");
    }
}
