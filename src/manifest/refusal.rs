//! Why something was left out.

/// Why an object, or a document, was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// Line of the file, from 1, when it is known.
    pub(super) line: Option<usize>,
    /// Path of the field.
    pub(super) field: Option<String>,
    /// What is wrong.
    pub(super) reason: String,
}

impl Refusal {
    /// A refusal of a field.
    pub(super) fn field(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Refusal { line: None, field: Some(field.into()), reason: reason.into() }
    }
}
