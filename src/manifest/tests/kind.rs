//! The fields of each kind.

use flowfence_model::Protocol;
use flowfence_model::object::{Object, TargetPort};

use super::*;

const POD: &str = "
apiVersion: v1
kind: Pod
metadata:
  name: web-1
  uid: u-1
  resourceVersion: '42'
  creationTimestamp: '2026-01-02T03:04:05Z'
  deletionTimestamp: 2026-01-02T04:00:00Z
  labels: {app: web}
  ownerReferences:
  - {kind: Other, name: no, controller: false}
  - {kind: ReplicaSet, name: web, controller: true, uid: x}
spec:
  nodeName: node1
  hostNetwork: null
  containers:
  - name: c
    ports:
    - {name: http, containerPort: 8080}
    - {containerPort: 53, protocol: UDP}
    readinessProbe: {httpGet: {port: http, path: /}}
    livenessProbe: {tcpSocket: {port: 9000}}
    startupProbe: {httpGet: {port: 7, host: example.com}}
  initContainers:
  - {name: sidecar, restartPolicy: Always, ports: [{name: mesh, containerPort: 15000}]}
  - {name: init, ports: [{name: gone, containerPort: 1}]}
status:
  phase: Running
  podIP: 10.0.0.1
  podIPs: [{ip: 10.0.0.1}, {ip: 'fd00::1'}]
  startTime: '2026-01-02T03:04:06Z'
  containerStatuses:
  - state: {running: {startedAt: '2026-01-02T03:04:07Z'}}
  - state: {running: {startedAt: '2026-01-02T03:04:09Z'}}
";

#[test]
fn a_pod_keeps_addresses_ports_owner_and_times() {
    let Object::Pod(pod) = objects(POD).remove(0) else { panic!("a pod") };
    assert_eq!((&*pod.meta.namespace, &*pod.meta.uid, pod.meta.version), ("default", "u-1", 42));
    assert_eq!(
        pod.meta.owner.as_ref().map(|owner| (&*owner.kind, &*owner.name)),
        Some(("ReplicaSet", "web"))
    );
    assert_eq!(pod.ips.iter().map(ToString::to_string).collect::<Vec<_>>(), ["10.0.0.1", "fd00::1"]);
    let at = |text: &str| Some(text.parse().unwrap());
    assert_eq!(pod.meta.created, at("2026-01-02T03:04:05Z"));
    assert_eq!(pod.meta.deleted, at("2026-01-02T04:00:00Z"));
    assert_eq!((pod.started, pod.running_since), (at("2026-01-02T03:04:06Z"), at("2026-01-02T03:04:09Z")));
    assert_eq!((pod.is_finished, pod.finished, pod.host_network), (false, None, false));
    assert_eq!(pod.node, "node1");
    let of_sidecars: Vec<_> =
        pod.sidecar_ports.iter().map(|port| (port.name.as_deref(), port.port)).collect();
    assert_eq!(of_sidecars, [(Some("mesh"), 15000)]);
}

#[test]
fn ports_of_sidecars_count_and_those_of_init_containers_do_not() {
    let Object::Pod(pod) = objects(POD).remove(0) else { panic!("a pod") };
    let ports: Vec<(Option<&str>, u16, Protocol)> =
        pod.ports.iter().map(|port| (port.name.as_deref(), port.port, port.protocol)).collect();
    assert_eq!(
        ports,
        [
            (Some("http"), 8080, Protocol::Tcp),
            (None, 53, Protocol::Udp),
            (Some("mesh"), 15000, Protocol::Tcp)
        ]
    );
}

#[test]
fn probe_ports_resolve_names_and_skip_probes_of_another_host() {
    let Object::Pod(pod) = objects(POD).remove(0) else { panic!("a pod") };
    assert_eq!(pod.probe_ports, [8080, 9000]);
}

#[test]
fn a_finished_pod_ends_with_its_last_container() {
    let text = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nstatus:\n  phase: Succeeded\n  podIP: 10.0.0.9\n  containerStatuses:\n  - state: {terminated: {startedAt: '2026-01-02T03:00:00Z', finishedAt: '2026-01-02T03:05:00Z'}}\n  - state: {terminated: {startedAt: '2026-01-02T03:01:00Z', finishedAt: '2026-01-02T03:04:00Z'}}\n";
    let Object::Pod(pod) = objects(text).remove(0) else { panic!("a pod") };
    assert!(pod.is_finished);
    assert_eq!(pod.finished, Some("2026-01-02T03:05:00Z".parse().unwrap()));
    assert_eq!(pod.running_since, Some("2026-01-02T03:01:00Z".parse().unwrap()));
    assert_eq!(pod.ips.len(), 1, "podIP stands in for podIPs");
}

