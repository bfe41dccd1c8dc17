//! The same comes out however many connections are named in one piece.

use flowfence_model::Orientation;

use super::*;
use crate::attribute::strand::Strands;
use crate::attribute::{Connections, join};
use crate::crew::{Alone, Crew};

/// The last piece first.
struct Backwards;

impl Crew for Backwards {
    fn each(&self, count: usize, work: &(dyn Fn(usize) + Sync)) {
        (0..count).rev().for_each(work);
    }
}

/// Thirty connections to a service, each seen before and behind it; questions to DNS; what nobody can name.
fn many() -> Vec<FlowRecord> {
    let mut records = Vec::new();
    for i in 0..30u32 {
        let client = format!("10.244.1.2:{}", 40_000 + i);
        records.push(tcp(&client, "10.96.0.5:80", 100 + i));
        records.push(tcp(&client, ["10.244.1.3:9090", "10.244.2.4:9090"][i as usize % 2], 100 + i));
        records.push(udp(&client, "10.96.0.10:53", 1, 1));
        records.push(tcp(&format!("127.0.0.1:{}", 50_000 + i), "127.0.0.1:8080", 500 + i));
    }
    records
}

#[test]
fn contacts_are_the_same_in_pieces_of_any_size() {
    let inventory = cluster();
    let strands = Strands::from_records(many());
    let orientations = vec![Orientation::Seen; strands.records().len()];
    let groups = join::join(&strands, &inventory, &[]);
    let connections =
        Connections { strands: &strands, orientations: &orientations, window: None, inventory: &inventory };
    let whole = connections.fold(&groups, usize::MAX, &Alone);
    let (whole, left_out) = (whole.0.finish(), whole.1);
    assert_eq!((whole.len(), left_out.get("loopback-address")), (3, 30));
    for size in [1, 2, 3, 7, 40] {
        for crew in [&Alone as &dyn Crew, &Backwards] {
            let pieces = groups.pieces(size);
            assert!(pieces.len() > 1 && pieces.concat().len() == strands.records().len());
            let (contacts, counts) = connections.fold(&groups, size, crew);
            assert_eq!((contacts.finish(), &counts), (whole.clone(), &left_out), "pieces of {size}");
        }
    }
}
