//! Pods that a log tells by what their names begin with (`web-6f7c9d5b44-*`).

use flowfence_model::Labels;
use flowfence_model::logged::PodIdentity;

/// What Kubernetes makes its hashes and tails of names of: no vowels, nothing that looks like one.
const SAFE: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// Labels that a controller puts on its pods, and its kind.
const CONTROLLERS: [(&str, &str); 5] = [
    ("pod-template-hash", "Deployment"),
    ("pod-template-generation", "DaemonSet"),
    ("batch.kubernetes.io/job-name", "Job"),
    ("job-name", "Job"),
    // DaemonSets have it too, and the one above.
    ("controller-revision-hash", "StatefulSet"),
];

/// The pods of `namespace` whose names begin as `name` does up to its asterisk, or the one that has the
/// whole name.
pub fn identity(namespace: &str, name: &str, labels: &Labels) -> PodIdentity {
    let pod =
        PodIdentity { namespace: namespace.to_owned(), labels: labels.clone(), ..PodIdentity::default() };
    match name.strip_suffix('*') {
        Some(group) => PodIdentity { workload: Some(controller(group.trim_end_matches('-'), labels)), ..pod },
        None => PodIdentity { pod: Some(name.to_owned()), ..pod },
    }
}

/// Kind and name. The kind is `Pod` where nothing tells it.
fn controller(group: &str, labels: &Labels) -> (String, String) {
    let parts = group.rsplit_once('-');
    let told = CONTROLLERS.iter().find(|(label, _)| labels.contains_key(*label)).map(|(_, kind)| *kind);
    let (kind, name) = match (told, parts) {
        (None | Some("Deployment"), Some((name, tail))) if is_hash(tail) => ("Deployment", name),
        // The minute of a CronJob's run.
        (None | Some("Job"), Some((name, tail)))
            if tail.len() >= 8 && tail.bytes().all(|c| c.is_ascii_digit()) =>
        {
            ("CronJob", name)
        }
        (Some("Deployment"), _) => ("ReplicaSet", group),
        (Some(kind), _) => (kind, group),
        (None, _) => ("Pod", group),
    };
    (kind.to_owned(), name.to_owned())
}

fn is_hash(tail: &str) -> bool {
    (8..=10).contains(&tail.len()) && tail.bytes().all(|c| SAFE.contains(&c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_named_after_its_controller() {
        for (name, label, kind, want) in [
            ("web-6f7c9d5b44-*", None, "Deployment", "web"),
            ("web-6f7c9d5b44-*", Some("pod-template-hash"), "Deployment", "web"),
            ("db-*", Some("controller-revision-hash"), "StatefulSet", "db"),
            ("backup-29384040-*", Some("job-name"), "CronJob", "backup"),
            ("backup-29384040-*", None, "CronJob", "backup"),
            ("migrate-*", Some("batch.kubernetes.io/job-name"), "Job", "migrate"),
            ("cart-service-*", None, "Pod", "cart-service"),
        ] {
            let labels: Labels = label.map(|key| (key.to_owned(), "x".to_owned())).into_iter().collect();
            let pod = identity("shop", name, &labels);
            assert_eq!(pod.workload, Some((kind.to_owned(), want.to_owned())), "{name} {label:?}");
            assert_eq!(pod.pod, None);
        }
    }

    #[test]
    fn a_daemon_set_has_both_labels() {
        let labels = ["controller-revision-hash", "pod-template-generation"]
            .map(|key| (key.to_owned(), "x".to_owned()));
        let pod = identity("shop", "agent-*", &labels.into_iter().collect());
        assert_eq!(pod.workload, Some(("DaemonSet".to_owned(), "agent".to_owned())));
    }

    #[test]
    fn a_whole_name_is_a_pod() {
        let pod = identity("shop", "debug", &Labels::new());
        assert_eq!((pod.pod.as_deref(), pod.workload), (Some("debug"), None));
    }
}
