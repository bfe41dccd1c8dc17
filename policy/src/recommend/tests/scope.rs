use super::*;

#[test]
fn a_workload_without_traffic_is_never_isolated() {
    let mut world = shop();
    world.deployment("shop/idle", "app=idle", 1);
    world.tcp("10.244.1.1", "shop/idle-0", 8080).probe = true;
    world.contacts.last_mut().unwrap().contact.own_node = true;
    let answer = recommended(&world);
    assert_eq!(answer.unobserved, [workload("shop/Deployment/idle")]);
    assert!(!keys(&answer).contains(&"shop/flowfence-idle".to_owned()));
}

#[test]
fn a_workload_that_was_only_knocked_at_is_fenced_shut() {
    let mut world = World::new();
    world.deployment("shop/web", "app=web", 1).deployment("shop/db", "app=db", 1);
    world.refused("shop/web-0", "shop/db-0", 22, 5);
    let answer = proved(&world, &Options::default());
    assert_eq!(rules(&answer, "shop/flowfence-db", Direction::Ingress), [""; 0]);
    assert_eq!(rules(&answer, "shop/flowfence-web", Direction::Egress), [""; 0]);
}

#[test]
fn blind_and_system_workloads_stay_open_unless_asked() {
    let mut world = shop();
    world.unseen.insert("web-1".to_owned());
    let answer = recommended(&world);
    let open: BTreeSet<String> = answer.unfenced.iter().map(|u| format!("{} {}", u.id, u.why)).collect();
    let expected = ["kube-system/Deployment/coredns system", "shop/Deployment/web blind"];
    assert_eq!(open, expected.map(str::to_owned).into());
    let all = Options { include_blind: true, system: true, ..Options::default() };
    let answer = proved(&world, &all);
    assert_eq!((answer.unfenced.len(), answer.policies.len()), (0, 4));
}

#[test]
fn namespaces_choose_subjects_and_not_peers() {
    let options = Options { namespaces: ["data".to_owned()].into(), ..Options::default() };
    let answer = proved(&shop(), &options);
    assert_eq!(keys(&answer), ["data/flowfence-db"]);
    let from = ["[kubernetes.io/metadata.name=shop] app=api: 5432/TCP"];
    assert_eq!(rules(&answer, "data/flowfence-db", Direction::Ingress), from);
}

#[test]
fn a_suspect_is_fenced_with_what_it_did_before() {
    let mut world = shop();
    for port in 1..40 {
        world.refused("shop/web-0", "data/db-0", port, 100 + i64::from(port));
    }
    world.tcp("shop/web-0", "198.51.100.66", 3333).tally.first = at(200);
    let answer = proved(&world, &Options::default());
    assert_eq!(answer.suspects, [workload("shop/Deployment/web")]);
    assert_eq!(answer.withheld.len(), 1);
    assert_eq!(rules(&answer, "shop/flowfence-web", Direction::Egress), ["app=api: 9090/TCP"]);
}

#[test]
fn answered_icmp_is_listed_since_isolation_may_cut_it() {
    let mut world = World::new();
    world.deployment("ops/operator", "app=operator", 1);
    world.sees("ops/operator-0", "203.0.113.10", Protocol::Icmp, 0, connected(4));
    world.sees("ops/operator-0", "203.0.113.11", Protocol::Icmp, 0, Tally { unanswered: 1, ..connected(0) });
    let answer = recommended(&world);
    assert_eq!(answer.inexpressible.len(), 1);
    assert_eq!(rules(&answer, "ops/flowfence-operator", Direction::Egress), [""; 0]);
}

#[test]
fn a_merged_subject_counts_its_excess() {
    let mut world = World::new();
    world.deployment("shop/a", "app=same", 1).deployment("shop/b", "app=same", 1);
    world.deployment("shop/c", "app=c", 1);
    world.tcp("shop/a-0", "shop/c-0", 80);
    world.tcp("shop/b-0", "shop/c-0", 81);
    let (seen, answer) = run(&world, &Options::default());
    assert_eq!(keys(&answer), ["shop/flowfence-a", "shop/flowfence-c"]);
    assert_eq!(answer.merged, [vec![workload("shop/Deployment/a"), workload("shop/Deployment/b")]]);
    let policies: Vec<NetworkPolicy> = answer.policies.iter().map(|p| p.policy.clone()).collect();
    let proof = proof_of(&seen, &answer, &policies);
    let excess: Vec<String> =
        proof.alone.excess.iter().map(|e| format!("{} -> {} {}", e.from, e.to, e.ports)).collect();
    assert!(proof.holds());
    assert_eq!(
        excess,
        ["shop/Deployment/a -> shop/Deployment/c 81", "shop/Deployment/b -> shop/Deployment/c 80"]
    );
}

#[test]
fn without_a_label_nothing_is_selected_and_its_peers_stay_open_towards_it() {
    let mut world = World::new();
    world.pod("shop/bare");
    world.deployment("shop/web", "app=web", 1).deployment("shop/other", "team=x", 1);
    world.tcp("shop/web-0", "shop/bare", 80);
    world.tcp("shop/bare", "shop/other-0", 81);
    let (seen, answer) = run(&world, &Options::default());
    let open: Vec<String> =
        answer.unfenced.iter().map(|u| format!("{} {} {}", u.id, u.direction, u.why)).collect();
    assert_eq!(
        open,
        [
            "shop/Deployment/other ingress no stable label selects its peer shop/Pod/bare",
            "shop/Deployment/web egress no stable label selects its peer shop/Pod/bare",
            "shop/Pod/bare egress no stable label selects it",
            "shop/Pod/bare ingress no stable label selects it",
        ]
    );
    let policies: Vec<NetworkPolicy> = answer.policies.iter().map(|p| p.policy.clone()).collect();
    assert!(proof_of(&seen, &answer, &policies).holds());
    assert!(policies.iter().all(|policy| !policy.pod_selector.is_everything()));
}
