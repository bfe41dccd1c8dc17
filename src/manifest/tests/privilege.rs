//! What pods may do beyond ordinary ones, whose they are, and what leads to them.

use flowfence_model::object::Object;

use super::objects;

fn pod(spec: &str) -> Vec<String> {
    let text = format!("apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\nspec:\n{spec}");
    let Object::Pod(pod) = objects(&text).remove(0) else { panic!("a pod") };
    pod.privileges.iter().map(ToString::to_string).collect()
}

#[test]
fn privileges_are_read_of_containers_volumes_and_the_pod() {
    assert_eq!(pod("  hostPID: true\n  automountServiceAccountToken: false\n"), ["hostPID"]);
    let containers = "  automountServiceAccountToken: false
  initContainers:
  - name: i
    securityContext: {privileged: true}
  containers:
  - name: c
    securityContext:
      capabilities:
        add: [CAP_net_raw, SYS_TIME]
        drop: [ALL]
";
    assert_eq!(pod(containers), ["privileged", "capability NET_RAW", "capability SYS_TIME"]);
    assert_eq!(pod("  volumes:\n  - name: v\n    hostPath:\n      path: /\n"), ["hostPath"]);
}

#[test]
fn a_token_is_there_by_its_volume_or_because_nothing_says_otherwise() {
    assert_eq!(pod("  nodeName: n\n"), ["service account token"]);
    assert_eq!(pod("  volumes:\n  - name: v\n    emptyDir: {}\n"), [""; 0]);
    let projected = "  volumes:\n  - name: kube-api-access-x\n    projected:\n      sources:\n      - serviceAccountToken:\n          path: token\n      - configMap:\n          name: kube-root-ca.crt\n";
    assert_eq!(pod(projected), ["service account token"]);
}

#[test]
fn odd_annotations_cost_nobody_an_object_and_others_are_not_kept() {
    for annotations in ["5", "[a]", "text", "{a: {b: c}, owner: [x]}", "null", "true", "{owner: null}"] {
        let text =
            format!("apiVersion: v1\nkind: Namespace\nmetadata:\n  name: a\n  annotations: {annotations}\n");
        let Object::Namespace(namespace) = objects(&text).remove(0) else { panic!("a namespace") };
        assert!(namespace.meta.annotations.is_empty(), "{annotations}");
    }
    let long = "x".repeat(300);
    let text = format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: a\n  annotations:\n    a8r.io/owner: ann\n    note: secret\n    team: {long}\nspec:\n  replicas: 3\n"
    );
    let Object::Controller(controller) = objects(&text).remove(0) else { panic!("a controller") };
    let kept: Vec<_> = controller.meta.annotations.into_iter().collect();
    assert_eq!(kept, [("a8r.io/owner".to_owned(), "ann".to_owned())]);
    assert_eq!(controller.replicas, Some(3));
}

#[test]
fn an_ingress_names_the_services_that_it_leads_to() {
    let text = "apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: edge
  namespace: shop
spec:
  defaultBackend:
    resource: {kind: Bucket, name: b}
  rules:
  - host: a.example
    http:
      paths:
      - path: /
        backend:
          service: {name: web, port: {number: 80}}
  - host: b.example
";
    let Object::Ingress(ingress) = objects(text).remove(0) else { panic!("an Ingress") };
    assert_eq!(ingress.services.into_iter().collect::<Vec<_>>(), ["web"]);
}
