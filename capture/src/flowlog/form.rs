//! Which format a log is read as, where a user says so.

use std::borrow::Cow;
use std::sync::Arc;

use super::mapping::{Mapped, Mapping};
use super::{Asks, Decoder, FORMATS, LogFormat, vpc, vpc_fields};

/// What logs are read as.
#[derive(Clone, Debug)]
pub struct Form(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Known(&'static LogFormat),
    Mapped(Arc<Mapping>),
    /// AWS VPC flow logs with these fields.
    Vpc(Arc<str>),
}

impl Form {
    /// The format whose token this is.
    pub fn known(token: &str) -> Option<Self> {
        FORMATS.iter().find(|format| format.token == token).map(|format| Form(Kind::Known(format)))
    }

    /// AWS VPC flow logs whose lines have these fields, and no header; an error says which is missing.
    pub fn vpc(fields: &str) -> Result<Self, String> {
        vpc_fields::decoder(fields).map(|_| Form(Kind::Vpc(fields.into())))
    }

    /// A mapping as `docs/flow-logs.md` describes it, in TOML; an error says the line and what is
    /// wrong there.
    pub fn mapping(text: &str) -> Result<Self, String> {
        toml::from_str(text).map(|mapping| Form(Kind::Mapped(Arc::new(mapping)))).map_err(|e| e.to_string())
    }

    /// The one that a first line is of.
    pub(super) fn of(format: &'static LogFormat) -> Self {
        Form(Kind::Known(format))
    }

    /// The one that a table is of whose names are those of `object`. `named` gives the names of the columns that a
    /// decoder asks for as the first line of a text would have them, when it has those that it needs.
    pub(crate) fn of_table(object: &str, named: impl Fn(&Asks) -> Option<String>) -> Option<Self> {
        let is_of = |format: &&LogFormat| {
            (format.open)().asks().and_then(|asks| named(&asks)).is_some_and(|names| {
                (format.recognise)(object.as_bytes()) || (format.recognise)(names.as_bytes())
            })
        };
        FORMATS.iter().find(is_of).map(Form::of)
    }

    /// The format, unless it is a mapping of the user.
    pub(crate) fn format(&self) -> Option<&'static LogFormat> {
        match &self.0 {
            Kind::Known(format) => Some(format),
            Kind::Vpc(_) => Some(&vpc::FORMAT),
            Kind::Mapped(_) => None,
        }
    }

    pub(crate) fn open(&self) -> Box<dyn Decoder> {
        match &self.0 {
            Kind::Known(format) => (format.open)(),
            Kind::Vpc(fields) => vpc_fields::decoder(fields).unwrap_or_else(|_| (vpc::FORMAT.open)()),
            Kind::Mapped(mapping) => Box::new(Mapped::new("map", Cow::Owned((**mapping).clone()))),
        }
    }
}
