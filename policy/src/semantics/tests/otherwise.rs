//! What another answer would lead to, on random clusters.

use flowfence_model::policy::Direction;
use proptest::prelude::*;
use proptest::sample::select;

use super::super::{Connection, Plugin, PolicySet, Unspecified};
use super::reference::{PORTS, policies, protocol};
use super::tiered::{pairs, tiers, with_nodes};
use crate::explain::{Reason, explain};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn other_answers_turn_the_verdict_that_they_are_told_for(
        cluster in with_nodes(),
        policies in policies(),
        tiers in tiers(),
        is_v4 in any::<bool>(),
        protocol in protocol(),
        port in select(&PORTS[..]),
    ) {
        let set = PolicySet::compile_all(&cluster, &policies, &tiers);
        let by_plugin = Plugin::ALL.map(|plugin| set.clone().with_plugin(Some(plugin)));
        let ends = super::reference::ends(&cluster, is_v4);
        for (from, to) in pairs(&ends) {
            let asked = Connection { from, to, protocol, port };
            let decision = set.decide(&asked);
            for (plugin, compiled) in Plugin::ALL.iter().zip(&by_plugin) {
                prop_assert_eq!(set.allows_with(&asked, *plugin), compiled.allows(&asked));
            }
            for reason in &decision.unspecified {
                let other = set.allows_otherwise(&asked, &decision, *reason);
                // Of these it is not asked whether the verdict turns.
                let is_told_unasked = matches!(
                    reason,
                    Unspecified::SelfTraffic | Unspecified::Icmp | Unspecified::HostNetworkSubject
                );
                // The other answer turns one end; the other end may deny it all the same.
                let both_open = decision.egress.allowed && decision.ingress.allowed;
                if !is_told_unasked && both_open {
                    prop_assert_eq!(other, Some(false), "{:?}", reason);
                }
            }
            let told = explain(&set, &asked);
            prop_assert_eq!(&told.decision, &decision);
            for (direction, story) in [(Direction::Egress, &told.egress), (Direction::Ingress, &told.ingress)] {
                let verdict = decision.direction(direction);
                let admitting = story.policies.iter().flat_map(|policy| &policy.rules).filter(|rule| rule.admits());
                let admitting: Vec<_> = admitting.map(|rule| rule.rule).collect();
                prop_assert_eq!(&admitting, &verdict.admitted_by);
                for tier in &story.tiers {
                    prop_assert!(!tier.entries.peers.is_empty(), "a rule applies by a peer of it");
                }
                prop_assert_eq!(matches!(story.reason, Reason::Denied), !verdict.allowed
                    && verdict.tiers.last().is_none_or(|last| last.action == flowfence_model::tier::Action::Pass));
            }
        }
    }
}
