//! A real API server with its etcd, on loopback, for the tests of one file.
//!
//! It has no nodes, controllers or scheduler: objects are what the test writes, status included. The programs are those
//! of the laboratory (`tests/lab/build`); where Go or etcd lack, a test says so and passes.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use kube::{Client, Config, config::KubeConfigOptions, config::Kubeconfig};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::process::{free_port, programs, spawn};
use super::program::{Run, Scratch, command};

pub use super::process::{collection, wait_for};

/// The token of everybody's administrator.
const ADMIN: &str = "admin-token";

/// The tests of a file share one, and it ends with the last of them.
static SHARED: Mutex<Weak<Server>> = Mutex::new(Weak::new());
/// One test at a time has it.
static TURN: Mutex<()> = Mutex::new(());

/// The API server while a test has it for itself.
pub struct Turn {
    server: Arc<Server>,
    _turn: MutexGuard<'static, ()>,
}

impl std::ops::Deref for Turn {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

pub struct Server {
    scratch: Scratch,
    programs: PathBuf,
    runtime: Runtime,
    port: u16,
    etcd_port: u16,
    etcd: Mutex<Option<Child>>,
    api: Mutex<Option<Child>>,
    users: AtomicU32,
    client: Mutex<Option<Client>>,
}

/// The API server for the named test, or `None` and a word on why there is none.
pub fn turn(test: &str) -> Option<Turn> {
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    let server = match shared.upgrade() {
        Some(server) => server,
        None => match Server::start() {
            Ok(server) => {
                let server = Arc::new(server);
                *shared = Arc::downgrade(&server);
                server
            }
            Err(why) => {
                let _ = writeln!(std::io::stderr(), "SKIPPED {test}: no API server can run here: {why}");
                return None;
            }
        },
    };
    drop(shared);
    Some(Turn { server, _turn: TURN.lock().unwrap_or_else(PoisonError::into_inner) })
}

impl Server {
    fn start() -> Result<Self, String> {
        let programs = programs()?;
        let scratch = Scratch::new();
        let key = Command::new("openssl")
            .args(["genrsa", "-out"])
            .arg(scratch.path().join("sa.key"))
            .arg("2048")
            .output();
        if !key.is_ok_and(|output| output.status.success()) {
            return Err("it needs openssl".to_owned());
        }
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let server = Server {
            scratch,
            programs,
            runtime,
            port: free_port(),
            etcd_port: free_port(),
            etcd: Mutex::default(),
            api: Mutex::default(),
            users: AtomicU32::default(),
            client: Mutex::default(),
        };
        server.set_tokens(&[]);
        let peers = format!("http://127.0.0.1:{}", free_port());
        let clients = format!("http://127.0.0.1:{}", server.etcd_port);
        let data = server.path("etcd").display().to_string();
        let args = [
            "--data-dir",
            &data,
            "--listen-client-urls",
            &clients,
            "--advertise-client-urls",
            &clients,
            "--listen-peer-urls",
            &peers,
            "--initial-advertise-peer-urls",
            &peers,
            "--initial-cluster",
            &format!("default={peers}"),
            "--unsafe-no-fsync",
            "--log-level",
            "error",
        ];
        let etcd = spawn(Path::new("etcd"), &args.map(str::to_owned), &server.path("etcd.log"))?;
        *server.etcd.lock().unwrap() = Some(etcd);
        server.up()?;
        Ok(server)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    /// Writes a file beside its own.
    pub fn file(&self, name: &str, content: &str) -> PathBuf {
        self.scratch.file(name, content)
    }

    /// Who may come with which token beside the administrator, from the next start on: `TOKEN,USER`.
    pub fn set_tokens(&self, more: &[&str]) {
        let more: String = more.iter().flat_map(|line| [*line, ",", *line, "\n"]).collect();
        self.scratch.file("tokens.csv", format!("{ADMIN},admin,admin,system:masters\n{more}"));
    }

    /// Starts the API server, after [`Server::kill`] on the same port and data.
    pub fn up(&self) -> Result<(), String> {
        let at = |name: &str| self.path(name).display().to_string();
        let args = [
            "apiserver".to_owned(),
            format!("--etcd-servers=http://127.0.0.1:{}", self.etcd_port),
            format!("--secure-port={}", self.port),
            "--bind-address=127.0.0.1".to_owned(),
            "--advertise-address=127.0.0.1".to_owned(),
            "--endpoint-reconciler-type=none".to_owned(),
            format!("--cert-dir={}", at("certs")),
            "--service-account-issuer=https://kubernetes.default.svc.cluster.local".to_owned(),
            format!("--service-account-key-file={}", at("sa.key")),
            format!("--service-account-signing-key-file={}", at("sa.key")),
            "--service-cluster-ip-range=10.96.0.0/16,fd00:10:96::/112".to_owned(),
            "--authorization-mode=RBAC".to_owned(),
            format!("--token-auth-file={}", at("tokens.csv")),
            "--allow-privileged".to_owned(),
            // Nobody makes service accounts here, and pods come as another cluster had them.
            "--disable-admission-plugins=TaintNodesByCondition,ServiceAccount,Priority,NamespaceLifecycle"
                .to_owned(),
        ];
        let child = spawn(&self.programs.join("klab"), &args, &self.path("apiserver.log"))?;
        *self.api.lock().unwrap() = Some(child);
        wait_for("the certificate of the API server", || self.path("certs/apiserver.crt").exists());
        self.kubeconfig_of("kubeconfig", &json!({"token": ADMIN}), "default");
        let kubeconfig = Kubeconfig::read_from(self.kubeconfig()).unwrap();
        let client = self.runtime.block_on(async {
            let config =
                Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
            Client::try_from(config).unwrap()
        });
        *self.client.lock().unwrap() = Some(client);
        wait_for("the API server", || self.try_request("GET", "/readyz", None).is_ok());
        Ok(())
    }

    /// Kills the API server, as a power cut does.
    pub fn kill(&self) {
        if let Some(mut child) = self.api.lock().unwrap().take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// The administrator's kubeconfig.
    pub fn kubeconfig(&self) -> PathBuf {
        self.path("kubeconfig")
    }

    /// A kubeconfig whose user is `user`, and whose context is in `namespace`.
    pub fn kubeconfig_of(&self, name: &str, user: &Value, namespace: &str) -> PathBuf {
        let authority = self.path("certs/apiserver.crt");
        let server = format!("https://127.0.0.1:{}", self.port);
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "it",
            "clusters": [{"name": "it", "cluster": {"server": server, "certificate-authority": authority}}],
            "users": [{"name": "me", "user": user}],
            "contexts": [{"name": "it", "context": {"cluster": "it", "user": "me", "namespace": namespace}}],
        });
        self.scratch.file(name, config.to_string())
    }

