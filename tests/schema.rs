//! The published JSON Schemas are those of the types that write the outputs, and the page of
//! counts and that of findings are those of the tables behind them.
//!
//! `UPDATE=1 cargo test --test schema` writes them anew; read the diff before you commit it.

use std::path::Path;

#[test]
fn published_schemas_are_those_of_the_outputs() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schema");
    let mut stale = Vec::new();
    for (kind, schema) in flowfence::output::schema::all() {
        let path = dir.join(format!("{kind}.json"));
        let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
        if std::env::var_os("UPDATE").is_some() {
            std::fs::create_dir_all(&dir).unwrap();
            std::fs::write(&path, &text).unwrap();
        }
        if std::fs::read_to_string(&path).unwrap_or_default() != text {
            stale.push(path);
        }
    }
    let pages = [
        ("docs/formats.md", flowfence::output::formats::page()),
        ("docs/completeness.md", flowfence::output::completeness::page()),
        ("docs/audit.md", flowfence::output::audit::page()),
    ];
    for (page, text) in pages {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(page);
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        if std::fs::read_to_string(&path).unwrap_or_default() != text {
            stale.push(path);
        }
    }
    assert!(stale.is_empty(), "stale, see the head of this test: {stale:?}");
}
