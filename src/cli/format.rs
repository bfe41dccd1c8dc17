//! What may be said of flow logs.

use std::path::{Path, PathBuf};

use clap::Args;
use flowfence_capture::{FORMATS, Form};

use crate::exit::Failure;
use crate::source::read_text;

/// How a mapping of the user's is named.
const MAPPING: &str = "map:";

/// As what flow logs are read.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Flow logs")]
pub struct FormatArgs {
    /// Read inputs that are no captures as this format, or by a mapping of your own (map:FILE), whatever they
    /// look like; see --list-formats
    #[arg(long, value_name = "FORMAT", value_parser = format)]
    pub format: Option<LogsAs>,
    /// Show the formats, and what each can and cannot tell
    #[arg(long, exclusive = true)]
    pub list_formats: bool,
}

/// What `--format` says.
#[derive(Clone, Debug)]
pub enum LogsAs {
    /// A format of the table.
    Known(Form),
    /// A mapping in this file.
    Mapped(PathBuf),
}

fn format(text: &str) -> Result<LogsAs, String> {
    if let Some(path) = text.strip_prefix(MAPPING).filter(|path| !path.is_empty()) {
        return Ok(LogsAs::Mapped(PathBuf::from(path)));
    }
    Form::known(text).map(LogsAs::Known).ok_or_else(|| {
        let tokens: Vec<&str> = FORMATS.iter().map(|format| format.token).collect();
        format!("expected one of {}, or map:FILE", tokens.join(", "))
    })
}

impl FormatArgs {
    /// What logs are read as, when it is said. Reads the mapping.
    pub fn form(&self) -> Result<Option<Form>, Failure> {
        match &self.format {
            None => Ok(None),
            Some(LogsAs::Known(form)) => Ok(Some(form.clone())),
            Some(LogsAs::Mapped(path)) => mapping(path).map(Some),
        }
    }
}

fn mapping(path: &Path) -> Result<Form, Failure> {
    let text = read_text(path)?;
    Form::mapping(&text).map_err(|why| Failure::usage(format!("{}: no mapping: {why}", path.display())))
}
