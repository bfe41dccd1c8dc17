//! Small builders for tests: objects and flow records in a line each.

use flowfence_model::object::{
    ContainerPort, Controller, EndpointSlice, Meta, Node, Object, Owner, Pod, Service, ServicePort,
    TargetPort,
};
use flowfence_model::{
    Address, Endpoint, FlowRecord, Half, Labels, Protocol, Recording, Signs, Tap, TapId, Timestamp,
};

pub fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(1_700_000_000 + secs, 0)
}

pub fn labels(text: &str) -> Labels {
    text.split(',')
        .filter_map(|pair| pair.split_once('='))
        .map(|(k, v)| (k.to_owned(), v.to_owned()))
        .collect()
}

pub fn meta(key: &str) -> Meta {
    let (namespace, name) = key.split_once('/').unwrap_or(("", key));
    Meta { namespace: namespace.to_owned(), name: name.to_owned(), uid: key.to_owned(), ..Meta::default() }
}

/// A pod `NAMESPACE/NAME` on `node` with one address, running since long ago.
pub fn pod(key: &str, node: &str, ip: &str) -> Pod {
    Pod { meta: meta(key), node: node.to_owned(), ips: vec![ip.parse().unwrap()], ..Pod::default() }
}

pub fn owned(mut pod: Pod, kind: &str, name: &str) -> Pod {
    pod.meta.owner = Some(Owner { kind: kind.to_owned(), name: name.to_owned() });
    pod
}

pub fn node(name: &str, ip: &str, cidr: &str) -> Object {
    Object::Node(Node {
        meta: meta(name),
        internal_ips: vec![ip.parse().unwrap()],
        pod_cidrs: vec![cidr.parse().unwrap()],
        ..Node::default()
    })
}

pub fn controller(kind: &str, key: &str, owner: Option<(&str, &str)>) -> Object {
    let mut meta = meta(key);
    meta.owner = owner.map(|(kind, name)| Owner { kind: kind.to_owned(), name: name.to_owned() });
    Object::Controller(Controller { meta, kind: kind.to_owned(), ..Controller::default() })
}

/// A service with one port: `VIP:PORT -> TARGET` of pods with `selector`.
pub fn service(
    key: &str,
    vip: &str,
    port: u16,
    target: u16,
    selector: &str,
    node_port: Option<u16>,
) -> Object {
    Object::Service(Service {
        meta: meta(key),
        kind: "ClusterIP".to_owned(),
        cluster_ips: vec![vip.parse().unwrap()],
        ports: vec![ServicePort {
            name: None,
            protocol: Protocol::Tcp,
            port,
            target: TargetPort::Number(target),
            node_port,
        }],
        selector: (!selector.is_empty()).then(|| labels(selector)),
        ..Service::default()
    })
}

pub fn udp_service(
    key: &str,
    vip: &str,
    port: u16,
    target: u16,
    selector: &str,
    node_port: Option<u16>,
) -> Object {
    let Object::Service(mut made) = service(key, vip, port, target, selector, node_port) else {
        unreachable!()
    };
    made.ports[0].protocol = Protocol::Udp;
    Object::Service(made)
}

pub fn api_server(ip: &str, port: u16) -> Object {
    Object::EndpointSlice(EndpointSlice {
        meta: meta("default/kubernetes"),
        service: "kubernetes".to_owned(),
        addresses: vec![ip.parse().unwrap()],
        ports: vec![ContainerPort { name: Some("https".to_owned()), port, protocol: Protocol::Tcp }],
    })
}

pub fn end(text: &str) -> Endpoint {
    let socket: std::net::SocketAddr = text.parse().unwrap();
    Endpoint::new(Address::from(socket.ip()), socket.port())
}

pub fn half(packets: u64, signs: &[Signs], isn: Option<u32>) -> Half {
    let mut all = signs.iter().fold(Signs::default(), |all, s| all.union(*s));
    if isn.is_some() {
        all.insert(Signs::ISN);
    }
    Half { packets, octets: packets * 100, isn: isn.unwrap_or(0), signs: all }
}

/// A record at tap 0 from `a` to `b`, 100 s after the start.
pub fn record(protocol: Protocol, a: &str, b: &str, forward: Half, reverse: Half) -> FlowRecord {
    let mut made = FlowRecord::new(protocol, end(a), end(b), TapId(0), at(100));
    made.last = at(101);
    made.forward = forward;
    made.reverse = reverse;
    made
}

/// A TCP connection that was seen whole.
pub fn tcp(a: &str, b: &str, isn: u32) -> FlowRecord {
    let forward = half(4, &[Signs::OPEN, Signs::SEGMENT, Signs::PAYLOAD, Signs::FIN], Some(isn));
    let reverse = half(3, &[Signs::ACCEPT, Signs::SEGMENT, Signs::PAYLOAD, Signs::FIN], Some(isn ^ 0xffff));
    record(Protocol::Tcp, a, b, forward, reverse)
}

/// Segments of both directions without the handshake.
pub fn midstream(a: &str, b: &str) -> FlowRecord {
    let both = [Signs::SEGMENT, Signs::PAYLOAD];
    record(Protocol::Tcp, a, b, half(4, &both, None), half(4, &both, None))
}

pub fn udp(a: &str, b: &str, there: u64, back: u64) -> FlowRecord {
    record(Protocol::Udp, a, b, half(there, &[], None), half(back, &[], None))
}

pub fn tap(depth: u8) -> Tap {
    Tap { input: 0, interface: 0, name: None, depth, first: at(0), last: at(1000) }
}

pub fn recording(records: Vec<FlowRecord>) -> Recording {
    let taps = records.iter().map(|r| r.tap.0).max().map_or(1, |t| t + 1);
    Recording { records, taps: (0..taps).map(|_| tap(0)).collect(), ..Recording::default() }
}
