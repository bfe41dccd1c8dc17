//! Why a server gives no flows, in words that say what to do.

use std::error::Error;

use tonic::{Code, Status};

use super::kind::Dialect;
use super::target::{Place, Target};

/// Why there are no flows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// What happened, and what may help.
    pub said: String,
    /// Whether it stays so unless somebody does something.
    pub is_lasting: bool,
}

impl Trouble {
    /// It may be over when the server is asked again.
    pub fn passing(said: String) -> Self {
        Trouble { said, is_lasting: false }
    }

    /// It will be the same when the server is asked again.
    pub fn lasting(said: String) -> Self {
        Trouble { said, is_lasting: true }
    }
}

/// What stands in errors of TLS, and what it means; `{plain}` is what sources without TLS begin with, `{wants}` the
/// version that such servers want.
const TLS: &[(&str, &str)] = &[
    ("InvalidContentType", "the server does not speak TLS: say {plain} without --tls"),
    ("UnknownIssuer", "its certificate is signed by nobody who is trusted: give the CA's with --tls-ca FILE"),
    ("BadSignature", "its certificate is not signed by the one of --tls-ca: give the CA's that signed it"),
    (
        "not valid for name",
        "its certificate is for another name: give one of those that stand in it with --tls-server-name NAME",
    ),
    ("certificate expired", "its certificate has expired"),
    ("CertificateRequired", "it wants a certificate of its clients: give --tls-cert FILE and --tls-key FILE"),
    ("DecryptError", "it does not trust the certificate of --tls-cert: give one that its CA signed"),
    ("UnknownCA", "it does not trust the certificate of --tls-cert: give one that its CA signed"),
    (
        "BadCertificate",
        "it refuses the certificate of --tls-cert, or wants one: see --tls-cert and --tls-key",
    ),
    ("HandshakeFailure", "it and this program agree on no way to encrypt{wants}"),
    ("ProtocolVersion", "it and this program agree on no version of TLS{wants}"),
];

/// Why there is no connection.
pub fn connection(target: &Target, error: &(dyn Error + 'static)) -> Trouble {
    Trouble::passing(sentence(target, &chain(error)))
}

/// Why the server does not answer, when it is asked for the first time over a connection.
pub fn answer(target: &Target, status: &Status) -> Trouble {
    judged(target, status, |text| sentence(target, text))
}

/// Why the server does not go on: over this connection it did speak.
pub fn later(target: &Target, status: &Status) -> Trouble {
    judged(target, status, str::to_owned)
}

fn judged(target: &Target, status: &Status, meaning: impl Fn(&str) -> String) -> Trouble {
    let said = status.message();
    let text = match status.source() {
        Some(source) => format!("{said}: {}", chain(source)),
        None => said.to_owned(),
    };
    match status.code() {
        Code::Unimplemented => {
            let Dialect { name, service, listens, .. } = target.kind.dialect();
            Trouble::lasting(format!(
                "there is no {name} at this address (gRPC service {service}: {said}); {listens}"
            ))
        }
        Code::Unauthenticated | Code::PermissionDenied => Trouble::lasting(format!("it refuses: {said}")),
        Code::InvalidArgument => Trouble::lasting(format!("it does not understand the request: {said}")),
        Code::Unknown | Code::Internal | Code::Unavailable | Code::Cancelled => {
            Trouble::passing(meaning(&text))
        }
        code => Trouble::passing(format!("{text} ({code:?})")),
    }
}

/// Whether the answer is not even gRPC's.
pub fn is_no_grpc(status: &Status) -> bool {
    status.message().contains("grpc-status header missing")
}

fn sentence(target: &Target, text: &str) -> String {
    let dialect = target.kind.dialect();
    let known = TLS.iter().find(|(sign, _)| target.is_tls && text.contains(sign));
    if let Some((_, meaning)) = known {
        let meaning = meaning.replace("{plain}", dialect.schemes[0]).replace("{wants}", dialect.wants);
        return format!("{meaning} ({text})");
    }
    let has = |signs: &[&str]| signs.iter().any(|sign| text.contains(sign));
    if has(&["Connection refused", "No such file", "os error 2"]) {
        let hint = match target.place {
            Place::Net { .. } => format!("nobody listens there; in a cluster {}", dialect.forward),
            Place::Unix(_) => "there is no such socket; it lies on nodes that run Cilium's agent".to_owned(),
        };
        return format!("{hint} ({text})");
    }
    if has(&["Permission denied"]) {
        return format!("this user may not open the socket ({text})");
    }
    if has(&["failed to lookup address", "dns error"]) {
        return format!("nobody knows this name ({text})");
    }
    let is_garbled = has(&["frame with invalid size", "grpc-status header missing", "PROTOCOL_ERROR"]);
    let is_cut =
        has(&["broken pipe", "connection reset", "Connection reset", "BrokenPipe", "connection closed"]);
    if (is_garbled || is_cut) && !target.is_tls && matches!(target.place, Place::Net { .. }) {
        return format!(
            "it does not speak gRPC without TLS, or broke off: where it wants TLS say {}, with --tls-ca FILE for a CA of \
             the cluster's own ({text})",
            dialect.schemes[1]
        );
    }
    if is_cut && target.is_tls {
        return format!(
            "it broke off when encryption was agreed on: where it wants a certificate of its clients, or another one, \
             give --tls-cert FILE and --tls-key FILE ({text})"
        );
    }
    text.to_owned()
}

/// An error with what is behind it.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        let part = error.to_string();
        if !text.contains(&part) {
            text.push_str(": ");
            text.push_str(&part);
        }
        next = error.source();
    }
    text
}
