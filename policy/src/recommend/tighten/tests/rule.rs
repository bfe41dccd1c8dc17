use super::*;

#[test]
fn a_rule_that_nobody_used_goes_and_the_used_one_stays_as_it_was() {
    let mut world = shop();
    world.today = vec![ingress("shop/api", "app=api", &["app=web : 9090", "app=cart : 9090", "[] : 8080"])];
    world.tcp("ops/scraper-0", "shop/cart-0", 9100);
    let answer = proved(&world, &Options::default());
    assert_eq!(rules(&answer, "shop/api"), ["app=web: 9090/TCP"]);
    assert_eq!(what(&answer), ["shop/api ingress[1] rule-removed", "shop/api ingress[2] rule-removed"]);
    let edit = &answer.edits[0];
    assert_eq!(edit.why, "nobody used it");
    let names =
        |ids: &BTreeSet<flowfence_model::NodeId>| ids.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(names(&edit.evidence.never), ["shop/Deployment/cart"]);
    assert_eq!(answer.denied.len(), 1, "the scraper is denied today, and that is another mode's");
    assert!(answer.denied[0].to_string().starts_with("ops/Deployment/scraper -> shop/Deployment/api 9100"));
}

#[test]
fn of_two_rules_that_admit_a_contact_the_narrower_is_kept() {
    let mut world = shop();
    world.today = vec![
        ingress("shop/a-wide", "", &["[] : *"]),
        ingress("shop/api", "app=api", &["app=web : 9090", "[] app=scraper : 9100"]),
        ingress("shop/web", "app=web", &["[] app=scraper : 9100"]),
    ];
    let answer = proved(&world, &Options::default());
    assert_eq!(rules(&answer, "shop/a-wide"), [""; 0]);
    assert_eq!(answer.edits.len(), 1);
    assert_eq!(
        answer.edits[0].why,
        "narrower rules carry what used it: shop/api ingress[0], shop/api ingress[1], shop/web ingress[0]"
    );
    assert_eq!(kept(&answer), ["shop/a-wide no rule for ingress is left: it stays and denies all of it"]);
}

#[test]
fn a_peer_that_admits_more_than_came_becomes_those_who_came() {
    let mut world = shop();
    for more in ["a", "b", "c"] {
        world.deployment(&format!("shop/{more}"), &format!("app={more}"), 1);
    }
    world.tcp("shop/a-0", "shop/api-0", 9090);
    world.tcp("ops/scraper-0", "shop/api-0", 9090);
    world.today = vec![ingress("shop/api", "app=api", &[" | [] : 9090 9100", "10.9.0.0/16 : 9090"])];
    let answer = proved(&world, &Options::default());
    assert_eq!(
        rules(&answer, "shop/api"),
        ["app=a | app=web: 9090/TCP", "[kubernetes.io/metadata.name=ops] app=scraper: 9090/TCP 9100/TCP"]
    );
    assert_eq!(
        what(&answer),
        [
            "shop/api ingress[0] peer-replaced",
            "shop/api ingress[0] peer-replaced",
            "shop/api ingress[0] rule-split",
            "shop/api ingress[1] rule-removed",
        ]
    );
    assert_eq!(answer.edits[0].why, "of 6 workloads that it admits 2 came");
    let origins = &answer.policies[0].ingress;
    assert_eq!((origins[0].peers.clone(), origins[1].peers.clone()), (vec![0, 0], vec![1]));
    assert_eq!((origins[0].ports.clone(), origins[1].ports.clone()), (vec![0], vec![0, 1]));
}

#[test]
fn an_unused_peer_goes_and_the_rest_of_the_rule_stays() {
    let mut world = shop();
    world.today = vec![ingress("shop/api", "app=api", &["app=web | app=cart : 9090"])];
    let answer = proved(&world, &Options::default());
    assert_eq!(rules(&answer, "shop/api"), ["app=web: 9090/TCP"]);
    assert_eq!(what(&answer), ["shop/api ingress[0] peer-removed"]);
}

#[test]
fn a_policy_that_selects_what_was_not_seen_is_kept_and_says_whom() {
    let mut world = shop();
    world.today = vec![ingress("shop/all", "", &["[] : *"]), ingress("shop/api", "app=api", &["[] : *"])];
    world.controlled("CronJob", "shop/nightly", "app=nightly", 0);
    let answer = proved(&world, &Options::default());
    assert_eq!(rules(&answer, "shop/all"), ["[]: "]);
    assert_eq!(kept(&answer), ["shop/all it selects shop/CronJob/nightly, of which nothing was seen"]);
    assert_eq!(rules(&answer, "shop/api").len(), 2, "and the policy of the seen one is narrowed");

    world.unseen.insert("api-1".to_owned());
    let answer = proved(&world, &Options::default());
    assert_eq!(answer.edits, []);
    assert_eq!(
        kept(&answer),
        [
            "shop/all it selects shop/Deployment/api, which is left open: blind",
            "shop/api it selects shop/Deployment/api, which is left open: blind"
        ]
    );
    let even_blind = Options { include_blind: true, ..Options::default() };
    assert_eq!(rules(&proved(&world, &even_blind), "shop/api").len(), 2);
}

