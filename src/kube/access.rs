//! Which API server, and how it is reached.

use std::path::{Path, PathBuf};
use std::time::Duration;

use flowfence_model::Timestamp;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use tokio::runtime::Runtime;

use crate::exit::{Ending, Failure};

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(10);

/// How long an answer may be silent. A watch is asked to end before that (see `watch`), so that
/// one whose other end is gone is noticed.
pub(super) const SILENCE: Duration = Duration::from_secs(90);

/// Where a pod finds its own token.
const IN_CLUSTER_TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/// A way to the API server.
#[derive(Debug)]
pub struct Access {
    pub(super) runtime: Runtime,
    pub(super) client: Kubernetes,
    /// The namespace of the context.
    pub namespace: String,
    /// The address of the API server, as the configuration has it.
    pub server: String,
    /// How far the API server's clock is ahead of ours, in whole seconds; negative when behind.
    pub clock_ahead_secs: i64,
}

/// The client; it has no `Debug` of its own.
#[derive(Clone)]
pub(super) struct Kubernetes(pub(super) Client);

impl std::fmt::Debug for Kubernetes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Kubernetes")
    }
}

/// Why the API server gave nothing, with what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum Unreachable {
    /// The configuration is of no use.
    #[error("the configuration of the kube API cannot be used: {0}")]
    Config(String),
    /// Nobody answers, or not as an API server does.
    #[error("{server}: {reason}")]
    Server {
        /// Its address.
        server: String,
        /// What happened.
        reason: String,
    },
}

const HINT: &str = "give objects with --cluster PATH, or --cluster none for addresses only";

impl From<Unreachable> for Failure {
    fn from(error: Unreachable) -> Self {
        Failure { ending: Ending::Unreachable, error: anyhow::anyhow!("{error}; {HINT}") }
    }
}

impl Access {
    /// The way that the arguments, the environment or the pod itself tell; `None` when nothing
    /// tells of any cluster.
    pub fn find(kubeconfig: Option<&Path>, context: Option<&str>) -> Result<Option<Self>, Unreachable> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("kube-api")
            .enable_all()
            .build()
            .map_err(|error| Unreachable::Config(error.to_string()))?;
        let Some(mut config) = runtime.block_on(config(kubeconfig, context))? else { return Ok(None) };
        config.connect_timeout = Some(CONNECT);
        config.read_timeout = Some(SILENCE);
        let server = config.cluster_url.to_string();
        let namespace = config.default_namespace.clone();
        // The client spawns its buffer on the runtime.
        let client = {
            let _inside = runtime.enter();
            Client::try_from(config).map_err(|error| Unreachable::Config(error.to_string()))?
        };
        let away = |reason: String| Unreachable::Server { server: server.clone(), reason };
        let clock_ahead_secs = runtime.block_on(greet(&client)).map_err(away)?;
        let client = Kubernetes(client);
        Ok(Some(Access { runtime, client, namespace, server, clock_ahead_secs }))
    }
}

impl Access {
    /// The moment by the API server's clock, which wrote all moments of objects.
    pub fn now(&self) -> Timestamp {
        now(self.clock_ahead_secs)
    }
}

/// Our clock, set by another.
pub(super) fn now(ahead_secs: i64) -> Timestamp {
    let nanos = i64::try_from(jiff::Timestamp::now().as_nanosecond()).unwrap_or(i64::MAX);
    Timestamp::from_nanos(nanos.saturating_add(ahead_secs.saturating_mul(1_000_000_000)))
}

/// Asks who is there, which anybody may, and looks at its clock (RFC 9110 §6.6.1).
async fn greet(client: &Client) -> Result<i64, String> {
    let request = http::Request::get("/version").body(kube::client::Body::empty()).map_err(|e| e.to_string())?;
    let answer = client.send(request).await.map_err(|error| explain(&error))?;
    let now = jiff::Timestamp::now().as_second();
    let theirs = answer.headers().get(http::header::DATE).and_then(|date| date.to_str().ok()).and_then(http_date);
    let status = answer.status();
    if !status.is_success() && status.as_u16() != 403 {
        return Err(refusal(status.as_u16()));
    }
    Ok(theirs.map_or(0, |theirs| theirs - now))
}

fn refusal(status: u16) -> String {
    match status {
        401 => "it does not know who asks (401): the token or certificate is missing, wrong or expired".to_owned(),
        other => format!("it answers {other} to the question for its version"),
    }
}

/// `Sun, 06 Nov 1994 08:49:37 GMT` in seconds since 1970.
fn http_date(text: &str) -> Option<i64> {
    let moment = jiff::fmt::rfc2822::parse(text).ok()?;
    Some(moment.timestamp().as_second())
}

/// What the client says, down to what it came from.
pub(super) fn explain(error: &kube::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        let more = inner.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = inner.source();
    }
    text
}

async fn config(kubeconfig: Option<&Path>, context: Option<&str>) -> Result<Option<Config>, Unreachable> {
    let told = |error: &dyn std::fmt::Display| Unreachable::Config(error.to_string());
    let options = KubeConfigOptions { context: context.map(str::to_owned), ..KubeConfigOptions::default() };
    if let Some(path) = kubeconfig {
        let named = |error: &dyn std::fmt::Display| Unreachable::Config(format!("{}: {error}", path.display()));
        let read = Kubeconfig::read_from(path).map_err(|error| named(&error))?;
        return Config::from_custom_kubeconfig(read, &options).await.map(Some).map_err(|error| named(&error));
    }
    if default_files().iter().any(|path| path.is_file()) {
        return Config::from_kubeconfig(&options).await.map(Some).map_err(|error| told(&error));
    }
    if context.is_some() {
        return Err(Unreachable::Config("there is no kubeconfig that could have the context".to_owned()));
    }
    if std::env::var_os("KUBERNETES_SERVICE_HOST").is_some() && Path::new(IN_CLUSTER_TOKEN).is_file() {
        return Config::incluster().map(Some).map_err(|error| told(&error));
    }
    Ok(None)
}

/// The files that kubectl would look at: those of `KUBECONFIG`, else the one at home.
fn default_files() -> Vec<PathBuf> {
    match std::env::var_os("KUBECONFIG").filter(|value| !value.is_empty()) {
        Some(value) => std::env::split_paths(&value).filter(|path| !path.as_os_str().is_empty()).collect(),
        None => std::env::var_os("HOME").map(|home| Path::new(&home).join(".kube/config")).into_iter().collect(),
    }
}
