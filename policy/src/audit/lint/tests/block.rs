use super::{Words, block, ids, only, policy, shop, tcp};

#[test]
fn a_block_with_pods_in_it_is_told() {
    let mut world = shop();
    world.today = vec![policy("p", "db").ingress(&[block("10.0.0.0/8", &[])], &[tcp(80)])];
    let finding = only(&world, "block-covers-pods");
    assert!(finding.title.contains("4 pods"), "{}", finding.title);
    assert!(finding.fix.unwrap().contains("except: [10.244.1.0/24, 10.244.2.0/24]"));
}

#[test]
fn the_address_of_one_pod_is_told_too() {
    let mut world = shop();
    world.today = vec![policy("p", "db").ingress(&[block("10.244.1.2/32", &[])], &[tcp(80)])];
    assert_eq!(ids(&world), ["block-covers-pods:shop/p:ingress[0].from[0]"]);
}

#[test]
fn the_world_and_blocks_without_pods_are_silent() {
    let mut world = shop();
    world.today = vec![
        policy("p", "db")
            .ingress(&[block("0.0.0.0/0", &[]), block("::/0", &[])], &[tcp(80)])
            .ingress(&[block("10.0.0.0/8", &["10.244.0.0/16"]), block("192.0.2.0/24", &[])], &[tcp(81)])
            .ingress(&[block("10.244.1.1/32", &[]), block("10.244.1.250/32", &[])], &[tcp(82)]),
    ];
    assert_eq!(ids(&world), [""; 0]);
}

#[test]
fn a_block_with_nodes_in_it_by_the_way_is_a_note() {
    let mut world = shop();
    world.today = vec![
        policy("wide", "db").ingress(&[block("172.16.0.0/12", &[])], &[tcp(80)]),
        policy("part", "web").ingress(&[block("172.30.0.12/31", &[])], &[tcp(80)]),
    ];
    assert_eq!(
        ids(&world),
        [
            "block-covers-nodes:shop/wide:ingress[0].from[0]",
            "block-covers-nodes:shop/part:ingress[0].from[0]"
        ]
    );
}

#[test]
fn blocks_for_nodes_are_silent() {
    let mut world = shop();
    world.today = vec![
        policy("p", "db")
            .ingress(&[block("172.30.0.11/32", &[]), block("172.30.0.12/32", &[])], &[tcp(80)])
            .ingress(&[block("172.30.0.0/24", &[])], &[tcp(81)])
            .ingress(&[block("172.16.0.0/12", &["172.30.0.0/16"])], &[tcp(82)]),
    ];
    assert_eq!(ids(&world), [""; 0]);
}
