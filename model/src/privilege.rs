//! What a pod may do beyond an ordinary one.

use std::fmt;

/// One thing that a pod specification grants. Whoever takes over the pod has it too.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Privilege {
    /// `securityContext.privileged`: all capabilities and devices of the node.
    Privileged,
    /// `hostNetwork`.
    HostNetwork,
    /// `hostPID`.
    HostPid,
    /// `hostIPC`.
    HostIpc,
    /// A volume of type `hostPath`.
    HostPath,
    /// A token of its service account is mounted, by a projected volume or because nothing says otherwise.
    ServiceAccountToken,
    /// A capability of `securityContext.capabilities.add`, without `CAP_`, in capitals.
    Capability(String),
}

impl fmt::Display for Privilege {
    /// As the API calls it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Privilege::Privileged => f.write_str("privileged"),
            Privilege::HostNetwork => f.write_str("hostNetwork"),
            Privilege::HostPid => f.write_str("hostPID"),
            Privilege::HostIpc => f.write_str("hostIPC"),
            Privilege::HostPath => f.write_str("hostPath"),
            Privilege::ServiceAccountToken => f.write_str("service account token"),
            Privilege::Capability(name) => write!(f, "capability {name}"),
        }
    }
}
