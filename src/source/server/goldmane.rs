//! Calico's Goldmane.

use flowfence_capture::{GoldmaneStream, Heard, Recorder};
use flowfence_model::Timestamp;

use super::kind::{Dialect, FlowStream};

/// How it is spoken to.
pub const DIALECT: Dialect = Dialect {
    name: "Goldmane",
    schemes: ["goldmane://", "goldmanes://"],
    port: 7443,
    has_sockets: false,
    service: "goldmane.Flows",
    listens: "Calico's service calico-system/goldmane listens on port 7443",
    forward: "`kubectl -n calico-system port-forward service/goldmane 7443` makes Goldmane listen on localhost:7443",
    wants: "",
    who: ("/goldmane.Flows/List", GoldmaneStream::glance),
    introduced,
    flows: "/goldmane.Flows/Stream",
    open: || Box::new(GoldmaneStream::default()),
};

impl FlowStream for GoldmaneStream {
    fn connect(&mut self, now: Timestamp, recorder: &mut Recorder, input: u32) -> Vec<u8> {
        GoldmaneStream::connect(self, now, recorder, input)
    }

    fn take(&mut self, octets: &[u8], recorder: &mut Recorder, input: u32) -> Heard {
        GoldmaneStream::take(self, octets, recorder, input)
    }

    fn nodes(&self) -> Option<usize> {
        None
    }
}

fn introduced(list: &[u8]) -> Vec<String> {
    let total = GoldmaneStream::glanced(list);
    total.map(|total| format!("{total} flows of the last minute")).into_iter().collect()
}