#[test]
fn a_service_resolves_target_ports_and_a_headless_one_has_no_address() {
    let text = "
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  type: LoadBalancer
  clusterIP: 10.96.0.5
  clusterIPs: [10.96.0.5, 'fd01::5']
  externalIPs: [192.0.2.1]
  selector: {app: web}
  ports:
  - {port: 80, nodePort: 30080}
  - {name: s, port: 443, targetPort: https, protocol: TCP}
  - {port: 53, targetPort: 5353, protocol: UDP}
status: {loadBalancer: {ingress: [{ip: 203.0.113.5}, {hostname: lb.example}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: headless}, spec: {clusterIP: None, clusterIPs: [None], selector: {}}}";
    let read = objects(text);
    let [Object::Service(web), Object::Service(headless)] = &read[..] else { panic!("{read:?}") };
    assert_eq!((web.cluster_ips.len(), web.external_ips.len(), &*web.kind), (2, 2, "LoadBalancer"));
    let targets: Vec<&TargetPort> = web.ports.iter().map(|port| &port.target).collect();
    assert_eq!(
        targets,
        [&TargetPort::Number(80), &TargetPort::Name("https".into()), &TargetPort::Number(5353)]
    );
    assert_eq!(web.ports[0].node_port, Some(30080));
    assert!(headless.cluster_ips.is_empty() && headless.selector.is_none() && headless.kind == "ClusterIP");
}

#[test]
fn endpoint_slices_belong_to_a_service_by_label_and_endpoints_by_name() {
    let text = "
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-x, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
endpoints: [{addresses: [10.0.0.1]}, {addresses: [10.0.0.2], conditions: {ready: false}}]
ports: [{name: '', port: 80}, {name: any, port: null}]
---
apiVersion: v1
kind: Endpoints
metadata: {name: kubernetes}
subsets:
- {addresses: [{ip: 192.0.2.1}], notReadyAddresses: [{ip: 192.0.2.2}], ports: [{name: https, port: 6443}]}
- {addresses: [{ip: 192.0.2.3}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: names}
addressType: FQDN
endpoints: [{addresses: [db.example]}]
";
    let read = objects(text);
    let slices: Vec<(&str, usize, usize)> = read
        .iter()
        .map(|object| match object {
            Object::EndpointSlice(slice) => (&*slice.service, slice.addresses.len(), slice.ports.len()),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(slices, [("web", 2, 1), ("kubernetes", 2, 1), ("kubernetes", 1, 0), ("", 0, 0)]);
}

#[test]
fn nodes_keep_addresses_by_type_and_pod_ranges() {
    let text = "{apiVersion: v1, kind: Node, metadata: {name: n}, spec: {podCIDR: 10.244.0.0/24}, status: {addresses: [
      {type: InternalIP, address: 192.168.0.1}, {type: Hostname, address: n}, {type: ExternalIP, address: 203.0.113.1}, {type: InternalIP, address: n.internal}]}}";
    let Object::Node(node) = objects(text).remove(0) else { panic!("a node") };
    assert_eq!((node.internal_ips.len(), node.external_ips.len(), node.pod_cidrs.len()), (1, 1, 1));
}

#[test]
fn a_namespace_without_its_name_label_gets_it() {
    let Object::Namespace(read) =
        objects("{apiVersion: v1, kind: Namespace, metadata: {name: n, labels: null}}").remove(0)
    else {
        panic!("a namespace")
    };
    assert_eq!(read.meta.labels["kubernetes.io/metadata.name"], "n");
}

#[test]
fn controllers_keep_their_template_and_a_cron_job_the_one_of_its_jobs() {
    let template = "template: {metadata: {labels: {app: web}}, spec: {hostNetwork: true, containers: [{ports: [{containerPort: 80}]}]}}";
    for (group, kind) in [
        ("apps", "Deployment"),
        ("apps", "ReplicaSet"),
        ("apps", "StatefulSet"),
        ("apps", "DaemonSet"),
        ("batch", "Job"),
    ] {
        let text = format!(
            "{{apiVersion: {group}/v1, kind: {kind}, metadata: {{name: w}}, spec: {{selector: {{matchLabels: {{app: web}}}}, {template}}}}}"
        );
        let Object::Controller(read) = objects(&text).remove(0) else { panic!("a controller") };
        assert_eq!((&*read.kind, read.template_ports.len(), read.host_network), (kind, 1, true));
        assert_eq!(read.template_labels["app"], "web");
        assert!(read.selector.unwrap().matches(&read.template_labels));
    }
    let text = format!(
        "{{apiVersion: batch/v1, kind: CronJob, metadata: {{name: w}}, spec: {{jobTemplate: {{spec: {{{template}}}}}}}}}"
    );
    let Object::Controller(read) = objects(&text).remove(0) else { panic!("a controller") };
    assert_eq!((read.template_labels["app"].as_str(), read.selector), ("web", None));
}

#[test]
fn a_cron_job_keeps_its_schedule_and_zone() {
    let read = |spec: &str| {
        let text =
            format!("{{apiVersion: batch/v1, kind: CronJob, metadata: {{name: w}}, spec: {{{spec}}}}}");
        let Object::Controller(read) = objects(&text).remove(0) else { panic!("a controller") };
        read.schedule
    };
    let schedule = read("schedule: '0 3 * * *', timeZone: Europe/Berlin, suspend: true").unwrap();
    assert_eq!((&*schedule.cron, schedule.time_zone.as_deref()), ("0 3 * * *", Some("Europe/Berlin")));
    assert!(schedule.suspended);
    let schedule = read("schedule: '@daily', timeZone: null, suspend: null").unwrap();
    assert_eq!((&*schedule.cron, schedule.time_zone, schedule.suspended), ("@daily", None, false));
    assert_eq!(read("jobTemplate: {}"), None);
}
