//! Policies that cannot mean what they seem to: found in the objects alone, without traffic.
//!
//! ```text
//! today's policies, pods, services, remarks on the spelling ─▶ each detector of DETECTORS ─▶ findings
//! ```
//!
//! A lint speaks of what somebody should change, names the field, and is silent on policies that
//! are sound. What it says of selectors holds for pods to come, or it says that it does not.

mod block_covers_nodes;
mod block_covers_pods;
mod dns_forgotten;
mod end_port_ignored;
mod end_port_wide;
mod host_network_bypass;
mod named_port_missing;
mod newcomer;
mod peer_selects_nothing;
mod policy_selects_nothing;
mod policy_shadowed;
mod policy_types_trap;
mod policy_without_effect;
mod priorities_overlap;
mod rule_contained;
mod rule_open_to_all;
mod selector_contradictory;
mod view;
mod words;

use super::scene::Detector;

/// Every lint, in the order in which findings of one level are listed.
pub const DETECTORS: &[&Detector] = &[
    &policy_types_trap::DETECTOR,
    &policy_selects_nothing::DETECTOR,
    &host_network_bypass::DETECTOR,
    &selector_contradictory::DETECTOR,
    &peer_selects_nothing::DETECTOR,
    &named_port_missing::DETECTOR,
    &rule_open_to_all::DETECTOR,
    &block_covers_pods::DETECTOR,
    &block_covers_nodes::DETECTOR,
    &dns_forgotten::DETECTOR,
    &priorities_overlap::DETECTOR,
    &policy_without_effect::DETECTOR,
    &policy_shadowed::DETECTOR,
    &rule_contained::DETECTOR,
    &end_port_wide::DETECTOR,
    &end_port_ignored::DETECTOR,
];

#[cfg(test)]
mod tests;
