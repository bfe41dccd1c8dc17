//! What whoever takes over a workload may do beyond an ordinary pod.

use flowfence_graph::Workload;
use flowfence_model::Privilege;

use super::score::{Part, Rank};

/// Capabilities with which a container gets out of itself, or into others' traffic (capabilities(7)).
const STRONG: &[&str] = &[
    "ALL",
    "BPF",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "NET_ADMIN",
    "NET_RAW",
    "PERFMON",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_CHROOT",
    "SYS_MODULE",
    "SYS_PTRACE",
    "SYS_RAWIO",
];

/// Points of one privilege. They add up, to [`Rank::MAX_PRIVILEGE`] at most.
fn points(privilege: &Privilege) -> u32 {
    match privilege {
        Privilege::Privileged => 20,
        Privilege::HostPath | Privilege::HostPid => 12,
        Privilege::HostNetwork => 10,
        Privilege::Capability(name) if STRONG.contains(&name.as_str()) => 8,
        Privilege::HostIpc => 6,
        Privilege::ServiceAccountToken => 4,
        Privilege::Capability(_) => 2,
    }
}

/// What counts for a workload.
pub(super) fn of(workload: &Workload) -> Part {
    let all = workload.privileges.iter();
    let sum: u32 = all.clone().map(points).sum();
    Part::new(sum.min(Rank::MAX_PRIVILEGE), all.map(ToString::to_string))
}
