//! The text of one object, whatever it is written in.

use serde::de::DeserializeOwned;

use super::head::Head;
use super::refusal::Refusal;
use super::skim::skim;
use super::split::{self, Piece};
use super::yaml;

/// One object.
pub(super) enum Source<'a> {
    /// A YAML document, or one item of a block sequence with its dash.
    Yaml(Piece<'a>),
    /// JSON text that begins on a line.
    Json(Piece<'a>),
    /// A parsed value, from a document that began on a line.
    Value(&'a serde_json::Value, usize),
}

impl Source<'_> {
    /// The line of the file on which it begins.
    pub(super) fn line(&self) -> usize {
        match self {
            Source::Yaml(piece) | Source::Json(piece) => piece.line,
            Source::Value(_, line) => *line,
        }
    }

    /// The line of the file on which its first field stands, after comments and markers.
    pub(super) fn first_line(&self) -> usize {
        let Source::Yaml(piece) = self else { return self.line() };
        let is_before = |line: &&str| {
            let line = line.trim();
            line.is_empty() || line.starts_with(['#', '%']) || line == "---" || line.starts_with("--- #")
        };
        piece.line + piece.text.lines().take_while(is_before).count()
    }

    /// Reads it as a type.
    pub(super) fn parse<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        match self {
            Source::Yaml(piece) if piece.is_item => yaml::parse::<(T,)>(piece).map(|(only,)| only),
            Source::Yaml(piece) => yaml::parse(piece),
            Source::Json(piece) => {
                serde_json::from_str(piece.text).map_err(|error| json_refusal(piece, &error))
            }
            Source::Value(value, line) => T::deserialize(*value).map_err(|error| Refusal {
                line: Some(*line),
                field: None,
                reason: error.to_string(),
            }),
        }
    }

    /// Reads it as a type that looks into none of the fields that [`skim`] leaves out.
    pub(super) fn parse_lean<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        if let Source::Yaml(piece) = self {
            let text = skim(piece);
            if let Ok(read) = Source::Yaml(Piece { text: &text, ..*piece }).parse() {
                return Ok(read);
            }
        }
        self.parse()
    }

    /// Kind and name. Block-style YAML tells them by its indentation, without a parse.
    pub(super) fn head(&self) -> Result<Head, Refusal> {
        if let Source::Yaml(piece) = self
            && let Some(head) = split::peek(piece)
        {
            return Ok(head);
        }
        self.parse()
    }
}

/// A JSON error with its line in the file.
pub(super) fn json_refusal(piece: &Piece<'_>, error: &serde_json::Error) -> Refusal {
    let text = error.to_string();
    let reason = text.rsplit_once(" at line ").map_or(text.as_str(), |(reason, _)| reason);
    Refusal { line: Some(piece.line + error.line().max(1) - 1), field: None, reason: reason.to_owned() }
}
