//! Cilium's Hubble: Relay, or one agent.

use flowfence_capture::{Heard, HubbleServer, HubbleStream, Recorder};
use flowfence_model::Timestamp;

use super::kind::{Dialect, FlowStream};

/// How it is spoken to.
pub const DIALECT: Dialect = Dialect {
    name: "Hubble",
    schemes: ["hubble://", "hubbles://"],
    // Of Hubble Relay, and of `cilium hubble port-forward`.
    port: 4245,
    has_sockets: true,
    service: "observer.Observer",
    listens: "Hubble Relay listens on port 4245 and Cilium's agents on 4244",
    forward: "`kubectl -n kube-system port-forward service/hubble-relay 4245:80` makes Hubble Relay listen on \
              localhost:4245",
    wants: "; Hubble wants TLS 1.3",
    who: ("/observer.Observer/ServerStatus", Vec::new),
    introduced,
    flows: "/observer.Observer/GetFlows",
    open: || Box::new(HubbleStream::default()),
};

impl FlowStream for HubbleStream {
    fn connect(&mut self, now: Timestamp, _: &mut Recorder, _: u32) -> Vec<u8> {
        HubbleStream::connect(self, now)
    }

    fn take(&mut self, octets: &[u8], recorder: &mut Recorder, input: u32) -> Heard {
        HubbleStream::take(self, octets, recorder, input)
    }

    fn nodes(&self) -> Option<usize> {
        Some(HubbleStream::nodes(self))
    }
}

fn introduced(status: &[u8]) -> Vec<String> {
    let server = HubbleServer::read(status);
    let mut said = Vec::new();
    if !server.version.is_empty() {
        said.push(server.version);
    }
    if let Some((there, away)) = server.nodes {
        said.push(format!("{there} nodes"));
        if away > 0 {
            said.push(format!("{away} more that it cannot hear"));
        }
    }
    said
}
