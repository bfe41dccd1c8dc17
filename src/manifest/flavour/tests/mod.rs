//! Every flavour against what the policies of v1 mean.

mod cilium;
mod cluster;
mod world;

use flowfence_model::policy::Direction;
use flowfence_model::{NetworkPolicy, PolicyPeer};
use flowfence_policy::judge::Roster;
use flowfence_policy::recommend::proof::{Candidate, left_open};
use flowfence_policy::semantics::{Connection, Party, PolicySet};
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::manifest::write::PolicyManifest;
use world::World;

/// A policy's manifest in a flavour, and what that means.
fn through(
    flavour: &Flavour,
    policies: &[NetworkPolicy],
    world: &World,
) -> Result<(Vec<Written>, Candidate), FlavourError> {
    let manifests: Vec<PolicyManifest> = policies.iter().cloned().map(PolicyManifest::from).collect();
    let no_comment = |_: &_| String::new();
    let files: Vec<String> = policies.iter().map(|policy| format!("{}.yaml", policy.key())).collect();
    let sheets: Vec<Sheet<'_>> = manifests
        .iter()
        .zip(&files)
        .map(|(manifest, file)| Sheet {
            file,
            manifest,
            evidence: &[],
            comment: &no_comment,
            dns_ports: [53].into(),
        })
        .collect();
    let scene = world.scene();
    let written = flavour.write(&sheets, &scene)?;
    let candidate = flavour.read_back(&written, &scene)?;
    Ok((written, candidate))
}

fn named(name: &str) -> &'static Flavour {
    Flavour::named(name).unwrap()
}

/// A difference of verdicts that a flavour may have by what it cannot say.
struct Leave<'a> {
    flavour: &'a str,
    policies: &'a [NetworkPolicy],
    world: &'a World,
}

impl Leave<'_> {
    /// Whether the flavour may admit what v1 denies.
    fn may_admit(&self, connection: &Connection, direction: Direction) -> bool {
        let peer = match direction {
            Direction::Egress => connection.to,
            Direction::Ingress => connection.from,
        };
        let scene = self.world.scene();
        let has_name = |ip| !scene.names_of(ip).is_empty();
        match self.flavour {
            // Ingress is closed to pods alone; a port name is of any protocol.
            "clusternetworkpolicy" => {
                (direction == Direction::Ingress && peer.pod.is_none()) || self.names_a_port()
            }
            // Nodes and the API server are known as a whole, and a host by whatever it is called.
            "cilium" => {
                scene.nodes.contains(&peer.address)
                    || scene.api_server.contains(&peer.address)
                    || (direction == Direction::Egress && has_name(peer.address))
            }
            _ => false,
        }
    }

    fn names_a_port(&self) -> bool {
        let rules = self.policies.iter().flat_map(|p| [&p.ingress, &p.egress]).flatten().flatten();
        let mut ports = rules.flat_map(|rule| &rule.ports);
        ports.any(|port| matches!(port.port, Some(flowfence_model::PortName::Name(_))))
    }
}

/// Blocks that hold pods mean something else to each plugin, and are never recommended.
fn holds_pods(policies: &[NetworkPolicy], world: &World) -> bool {
    let rules = policies.iter().flat_map(|p| [&p.ingress, &p.egress]).flatten().flatten();
    let mut peers = rules.flat_map(|rule| &rule.peers);
    peers.any(|peer| match peer {
        PolicyPeer::Block { cidr, except } => world
            .pod_addresses()
            .any(|ip| cidr.contains(&ip) && !except.iter().any(|part| part.contains(&ip))),
        PolicyPeer::Pods(_) => false,
    })
}

