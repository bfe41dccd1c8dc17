//! Which API server, and how it is reached.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use tokio::runtime::Runtime;

use super::clock::{Clock, http_date};
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
    /// Its clock.
    pub clock: Clock,
}

/// The client, and how it is made anew: a token that expired may have a successor where it was read.
#[derive(Clone)]
pub(super) struct Kubernetes {
    client: Arc<RwLock<Client>>,
    way: Arc<Way>,
}

#[derive(Debug)]
struct Way {
    kubeconfig: Option<PathBuf>,
    context: Option<String>,
}

impl Kubernetes {
    /// A client as of now.
    pub(super) fn client(&self) -> Client {
        self.client.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads configuration, tokens and certificates again.
    pub(super) async fn renew(&self) {
        let Way { kubeconfig, context } = &*self.way;
        if let Ok(Some(config)) = config(kubeconfig.as_deref(), context.as_deref()).await
            && let Ok(client) = Client::try_from(config)
        {
            *self.client.write().unwrap_or_else(PoisonError::into_inner) = client;
        }
    }
}

impl std::fmt::Debug for Kubernetes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The client has none, and may hold a token.
        f.debug_struct("Kubernetes").field("way", &self.way).finish_non_exhaustive()
    }
}

/// Why the API server gave nothing, with what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum Unreachable {
    /// The configuration is of no use.
    #[error("the configuration of the kube API cannot be used: {0}")]
    Config(String),
    /// Nobody answers, or not as an API server does.
    #[error("the kube API at {server}: {reason}")]
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
        let Some(config) = runtime.block_on(config(kubeconfig, context))? else { return Ok(None) };
        let server = config.cluster_url.to_string();
        let namespace = config.default_namespace.clone();
        // The client spawns its buffer on the runtime.
        let client = {
            let _inside = runtime.enter();
            Client::try_from(config).map_err(|error| Unreachable::Config(error.to_string()))?
        };
        let away = |reason: String| Unreachable::Server { server: server.clone(), reason };
        let clock = runtime.block_on(greet(&client)).map_err(away)?;
        let way = Way { kubeconfig: kubeconfig.map(Path::to_owned), context: context.map(str::to_owned) };
        let client = Kubernetes { client: Arc::new(RwLock::new(client)), way: Arc::new(way) };
        Ok(Some(Access { runtime, client, namespace, server, clock }))
    }
}

/// What is said of 401.
pub(super) const UNKNOWN_CALLER: &str =
    "it does not know who asks (401): the token or certificate is missing, wrong or expired";

/// Asks who is there, which anybody whom it knows may, and looks at its clock.
pub(super) async fn greet(client: &Client) -> Result<Clock, String> {
    let request =
        http::Request::get("/version").body(kube::client::Body::empty()).map_err(|e| e.to_string())?;
    let answer = client.send(request).await.map_err(|error| explain(&error))?;
    let now = jiff::Timestamp::now().as_second();
    let theirs =
        answer.headers().get(http::header::DATE).and_then(|date| date.to_str().ok()).and_then(http_date);
    match answer.status().as_u16() {
        // Who may not ask for the version may still list.
        200..300 | 403 => Ok(theirs.map_or_else(Clock::default, |theirs| Clock::ahead_by(theirs - now))),
        401 => Err(UNKNOWN_CALLER.to_owned()),
        other => Err(format!("it answers {other} to the question for its version")),
    }
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
    let mut found = find(kubeconfig, context).await?;
    if let Some(config) = &mut found {
        config.connect_timeout = Some(CONNECT);
        config.read_timeout = Some(SILENCE);
    }
    Ok(found)
}

async fn find(kubeconfig: Option<&Path>, context: Option<&str>) -> Result<Option<Config>, Unreachable> {
    let told = |error: &dyn std::fmt::Display| Unreachable::Config(error.to_string());
    let options = KubeConfigOptions { context: context.map(str::to_owned), ..KubeConfigOptions::default() };
    if let Some(read) = read(kubeconfig)? {
        return Config::from_custom_kubeconfig(read, &options).await.map(Some).map_err(|error| told(&error));
    }
    if context.is_some() {
        return Err(Unreachable::Config("there is no kubeconfig that could have the context".to_owned()));
    }
    if std::env::var_os("KUBERNETES_SERVICE_HOST").is_some() && Path::new(IN_CLUSTER_TOKEN).is_file() {
        return Config::incluster().map(Some).map_err(|error| told(&error));
    }
    Ok(None)
}

/// The kubeconfig that was named, or else those that kubectl would merge; `None` when there is none.
fn read(kubeconfig: Option<&Path>) -> Result<Option<Kubeconfig>, Unreachable> {
    let paths = match kubeconfig {
        Some(path) => vec![path.to_owned()],
        None => default_files()?,
    };
    let mut all: Option<Kubeconfig> = None;
    for path in paths {
        let named = |error: kube::config::KubeconfigError| {
            Unreachable::Config(format!("{}: {error}", path.display()))
        };
        let one = Kubeconfig::read_from(&path).map_err(named)?;
        all = Some(match all {
            None => one,
            Some(before) => before.merge(one).map_err(named)?,
        });
    }
    Ok(all)
}

/// The files that kubectl would look at: those of `KUBECONFIG` that are there, else the one at home.
fn default_files() -> Result<Vec<PathBuf>, Unreachable> {
    let Some(value) = std::env::var_os("KUBECONFIG").filter(|value| !value.is_empty()) else {
        let home = std::env::var_os("HOME").map(|home| Path::new(&home).join(".kube/config"));
        return Ok(home.into_iter().filter(|path| path.is_file()).collect());
    };
    let named: Vec<PathBuf> =
        std::env::split_paths(&value).filter(|path| !path.as_os_str().is_empty()).collect();
    if !named.iter().any(|path| path.exists()) {
        let value = value.to_string_lossy().into_owned();
        return Err(Unreachable::Config(format!("KUBECONFIG is {value}, and nothing is there")));
    }
    // /dev/null is how a script says that there is to be none.
    Ok(named.into_iter().filter(|path| path.is_file()).collect())
}

/// Files that are read again while the API is followed, or when it is first asked: a sandbox leaves them open.
pub fn files(kubeconfig: Option<&Path>) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = kubeconfig.map(Path::to_owned).into_iter().collect();
    files.extend(default_files().unwrap_or_default());
    let Ok(Some(read)) = read(kubeconfig) else { return files };
    let clusters = read.clusters.into_iter().filter_map(|named| named.cluster);
    let mut named: Vec<String> = clusters.filter_map(|cluster| cluster.certificate_authority).collect();
    for user in read.auth_infos.into_iter().filter_map(|named| named.auth_info) {
        named.extend([user.client_certificate, user.client_key, user.token_file].into_iter().flatten());
    }
    files.extend(named.into_iter().map(PathBuf::from));
    files
}
