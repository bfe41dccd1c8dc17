//! The objects of `graph -o json` in YAML.

use std::io::{self, Write};

use serde::Serialize;

use crate::manifest;

pub(super) fn write(report: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    let mut text = String::new();
    manifest::write_object(&mut text, &serde_json::to_value(report)?).map_err(io::Error::other)?;
    out.write_all(text.as_bytes())
}
