//! The graph as a `CommunicationGraph` object in YAML.

use std::io::{self, Write};

use super::GraphReport;
use crate::manifest;

pub(super) fn write(report: &GraphReport, out: &mut dyn Write) -> io::Result<()> {
    let mut text = String::new();
    manifest::write_object(&mut text, &serde_json::to_value(report)?).map_err(io::Error::other)?;
    out.write_all(text.as_bytes())
}
