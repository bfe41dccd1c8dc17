//! What another fold was told, taken in as if its lines had come here.
//!
//! Counts add up and times widen, whatever the order. Numbers of identities, observers and names are each fold's own,
//! so those of the other are given anew.

use flowfence_model::logged::{IdentityId, LoggedEnd, NameId, ObserverId};

use super::Fold;

impl Fold {
    /// Takes everything that another fold has.
    pub fn absorb(&mut self, other: Fold) {
        let identities = self.identities.absorb(other.identities);
        let observers = self.observers.absorb(other.observers);
        let names = self.names.absorb(other.names);
        let new = |numbers: &[Option<u32>], old: u32| numbers.get(old as usize).copied().flatten();
        let identity = |old: Option<IdentityId>| old.and_then(|old| new(&identities, old.0)).map(IdentityId);
        let name = |old: Option<NameId>| old.and_then(|old| new(&names, old.0)).map(NameId);
        let end = |end: LoggedEnd| LoggedEnd { identity: identity(end.identity), ..end };
        self.conversations.absorb(other.conversations, |mut conversation| {
            conversation.from = end(conversation.from);
            conversation.to = end(conversation.to);
            conversation.policy = name(conversation.policy);
            conversation.service = name(conversation.service);
            // One for which there is no room is nobody, here as there.
            conversation.observer = ObserverId(new(&observers, conversation.observer.0).unwrap_or(u32::MAX));
            conversation
        });
        other.clusters.iter().for_each(|cluster| self.written_in(Some(cluster)));
        self.lines += other.lines;
        self.left_out.add_all(&other.left_out);
    }
}
