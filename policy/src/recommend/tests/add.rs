use super::*;

fn add() -> Options {
    Options { mode: Mode::Add, ..Options::default() }
}

/// The set as it will be in force: today's with what is added, objects of one name replaced.
fn resulting(world: &World, answer: &Recommendation) -> Vec<NetworkPolicy> {
    let added: BTreeSet<String> = answer.policies.iter().map(|p| p.policy.key()).collect();
    let kept = world.today.iter().filter(|policy| !added.contains(&policy.key())).cloned();
    answer.policies.iter().map(|p| p.policy.clone()).chain(kept).collect()
}

fn ours(policies: &[NetworkPolicy]) -> Options {
    Options { ours: policies.iter().map(NetworkPolicy::key).collect(), ..add() }
}

#[test]
fn beside_policies_that_do_nothing_is_missing_but_what_they_lack() {
    let mut world = shop();
    let (_, whole) = run(&world, &Options::default());
    world.today = whole.policies.iter().map(|p| p.policy.clone()).collect();
    for policy in &mut world.today {
        policy.name = format!("user-{}", policy.name);
    }
    assert!(run(&world, &add()).1.policies.is_empty(), "nothing is missing");
    // The user's policy of api forgets the database.
    let api = world.today.iter_mut().find(|p| p.name == "user-flowfence-api").unwrap();
    api.egress.as_mut().unwrap().retain(|rule| !rule_text(rule).contains("5432"));
    let (seen, answer) = run(&world, &add());
    assert_eq!(keys(&answer), ["shop/flowfence-api"]);
    let only = &answer.policies[0].policy;
    assert_eq!(only.ingress, None, "nothing is missing there");
    assert_eq!(
        rules(&answer, "shop/flowfence-api", Direction::Egress),
        ["[kubernetes.io/metadata.name=data] app=db: 5432/TCP"]
    );
    assert!(answer.supersedes.is_empty());
    let proof = proof_of(&seen, &answer, &resulting(&world, &answer));
    assert!(proof.holds(), "{:#?}", proof.alone.cut);
}

#[test]
fn a_direction_that_nothing_isolates_gets_all_of_its_rules() {
    let mut world = shop();
    let (_, whole) = run(&world, &Options::default());
    let mut web = whole.policies.iter().find(|p| p.policy.name == "flowfence-web").unwrap().policy.clone();
    web.name = "user".to_owned();
    web.egress = None;
    world.today = vec![web];
    let (_, answer) = run(&world, &add());
    let added = &answer.policies.iter().find(|p| p.policy.name == "flowfence-web").unwrap().policy;
    assert!(added.ingress.is_none() && added.egress.as_ref().unwrap().len() == 1);
    assert_eq!(keys(&answer), ["data/flowfence-db", "shop/flowfence-api", "shop/flowfence-web"]);
}

#[test]
fn what_an_earlier_run_added_stays_in_its_object() {
    let mut world = shop();
    let (_, first) = run(&world, &add());
    world.today = first.policies.iter().map(|p| p.policy.clone()).collect();
    world.contacts.retain(|sight| sight.contact.port != Some(5432));
    world.tcp("shop/api-1", "data/db-0", 9187);
    let (seen, second) = run(&world, &ours(&world.today));
    assert_eq!(keys(&second), ["data/flowfence-db", "shop/flowfence-api"]);
    let egress = rules(&second, "shop/flowfence-api", Direction::Egress);
    let db = |port: u16| format!("[kubernetes.io/metadata.name=data] app=db: {port}/TCP");
    assert!(egress.contains(&db(5432)) && egress.contains(&db(9187)), "{egress:?}");
    let evidence = &second.policies.iter().find(|p| p.policy.name == "flowfence-api").unwrap().evidence;
    assert_eq!(evidence.len(), 1, "of what is new");
    let added = &second.policies[1].policy.egress.as_ref().unwrap()[evidence[0].rule];
    assert_eq!(rule_text(added), db(9187));
    assert!(proof_of(&seen, &second, &resulting(&world, &second)).holds());
}