#[test]
fn system_and_other_namespaces_are_left_alone() {
    let mut world = shop();
    world.deployment("kube-system/coredns", "k8s-app=kube-dns", 1);
    world.udp("shop/web-0", "kube-system/coredns-0", 53);
    world.today = vec![
        ingress("kube-system/dns", "k8s-app=kube-dns", &["* : *"]),
        ingress("shop/api", "app=api", &["[] : *"]),
    ];
    let answer = proved(&world, &Options { namespaces: ["ops".to_owned()].into(), ..Options::default() });
    assert_eq!((answer.edits, answer.kept), (vec![], vec![]));
    let answer = proved(&world, &Options::default());
    assert_eq!(rules(&answer, "kube-system/dns"), [": "]);
    assert_eq!(
        kept(&answer),
        ["kube-system/dns it selects kube-system/Deployment/coredns, which is left open: system"]
    );
    let answer = proved(&world, &Options { system: true, ..Options::default() });
    assert_eq!(
        rules(&answer, "kube-system/dns"),
        ["[kubernetes.io/metadata.name=shop] app=web: 53/TCP 53/UDP"],
        "DNS on both protocols, for both were admitted"
    );
}

#[test]
fn a_policy_that_selects_nothing_may_be_deleted_and_stays_in_the_set() {
    let mut world = shop();
    world.today = vec![ingress("shop/stale", "app=gone", &["[] : *"])];
    let answer = proved(&world, &Options::default());
    assert_eq!(answer.selects_nothing, ["shop/stale"]);
    assert_eq!(rules(&answer, "shop/stale"), ["[]: "]);
}

#[test]
fn what_a_scanner_used_is_not_kept() {
    let mut world = shop();
    world.deployment("shop/blog", "app=blog", 1);
    world.tcp("shop/web-0", "shop/blog-0", 8000);
    for port in 0..40 {
        world.refused("shop/blog-0", "shop/web-0", 1000 + port, 60 + i64::from(port));
        world.refused("shop/blog-0", "shop/cart-0", 1000 + port, 60 + i64::from(port));
    }
    let late = Tally { first: at(300), last: at(301), ..connected(1) };
    world.sees("shop/blog-0", "shop/api-0", Protocol::Tcp, 9090, late);
    world.today = vec![ingress("shop/api", "app=api", &[" | [] app=scraper : 9090 9100"])];
    let answer = proved(&world, &Options::default());
    assert_eq!(
        rules(&answer, "shop/api"),
        ["app=web: 9090/TCP", "[] app=scraper: 9100/TCP"],
        "blog came after it had begun to scan"
    );
    let suspects: Vec<String> = answer.edits[0].evidence.suspicious.iter().map(ToString::to_string).collect();
    assert_eq!(suspects, ["shop/Deployment/blog"]);
    assert_eq!(
        answer.edits[0].why,
        "of 4 workloads that it admits 1 came (1 of the others after it had begun to scan)"
    );
}

#[test]
fn a_selector_of_some_replicas_never_grows_to_all() {
    let mut world = shop();
    for (pod, track) in [("shop/web-0", "canary"), ("shop/web-1", "stable")] {
        world.pods.get_mut(pod).unwrap().meta.labels.insert("track".to_owned(), track.to_owned());
    }
    let cart = world.pods.get_mut("shop/cart-0").unwrap();
    cart.meta.labels.insert("track".to_owned(), "canary".to_owned());
    world.today = vec![ingress("shop/api", "app=api", &["track=canary : 9090"])];
    let answer = proved(&world, &Options::default());
    assert_eq!(rules(&answer, "shop/api"), ["app=web,track=canary: 9090/TCP"]);
}

#[test]
fn a_peer_without_stable_labels_keeps_what_admits_it() {
    let mut world = shop();
    world.pod("raw/bare");
    world.tcp("raw/bare", "shop/api-0", 9090);
    world.today = vec![ingress("shop/api", "app=api", &["[] : 9090 9091"])];
    let answer = proved(&world, &Options::default());
    assert_eq!(rules(&answer, "shop/api"), ["[]: 9090/TCP"], "the ports are narrowed all the same");
    assert_eq!(kept(&answer), ["shop/api no stable label selects raw/Pod/bare, which used it"]);
}

#[test]
fn the_order_of_policies_and_of_what_was_seen_changes_nothing() {
    let mut world = shop();
    world.today = vec![
        ingress("shop/b", "app=api", &["app=web : 9090", "[] : *"]),
        ingress("shop/a", "app=api", &["app=web : 9090", "* : 9100"]),
        egress("shop/c", "app=web", &["* : *"]),
    ];
    let (_, one) = run(&world, &Options::default());
    world.today.reverse();
    world.contacts.reverse();
    world.objects.reverse();
    assert_eq!(run(&world, &Options::default()).1, one);
}
