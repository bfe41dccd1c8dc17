use super::*;

fn ports(written: &str, used: &[u16]) -> Vec<String> {
    let mut world = World::new();
    world.deployment("shop/web", "app=web", 2).deployment("shop/api", "app=api", 2);
    for (replica, number) in [(0, 8080), (1, 8081)] {
        world.port(&format!("shop/api-{replica}"), "http", number).port(
            &format!("shop/api-{replica}"),
            "admin",
            9000,
        );
    }
    for port in used {
        world.tcp("shop/web-0", "shop/api-0", *port);
    }
    world.today = vec![ingress("shop/api", "app=api", &[&format!("app=web : {written}")])];
    let answer = proved(&world, &Options::default());
    rules(&answer, "shop/api").iter().map(|rule| rule.trim_start_matches("app=web: ").to_owned()).collect()
}

#[test]
fn ports_become_those_that_were_used() {
    assert_eq!(ports("*", &[9000]), ["9000/TCP"], "a rule without ports");
    assert_eq!(ports("*/TCP */UDP", &[9000]), ["9000/TCP"]);
    assert_eq!(ports("8000-9000", &[9000, 8888]), ["8888/TCP 9000/TCP"]);
    assert_eq!(ports("8000-9000", &[8001, 8002, 8003]), ["8001-8003/TCP"], "all of a run were seen");
    assert_eq!(ports("9000 9001 9000/UDP", &[9000]), ["9000/TCP"]);
    assert_eq!(ports("9000-9001", &[9000, 9001]), ["9000-9001/TCP"], "nothing to narrow");
}

#[test]
fn names_stay_where_they_were_used_and_stand_where_numbers_differ() {
    assert_eq!(ports("http admin", &[8080]), ["http/TCP"]);
    assert_eq!(ports("*", &[8080]), ["http/TCP"], "replicas give it different numbers");
    assert_eq!(ports("9000 8000-9000", &[9000]), ["9000/TCP"], "the narrower of two");
}

#[test]
fn a_range_of_which_a_server_chooses_ports_stays() {
    let many: Vec<u16> = (0..9).map(|n| 30_000 + 37 * n).collect();
    assert_eq!(ports("30000-32000", &many), ["30000-32000/TCP"]);
    assert_eq!(ports("*", &many), ["*/TCP"], "its protocol alone");
    assert_eq!(ports("30000-32000", &many[..3]), ["30000/TCP 30037/TCP 30074/TCP"]);
}
