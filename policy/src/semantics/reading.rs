//! How the open questions are answered while evaluating.

use super::plugin::Plugin;
use super::unspecified::Unspecified;

/// The questions that get the other answer; without any, the text of the API is followed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Reading(u32);

impl Reading {
    /// As a plugin documents its answers; the text of the API without one.
    pub(super) fn of(plugin: Option<Plugin>) -> Self {
        let choices = plugin.map_or(&[][..], Plugin::choices);
        let others = choices.iter().filter(|choice| !choice.is_as_read);
        others.fold(Reading::default(), |reading, choice| reading.flipped(choice.question))
    }

    /// Whether a question gets the other answer.
    pub(super) const fn is_other(self, question: Unspecified) -> bool {
        self.0 & (1 << question as u32) != 0
    }

    /// The same reading with the opposite answer to one question.
    #[must_use]
    pub(super) const fn flipped(self, question: Unspecified) -> Self {
        Reading(self.0 ^ (1 << question as u32))
    }
}
