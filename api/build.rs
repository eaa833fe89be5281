//! Has the dashboard embedded anew whenever it was built. `dashboard/dist` is always there: an empty file of git's holds its place.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=../dashboard/dist");
}
