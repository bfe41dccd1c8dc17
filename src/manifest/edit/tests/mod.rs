use flowfence_model::{Direction, NetworkPolicy, PolicyPeer, PolicyRule, PortName, PortRange};
use flowfence_policy::recommend::tighten::{Origin, Tightened};

use super::{Change, EditError, edit};
use crate::manifest::parse_objects;

mod random;
mod style;

/// What becomes of one rule of a policy: it goes, or these peers and ports are left of it, each
/// an index, or is new.
#[derive(Clone, Debug)]
enum Step {
    /// The rule goes.
    Drop,
    /// Peers by index are left, others become `app=INDEX` with a new name.
    Rule { peers: Vec<Part>, ports: Vec<Part> },
    /// The rule becomes two, the second with the last peer alone.
    Split,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Stays,
    Goes,
    Becomes,
}

fn policies(text: &str) -> Vec<NetworkPolicy> {
    let snapshot = parse_objects(text, "test.yaml");
    assert!(snapshot.problems.is_empty(), "{:?}\n{text}", snapshot.problems);
    snapshot.policies()
}

fn new_peer(at: usize) -> PolicyPeer {
    let pods = flowfence_model::LabelSelector::labels([("app".to_owned(), format!("new-{at}"))]);
    PolicyPeer::Pods(flowfence_model::PeerSelector { namespaces: None, pods: Some(pods) })
}

fn new_port(at: usize) -> flowfence_model::PolicyPort {
    let number = 7000 + u16::try_from(at).unwrap();
    flowfence_model::PolicyPort {
        protocol: flowfence_model::Protocol::Tcp,
        port: Some(PortName::Range(PortRange::single(number))),
    }
}

fn parts<T: Clone>(was: &[T], parts: &[Part], new: impl Fn(usize) -> T) -> (Vec<T>, Vec<usize>) {
    if was.is_empty() {
        return if parts.contains(&Part::Becomes) {
            (vec![new(90), new(91)], vec![0, 0])
        } else {
            (vec![], vec![])
        };
    }
    let mut now = (Vec::new(), Vec::new());
    for (at, part) in parts.iter().enumerate().take(was.len()) {
        match part {
            Part::Stays => now.0.push(was[at].clone()),
            Part::Goes => continue,
            Part::Becomes => {
                now.0.push(new(at));
                now.0.push(new(at + 50));
                now.1.push(at);
            }
        }
        now.1.push(at);
    }
    now
}

/// Narrows the rules of one direction as the steps say.
fn narrowed(was: &NetworkPolicy, direction: Direction, steps: &[Step]) -> Tightened {
    let origin = |rule: usize, written: &PolicyRule| Origin {
        rule,
        peers: (0..written.peers.len()).collect(),
        ports: (0..written.ports.len()).collect(),
    };
    let mut now = Tightened {
        policy: was.clone(),
        subjects: Vec::new(),
        evidence: Vec::new(),
        egress: Vec::new(),
        ingress: Vec::new(),
    };
    for other in Direction::BOTH {
        let rules = was.rules(other).unwrap_or_default();
        let mut left: Vec<(PolicyRule, Origin)> = Vec::new();
        for (at, written) in rules.iter().enumerate() {
            let step = if other == direction { steps.get(at).cloned() } else { None };
            match step {
                Some(Step::Drop) => {}
                Some(Step::Split) if written.peers.len() > 1 => {
                    let (last, rest) = written.peers.split_last().unwrap();
                    let whole = origin(at, written);
                    let first = PolicyRule { peers: rest.to_vec(), ports: written.ports.clone() };
                    left.push((first, Origin { peers: (0..rest.len()).collect(), ..whole.clone() }));
                    let second = PolicyRule { peers: vec![last.clone()], ports: vec![new_port(1)] };
                    left.push((second, Origin { rule: at, peers: vec![rest.len()], ports: vec![0] }));
                }
                None | Some(Step::Split) => left.push((written.clone(), origin(at, written))),
                Some(Step::Rule { peers, ports }) => {
                    let (peers, peers_of) = parts(&written.peers, &peers, new_peer);
                    let (ports, ports_of) = parts(&written.ports, &ports, new_port);
                    let is_whole = |was: usize, now: usize| was == 0 || now > 0;
                    if is_whole(written.peers.len(), peers.len())
                        && is_whole(written.ports.len(), ports.len())
                    {
                        let origin = Origin { rule: at, peers: peers_of, ports: ports_of };
                        left.push((PolicyRule { peers, ports }, origin));
                    }
                }
            }
        }
        let (rules, origins): (Vec<_>, Vec<_>) = left.into_iter().unzip();
        match other {
            Direction::Egress => {
                now.policy.egress = now.policy.egress.map(|_| rules);
                now.egress = origins;
            }
            Direction::Ingress => {
                now.policy.ingress = now.policy.ingress.map(|_| rules);
                now.ingress = origins;
            }
        }
    }
    now
}

/// Edits the first policy of a text.
fn try_edit(text: &str, direction: Direction, steps: &[Step]) -> Result<String, EditError> {
    let all = policies(text);
    let now = narrowed(&all[0], direction, steps);
    edit(text, "test.yaml", &[Change { was: &all[0], now: &now }])
}

#[track_caller]
fn edited(text: &str, direction: Direction, steps: &[Step]) -> String {
    try_edit(text, direction, steps).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn rule(peers: &[Part], ports: &[Part]) -> Step {
    Step::Rule { peers: peers.to_vec(), ports: ports.to_vec() }
}
