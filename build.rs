//! The files under `cases/` are compiled in: a change there is a change of the crate.

fn main() {
    println!("cargo::rerun-if-changed=cases");
    println!("cargo::rerun-if-changed=build.rs");
}