fn same_verdicts(flavour: &Flavour, policies: &[NetworkPolicy], world: &World) -> Result<(), TestCaseError> {
    let (written, candidate) = through(flavour, policies, world).unwrap();
    let roster = Roster::new(&world.inventory);
    let plain = PolicySet::compile(roster.cluster(), policies);
    let other = PolicySet::compile_all(roster.cluster(), &candidate.policies, &candidate.tiers);
    let leave = Leave { flavour: flavour.name, policies, world };
    let texts = || written.iter().map(|file| file.text.as_str()).collect::<Vec<_>>().join("---\n");
    for connection in World::questions(&roster) {
        for direction in Direction::BOTH {
            let (want, got) =
                (plain.allows_in(&connection, direction), other.allows_in(&connection, direction));
            let is_fine = want == got || (got && leave.may_admit(&connection, direction));
            prop_assert!(
                is_fine,
                "{}: {:?} {}: v1 {}, {} {}\n{:?}\n{}",
                direction,
                connection,
                world.describe(&connection),
                want,
                flavour.name,
                got,
                policies,
                texts()
            );
        }
    }
    prop_assert_eq!(left_open(&world.inventory, policies, &candidate), []);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn every_flavour_means_what_v1_means(policies in vec(world::policy(), 1..=3)) {
        let world = World::new();
        let policies = world::renamed(policies);
        prop_assume!(!holds_pods(&policies, &world));
        for flavour in &FLAVOURS {
            same_verdicts(flavour, &policies, &world)?;
        }
    }

    #[test]
    fn any_policy_is_written_and_read_in_any_flavour(manifest in crate::manifest::tests::roundtrip::manifest()) {
        let world = World::new();
        for flavour in &FLAVOURS {
            let twice = [(); 2].map(|()| through(flavour, std::slice::from_ref(&manifest.policy), &world).unwrap());
            prop_assert_eq!(&twice[0].0, &twice[1].0, "the same bytes");
            if flavour.name == "calico-staged" || flavour.is_plain() {
                prop_assert_eq!(&twice[0].1.policies, std::slice::from_ref(&manifest.policy));
            }
        }
    }
}

#[test]
fn the_table_has_each_name_once() {
    let names: std::collections::BTreeSet<&str> = FLAVOURS.iter().map(|flavour| flavour.name).collect();
    assert_eq!(names.len(), FLAVOURS.len());
    assert!(FLAVOURS[0].is_plain(), "the default is what every plugin understands");
}

#[test]
fn a_lost_isolation_is_told() {
    let world = World::new();
    let policy = world::isolating("a", &[("app", "x")]);
    let nothing = Candidate::default();
    assert_eq!(left_open(&world.inventory, std::slice::from_ref(&policy), &nothing).len(), 2);
    for flavour in &FLAVOURS {
        let (_, candidate) = through(flavour, std::slice::from_ref(&policy), &world).unwrap();
        assert_eq!(left_open(&world.inventory, std::slice::from_ref(&policy), &candidate), [], "{flavour:?}");
    }
}

#[test]
fn text_that_was_tampered_with_is_not_read() {
    let world = World::new();
    let policy = world::isolating("a", &[("app", "x")]);
    for flavour in &FLAVOURS {
        let (mut files, _) = through(flavour, std::slice::from_ref(&policy), &world).unwrap();
        let honest = files[0].text.clone();
        files[0].text = honest.replace("spec:", "spec:\n  surprise: 1");
        assert!(flavour.read_back(&files, &world.scene()).is_err(), "{flavour:?}: unknown field");
        files[0].text = honest.replace("kind:", "kind: X\nformer:");
        assert!(flavour.read_back(&files, &world.scene()).is_err(), "{flavour:?}: another kind");
        files[0].text = format!("{honest}---\n{honest}");
        assert!(flavour.read_back(&files, &world.scene()).is_err(), "{flavour:?}: one object more");
    }
}

#[test]
fn a_quote_of_each_kind_cannot_be_said_in_calico() {
    let world = World::new();
    let policy = world::isolating("a", &[("app", "it's \"x\"")]);
    let error = through(named("calico"), std::slice::from_ref(&policy), &world).unwrap_err();
    assert!(error.to_string().contains("cannot say the label value"), "{error}");
}

fn party(world: &World, text: &str) -> Party {
    world.party(text)
}
