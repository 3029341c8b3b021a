//! The files under `cases/`, compiled into the binary.

use include_dir::{Dir, include_dir};

static CASES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/cases");

/// A text with the path that error messages show.
#[derive(Debug, Clone, Copy)]
pub struct SourceFile {
    /// Path below the project, such as `cases/tools/call.yaml`.
    pub path: &'static str,
    /// The text of the file.
    pub text: &'static str,
}

/// The YAML files directly in one folder of `cases/` (`""` is every folder of cases), sorted by path.
pub fn files(folder: &str) -> Vec<SourceFile> {
    let mut found = Vec::new();
    match folder {
        "" => collect(&CASES, &mut found, &["requirements", "schemas", "faults", "quirks"]),
        name => CASES.get_dir(name).into_iter().for_each(|dir| collect(dir, &mut found, &[])),
    }
    found.sort_by_key(|file| file.path);
    found
}

fn collect(dir: &'static Dir<'static>, found: &mut Vec<SourceFile>, skip: &[&str]) {
    for file in dir.files() {
        let path = file.path().to_str().unwrap_or_default();
        if let (true, Some(text)) = (path.ends_with(".yaml"), file.contents_utf8()) {
            found.push(SourceFile { path, text });
        }
    }
    dir.dirs()
        .filter(|dir| !skip.iter().any(|name| dir.path().to_str() == Some(name)))
        .for_each(|dir| collect(dir, found, &[]));
}
