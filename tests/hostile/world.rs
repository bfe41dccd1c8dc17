//! A cluster and its traffic in which everything that can have a name has a hostile one.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use serde_json::{Value, json};

use super::support::cluster::{Cluster, PodExt, Wire, at, namespace, pod, service};
use super::support::packet::{ACK, PSH, tcp, udp};
use super::support::program::{Run, Scratch, flowfence};

/// Objects, captures and logs in files.
pub struct World {
    pub scratch: Scratch,
    captures: PathBuf,
    log: PathBuf,
    cluster: PathBuf,
    pub policies: PathBuf,
}

impl World {
    /// Where every text names a pod, its labels and annotations, a namespace, a service, a policy, a port, a host outside, a
    /// node, and two files.
    pub fn new(texts: &[(&str, String)]) -> Self {
        let scratch = Scratch::new();
        let mut cluster = Cluster::new(2).dns();
        let (mut wire, mut log) = (Wire::new(), String::new());
        for (n, (kind, text)) in (0_u8..).zip(texts) {
            for object in objects(n, text) {
                cluster = cluster.with(object);
            }
            let file = format!("policies/{}-{kind}.json", file_name(text));
            scratch.file(&file, super::support::rewrite::list(&policies(n, text)));
            traffic(&mut wire, n, text);
            log.push_str(&flows(n, text));
        }
        let first = texts.first().map_or("", |(_, text)| text.as_str());
        scratch.file(&format!("captures/{}.pcap", file_name(first)), wire.pcap());
        let path = |name: &str| scratch.path().join(name);
        World {
            captures: path("captures"),
            log: scratch.file("flows.jsonl", log),
            cluster: scratch.file("cluster.json", super::support::rewrite::list(&cluster.objects)),
            policies: path("policies"),
            scratch,
        }
    }

    /// Where every text is the owner of a pod, by an annotation or a label of its own or of its namespace, and nothing else is
    /// called by it. Longer ones than are read are left out.
    pub fn of_owners(texts: &[(&str, String)]) -> Self {
        let scratch = Scratch::new();
        let mut cluster = Cluster::new(2);
        let mut wire = Wire::new();
        let read = texts.iter().filter(|(_, text)| text.len() <= 256);
        for (n, (_, text)) in (0_u8..).zip(read) {
            let (name, space) = (format!("w{n}"), format!("space{n}"));
            let mut home = namespace(&space);
            let [address, port] = [format!("10.1.1.{}", 60 + n), format!("10.1.1.{}:{}", 60 + n, 8080)];
            let mut owned = pod(&name, &[&address], 8080).labelled(&[("app", &name)]);
            owned["metadata"]["namespace"] = space.into();
            let said = if n % 2 == 0 { &mut owned } else { &mut home };
            said["metadata"]["annotations"] = json!({ "a8r.io/owner": text });
            cluster = cluster.with(home).with(owned);
            wire.connect(at(&format!("10.1.1.50:{}", 40_000 + u16::from(n))), at(&port));
        }
        cluster = cluster.with(pod("client", &["10.1.1.50"], 8080).labelled(&[("app", "client")]));
        scratch.file("captures/plain.pcap", wire.pcap());
        scratch.file("policies/none.json", super::support::rewrite::list(&[]));
        let path = |name: &str| scratch.path().join(name);
        World {
            captures: path("captures"),
            log: path("none"),
            cluster: scratch.file("cluster.json", super::support::rewrite::list(&cluster.objects)),
            policies: path("policies"),
            scratch,
        }
    }

    /// `VERB` over the capture and its cluster.
    pub fn observed(&self, verb: &str, more: &[&str]) -> Run {
        Self::run(verb, &[&self.captures], &[&self.cluster, &self.policies], more)
    }

    /// `VERB` over the log, which names everything itself.
    pub fn logged(&self, verb: &str, more: &[&str]) -> Run {
        Self::run(verb, &[&self.log], &[], more)
    }

