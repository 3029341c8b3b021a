//! Inputs that once made a fuzz target fail, and some that never did, tried again by every `cargo test`.

#[path = "../fuzz/src/lib.rs"]
mod targets;

use std::fs;
use std::path::Path;

use proptest::collection::vec;
use proptest::prelude::*;

/// A target with its name.
type Target = (&'static str, fn(&[u8]));

const TARGETS: [Target; 6] = [
    ("frame", targets::frame),
    ("events", targets::events),
    ("case", targets::case),
    ("sample", targets::sample),
    ("session", targets::session),
    ("reference", targets::reference),
];

#[test]
fn what_once_failed_does_not_fail_any_more() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/regressions");
    let mut tried = 0;
    for (name, target) in TARGETS {
        let Ok(inputs) = fs::read_dir(root.join(name)) else { continue };
        for input in inputs {
            target(&fs::read(input.expect("an entry").path()).expect("an input"));
            tried += 1;
        }
    }
    assert!(tried > 0, "no regression inputs in {}", root.display());
}

#[test]
fn every_regression_has_a_target() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    for folder in fs::read_dir(root.join("regressions")).expect("a folder") {
        let name = folder.expect("an entry").file_name().into_string().expect("a name");
        assert!(TARGETS.iter().any(|(target, _)| *target == name), "no target {name}");
        assert!(root.join(format!("fuzz_targets/{name}.rs")).exists(), "no file for {name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn any_bytes_are_survived(bytes in vec(any::<u8>(), 0..200)) {
        TARGETS.iter().for_each(|(_, target)| target(&bytes));
    }
}