    /// A kubeconfig of a user who has these rules for the whole cluster, and no other right.
    pub fn user_with(&self, rules: &Value) -> PathBuf {
        let name = format!("user{}", self.users.fetch_add(1, Ordering::Relaxed));
        let group = "rbac.authorization.k8s.io";
        self.post(
            "/apis/rbac.authorization.k8s.io/v1/clusterroles",
            &json!({"metadata": {"name": name}, "rules": rules}),
        );
        self.post(
            "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
            &json!({"metadata": {"name": name},
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": name},
            "subjects": [{"apiGroup": group, "kind": "User", "name": name}]}),
        );
        self.kubeconfig_of(&name, &json!({"token": ADMIN, "as": name}), "default")
    }

    /// What the API server answers, or the status that it refuses with.
    pub fn try_request(&self, method: &str, path: &str, body: Option<&Value>) -> Result<String, kube::Error> {
        self.runtime.block_on(self.asked(method, path, body))
    }

    /// The same for a test that runs many at a time.
    pub async fn asked(&self, method: &str, path: &str, body: Option<&Value>) -> Result<String, kube::Error> {
        let client = self.client.lock().unwrap().clone().expect("the API server is up");
        let kind = if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
        let request = http::Request::builder().method(method).uri(path).header("Content-Type", kind);
        let body = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
        client.request_text(request.body(body).unwrap()).await
    }

    pub fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// Asks, and expects an answer.
    #[track_caller]
    pub fn request(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        let answer = self.try_request(method, path, body);
        let text = answer
            .unwrap_or_else(|error| panic!("{method} {path}: {error}\n{:#}", body.unwrap_or(&Value::Null)));
        serde_json::from_str(&text).unwrap_or(Value::String(text))
    }

    #[track_caller]
    pub fn post(&self, path: &str, body: &Value) -> Value {
        self.request("POST", path, Some(body))
    }

    /// Makes an object, and writes its status where it has one. What one server alone may say is left to this one.
    #[track_caller]
    pub fn create(&self, object: &Value) {
        let mut object = object.clone();
        let status = object["status"].take();
        if let Some(metadata) = object["metadata"].as_object_mut() {
            for field in ["uid", "resourceVersion", "creationTimestamp", "generation", "managedFields"] {
                metadata.remove(field);
            }
        }
        // Its selector is one that another server made.
        if object["kind"] == "Job" {
            object["spec"]["manualSelector"] = true.into();
        }
        let path = collection(&object);
        self.post(&path, &object);
        if status.as_object().is_some_and(|status| !status.is_empty()) {
            let path = format!("{path}/{}/status", object["metadata"]["name"].as_str().unwrap());
            self.request("PATCH", &path, Some(&json!({ "status": status })));
        }
    }

    /// `kubectl` against it.
    pub fn kubectl(&self, args: &[&str]) -> String {
        let output = Command::new(self.programs.join("klab"))
            .arg("kubectl")
            .args(args)
            .env("KUBECONFIG", self.kubeconfig())
            .env("HOME", self.scratch.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Asks etcd, past the API server.
    pub fn etcd(&self, path: &str, body: &Value) -> Value {
        let mut stream = TcpStream::connect(("127.0.0.1", self.etcd_port)).unwrap();
        let body = body.to_string();
        write!(
            stream,
            "POST {path} HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(" 200 "), "{answer}");
        serde_json::from_str(body).unwrap()
    }

    /// Forgets all of etcd's past: whoever asks for what came after an earlier moment gets 410 Gone.
    pub fn compact(&self) {
        let put = self.etcd("/v3/kv/put", &json!({"key": "Zg==", "value": "Zg=="}));
        let revision = &put["header"]["revision"];
        self.etcd("/v3/kv/compaction", &json!({"revision": revision, "physical": true}));
    }

    /// flowfence with the administrator's kubeconfig.
    pub fn flowfence(&self, args: &[&str]) -> Run {
        self.flowfence_as(&self.kubeconfig(), args)
    }

    /// flowfence with a kubeconfig.
    #[expect(clippy::unused_self, reason = "whoever asks has a server")]
    pub fn flowfence_as(&self, kubeconfig: &Path, args: &[&str]) -> Run {
        let output = command()
            .args(args)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .env("KUBECONFIG", kubeconfig)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        Run {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        for child in [&self.api, &self.etcd] {
            if let Some(mut child) = child.lock().unwrap_or_else(PoisonError::into_inner).take() {
                let _ = child.kill();
                let _ = child.wait();
            }
        }
    }
}