    /// `VERB` over the objects alone.
    pub fn objects(&self, verb: &str, more: &[&str]) -> Run {
        Self::run(verb, &[], &[&self.cluster, &self.policies], more)
    }

    fn run(verb: &str, sources: &[&PathBuf], clusters: &[&PathBuf], more: &[&str]) -> Run {
        let text = |path: &PathBuf| path.to_str().unwrap().to_owned();
        let mut args = vec![verb.to_owned()];
        args.extend(sources.iter().map(|path| text(path)));
        if clusters.is_empty() {
            args.extend(["--cluster".to_owned(), "none".to_owned()]);
        }
        args.extend(clusters.iter().flat_map(|path| ["--cluster".to_owned(), text(path)]));
        args.extend(more.iter().map(|text| (*text).to_owned()));
        flowfence(args)
    }
}

/// What a file may be called: all but the slash and NUL, 200 octets.
fn file_name(text: &str) -> String {
    let mut name = String::from("f");
    for c in text.chars().map(|c| if matches!(c, '/' | '\0') { '_' } else { c }) {
        if name.len() + c.len_utf8() > 200 {
            break;
        }
        name.push(c);
    }
    name
}

fn objects(n: u8, text: &str) -> Vec<Value> {
    let plain = format!("w{n}");
    // Labels that the API would refuse are refused by us, so that their pod is not in the graph: one has none.
    let mut labelled = pod(&format!("{plain}-labelled"), &[&format!("10.1.1.{}", 160 + n)], 8080)
        .labelled(&[("app", &plain), ("team", text), ("app.kubernetes.io/part-of", text)]);
    labelled["metadata"]["labels"][text] = "x".into();
    let mut annotated = pod(&plain, &[&format!("10.1.1.{}", 60 + n)], 8080).labelled(&[("app", &plain)]);
    annotated["metadata"]["annotations"] =
        json!({"a8r.io/owner": text, "a8r.io/chat": text, "backstage.io/kubernetes-id": text, text: text});
    let mut named = pod(text, &[&format!("10.1.2.{}", 60 + n)], 8080)
        .owned_by("Deployment", text)
        .labelled(&[("app", &format!("named{n}"))]);
    named["spec"]["containers"][0]["ports"][0]["name"] = text.into();
    let mut elsewhere =
        pod("p", &[&format!("10.1.2.{}", 160 + n)], 8080).labelled(&[("app", &format!("else{n}"))]);
    elsewhere["metadata"]["namespace"] = text.into();
    let mut space = namespace(text);
    space["metadata"]["labels"]["environment"] = text.into();
    let mut service = service(text, &format!("10.96.1.{n}"), "TCP", (80, 8080));
    service["spec"]["selector"] = json!({ "app": plain });
    let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": text},
        "status": {"addresses": [{"type": "InternalIP", "address": format!("192.168.1.{n}")}]}});
    vec![labelled, annotated, named, elsewhere, space, service, node]
}

/// One that the API would refuse for its name and selectors, and one that it takes, in the same file.
fn policies(n: u8, text: &str) -> Vec<Value> {
    let mut other = json!({"matchLabels": {}});
    other["matchLabels"][text] = text.into();
    let policy = |name: &str, peers: Value| {
        json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
            "metadata": {"name": name, "namespace": "app", "annotations": {"description": text}},
            "spec": {"podSelector": {"matchLabels": {"app": format!("none{n}")}}, "policyTypes": ["Ingress"],
                "ingress": [{"from": peers, "ports": [{"port": 9999}]}]}})
    };
    let plain = json!([{"podSelector": {"matchLabels": {"app": "gone"}}}]);
    vec![
        policy(text, json!([{"podSelector": {"matchLabels": {"team": text}}}, {"podSelector": other}])),
        policy(&format!("stale{n}"), plain),
    ]
}

