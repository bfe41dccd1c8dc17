//! Conversations of another table.

use flowfence_model::logged::Conversation;

use super::Conversations;

impl Conversations {
    /// Takes those of another table, each as `renumber` tells it by the numbers of this one.
    pub fn absorb(&mut self, mut other: Self, renumber: impl Fn(Conversation) -> Conversation) {
        other.settle();
        self.overflowed += other.overflowed;
        for block in std::mem::take(&mut other.rows).into_blocks() {
            for conversation in block.iter().filter_map(|row| other.conversation(row)) {
                self.add(&renumber(conversation));
            }
        }
    }
}
