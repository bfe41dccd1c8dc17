use super::*;

#[test]
fn deleting_any_rule_or_peer_or_port_makes_the_proof_fail() {
    let mut world = shop();
    world.deployment("shop/pay", "app=pay", 1).api_server("172.30.0.1");
    world.tcp("shop/web-0", "shop/pay-0", 8000);
    world.tcp("shop/api-0", "shop/pay-0", 8000);
    world.tcp("shop/pay-0", "203.0.113.10", 443);
    world.tcp("shop/api-1", "172.30.0.1", 6443);
    world.service("shop/api", "app=api", 80, 9090, None);
    world.tcp("shop/api-0", "shop/api-0", 9090).hairpin = true;
    world.service("shop/web", "app=web", 80, 8080, Some(30080));
    world.tcp("172.30.0.12", "shop/web-0", 8080).behind = ["198.51.100.7".parse().unwrap()].into();
    let (seen, answer) = run(&world, &Options::default());
    let whole: Vec<NetworkPolicy> = answer.policies.iter().map(|p| p.policy.clone()).collect();
    assert!(proof_of(&seen, &answer, &whole).holds());
    let mut mutants = 0;
    for (index, policy) in whole.iter().enumerate() {
        for direction in Direction::BOTH {
            for (rule, written) in policy.rules(direction).unwrap().iter().enumerate() {
                let mut edits: Vec<(String, Option<PolicyRule>)> = vec![("rule".to_owned(), None)];
                for peer in (0..written.peers.len()).filter(|_| written.peers.len() > 1) {
                    let mut less = written.clone();
                    let text = peer_text(&less.peers.remove(peer));
                    // IPv6 was not seen, nor the gateways: widths that are declared.
                    if !text.contains("::/0") && !text.starts_with("10.244.") {
                        edits.push((text, Some(less)));
                    }
                }
                for (peer, value, less) in less_of_values(written) {
                    edits.push((format!("{value} of peer {peer}"), Some(less)));
                }
                for port in (0..written.ports.len()).filter(|_| written.ports.len() > 1) {
                    let mut less = written.clone();
                    let text = port_text(&less.ports.remove(port));
                    if text != "53/TCP" {
                        edits.push((text, Some(less)));
                    }
                }
                for (what, edit) in edits {
                    let mut mutant = whole.clone();
                    let lists = match direction {
                        Direction::Egress => mutant[index].egress.as_mut().unwrap(),
                        Direction::Ingress => mutant[index].ingress.as_mut().unwrap(),
                    };
                    match edit {
                        Some(less) => lists[rule] = less,
                        None => drop(lists.remove(rule)),
                    }
                    mutants += 1;
                    let proof = proof_of(&seen, &answer, &mutant);
                    assert!(!proof.holds(), "{} {direction}[{rule}] without {what}", policy.key());
                }
            }
        }
    }
    assert!(mutants >= 14, "{mutants}");
}

/// The rule with one value less in one `In` expression.
fn less_of_values(rule: &PolicyRule) -> Vec<(usize, String, PolicyRule)> {
    let mut all = Vec::new();
    for (at, peer) in rule.peers.iter().enumerate() {
        let PolicyPeer::Pods(pods) = peer else { continue };
        let Some([Requirement::In(key, values)]) = pods.pods.as_ref().map(|s| s.match_expressions.as_slice())
        else {
            continue;
        };
        for value in values {
            let mut less = rule.clone();
            let rest = values.iter().filter(|v| *v != value).cloned().collect();
            let PolicyPeer::Pods(pods) = &mut less.peers[at] else { continue };
            pods.pods.as_mut().unwrap().match_expressions = vec![Requirement::In(key.clone(), rest)];
            all.push((at, value.clone(), less));
        }
    }
    all
}