fn traffic(wire: &mut Wire, n: u8, text: &str) {
    let of = |net: u8, host: u8, port: u16| at(&format!("10.1.{net}.{host}:{port}"));
    let outside: SocketAddr = at(&format!("198.51.100.{}:443", n + 1));
    wire.from(i64::from(n));
    wire.connect(of(1, 60 + n, 40_000), of(2, 60 + n, 8080));
    wire.connect(of(2, 60 + n, 40_001), of(1, 60 + n, 8080));
    wire.connect(of(2, 160 + n, 40_002), of(1, 60 + n, 8080));
    wire.connect(at(&format!("192.168.1.{n}:40004")), of(2, 160 + n, 8080));
    let asked = of(1, 60 + n, 50_000);
    wire.frame(udp(asked, at("10.1.1.53:53"), &question(text)));
    wire.frame(udp(at("10.1.1.53:53"), asked, &answer(text, outside.ip())));
    wire.connect(of(1, 60 + n, 40_003), outside);
    wire.frame(tcp(of(1, 60 + n, 40_003), outside, PSH | ACK, 2, 2, &client_hello(text)));
    for port in 1..40 {
        wire.unanswered(of(2, 60 + n, 41_000 + port), of(2, 160 + n, port));
    }
}

/// The texts as labels of a DNS name, up to 240 octets of it.
fn wire_name(text: &str) -> Vec<u8> {
    let mut name = Vec::new();
    let octets = &text.as_bytes()[..text.len().min(240)];
    for label in octets.chunks(60) {
        name.push(u8::try_from(label.len()).unwrap());
        name.extend(label);
    }
    name.push(0);
    name
}

fn question(text: &str) -> Vec<u8> {
    let mut message = vec![0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    message.extend(wire_name(text));
    message.extend([0, 1, 0, 1]);
    message
}

fn answer(text: &str, ip: IpAddr) -> Vec<u8> {
    let IpAddr::V4(ip) = ip else { panic!("an address of the old family") };
    let mut message = question(text);
    (message[2], message[3], message[7]) = (0x81, 0x80, 1);
    message.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
    message.extend(Ipv4Addr::octets(&ip));
    message
}

/// A TLS `ClientHello` that asks for the server of this name.
fn client_hello(text: &str) -> Vec<u8> {
    let name = &text.as_bytes()[..text.len().min(250)];
    let with_length = |body: &[u8]| [&u16::try_from(body.len()).unwrap().to_be_bytes(), body].concat();
    let names = with_length(&[&[0][..], &with_length(name)].concat());
    let extensions = with_length(&[&[0, 0][..], &with_length(&names)].concat());
    let body = [&[3, 3][..], &[7; 32], &[0], &[0, 2, 0x13, 1], &[1, 0], &extensions].concat();
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    [&[22, 3, 1][..], &with_length(&[&[1][..], &length[1..], &body].concat())].concat()
}

fn flows(n: u8, text: &str) -> String {
    let end = |name: &str, namespace: &str| {
        json!({"namespace": namespace, "pod_name": name, "labels": [format!("k8s:app={name}"), format!("k8s:{name}=x")],
            "workloads": [{"name": name, "kind": "Deployment"}]})
    };
    let flow = |port: u16, source: Value, destination: Value, names: &[&str]| {
        json!({"flow": {"time": "2026-06-01T12:00:00Z", "verdict": "FORWARDED", "node_name": text, "summary": text,
            "IP": {"source": format!("10.9.0.{}", n + 1), "destination": format!("10.9.1.{}", n + 1), "ipVersion": "IPv4"},
            "l4": {"TCP": {"source_port": 40_000 + port, "destination_port": port, "flags": {"SYN": true}}},
            "source": source, "destination": destination, "traffic_direction": "EGRESS", "is_reply": false,
            "destination_names": names}})
    };
    let flows = [
        flow(80, end(text, "shop"), end("db", "shop"), &[]),
        flow(81, end("db", text), end(text, "shop"), &[text]),
        flow(82, end("web", "shop"), json!({"labels": ["reserved:world"]}), &[text]),
    ];
    flows.map(|flow| flow.to_string() + "\n").concat()
}
