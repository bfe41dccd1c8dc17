//! Hubble for tests: a server of our own that does as it is told, and Cilium's own.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock};

use bytes::{Buf, BufMut, Bytes};
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use prost_reflect::prost::Message;
use prost_reflect::{DescriptorPool, DeserializeOptions, DynamicMessage, MessageDescriptor};
use serde_json::{Value, json};
use tokio::net::UnixListener;
use tokio::runtime::Runtime;
use tonic::body::Body;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::server::{Grpc, ServerStreamingService, UnaryService};
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Certificate, Identity, Server, ServerTlsConfig};
use tonic::{Code, Request, Response, Status};

/// A message of Hubble's, from the text that names and numbers its fields.
fn message(name: &str) -> MessageDescriptor {
    static POOL: OnceLock<DescriptorPool> = OnceLock::new();
    let pool = POOL.get_or_init(|| {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("capture/tests/data");
        DescriptorPool::from_file_descriptor_set(protox::compile(["hubble.proto"], [dir]).unwrap()).unwrap()
    });
    pool.get_message_by_name(&format!("hubble.{name}")).unwrap()
}

fn encoded(name: &str, json: &Value) -> Bytes {
    let options = DeserializeOptions::new().deny_unknown_fields(false);
    DynamicMessage::deserialize_with_options(message(name), json, &options).unwrap().encode_to_vec().into()
}

/// How an answer goes on after its messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Nothing more comes.
    Silence,
    /// Nothing comes at all, as of a server whose ring is empty: it does not even begin to answer.
    Mute,
    /// The server ends it.
    Done,
    /// The server breaks down.
    Broken,
    /// It says that it has no such service.
    NoService,
}

/// What is answered to a `GetFlows`: how many came before it, and since when it asks.
type Script = dyn Fn(usize, &str) -> (Vec<Value>, End) + Send + Sync;

/// A server that does as it is told.
pub struct Fake {
    /// Where it listens.
    pub address: SocketAddr,
    /// Since when each `GetFlows` asked.
    pub asked: Arc<Mutex<Vec<String>>>,
    _runtime: Runtime,
}

/// What a server shows, and whose certificates it wants (PEM).
pub struct Tls {
    pub cert: String,
    pub key: String,
    pub client_ca: Option<String>,
}

#[derive(Clone)]
struct Handler {
    script: Arc<Script>,
    asked: Arc<Mutex<Vec<String>>>,
    status: Value,
}

impl Fake {
    /// On a free port of loopback, without TLS.
    pub fn start(script: impl Fn(usize, &str) -> (Vec<Value>, End) + Send + Sync + 'static) -> Self {
        Fake::start_at("127.0.0.1:0".parse().unwrap(), None, script)
    }

    /// One that always has these lines and then falls silent.
    pub fn of(lines: Vec<Value>) -> Self {
        Fake::start(move |_, since| (since_then(&lines, since), End::Silence))
    }

    /// At an address.
    pub fn start_at(
        address: SocketAddr,
        tls: Option<Tls>,
        script: impl Fn(usize, &str) -> (Vec<Value>, End) + Send + Sync + 'static,
    ) -> Self {
        let runtime = Runtime::new().unwrap();
        let guard = runtime.enter();
        let incoming = TcpIncoming::bind(address).unwrap();
        let address = incoming.local_addr().unwrap();
        let (handler, asked) = Handler::new(script);
        let mut server = Server::builder();
        if let Some(tls) = tls {
            let mut config = ServerTlsConfig::new().identity(Identity::from_pem(tls.cert, tls.key));
            if let Some(ca) = tls.client_ca {
                config = config.client_ca_root(Certificate::from_pem(ca));
            }
            server = server.tls_config(config).unwrap();
        }
        let service = tower::service_fn(move |request| handler.clone().answer(request));
        runtime.spawn(async move { server.serve_with_incoming(service, incoming).await });
        drop(guard);
        Fake { address, asked, _runtime: runtime }
    }

    /// On a socket of this machine; the address means nothing.
    pub fn start_on_socket(path: &Path, lines: Vec<Value>) -> Self {
        let runtime = Runtime::new().unwrap();
        let guard = runtime.enter();
        let listener = UnixListener::bind(path).unwrap();
        let (handler, asked) = Handler::new(move |_, since| (since_then(&lines, since), End::Silence));
        let incoming = stream::unfold(listener, |listener| async {
            Some((listener.accept().await.map(|(socket, _)| socket), listener))
        });
        let service = tower::service_fn(move |request| handler.clone().answer(request));
        runtime
            .spawn(async move { Server::builder().serve_with_incoming(service, Box::pin(incoming)).await });
        drop(guard);
        Fake { address: "0.0.0.0:0".parse().unwrap(), asked, _runtime: runtime }
    }

    /// As a source.
    pub fn source(&self) -> String {
        format!("hubble://{}", self.address)
    }
}

/// Lines that are not before a time; those without one come always.
pub fn since_then(lines: &[Value], since: &str) -> Vec<Value> {
    let is_later = |line: &&Value| line["time"].as_str().is_none_or(|time| time >= since);
    lines.iter().filter(is_later).cloned().collect()
}

impl Handler {
    fn new(
        script: impl Fn(usize, &str) -> (Vec<Value>, End) + Send + Sync + 'static,
    ) -> (Self, Arc<Mutex<Vec<String>>>) {
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let status = json!({"version": "fake v1", "num_connected_nodes": 2, "num_unavailable_nodes": 1});
        (Handler { script: Arc::new(script), asked: Arc::clone(&asked), status }, asked)
    }

    async fn answer(
        self,
        request: http::Request<Body>,
    ) -> Result<http::Response<Body>, std::convert::Infallible> {
        let path = request.uri().path().to_owned();
        let mut grpc = Grpc::new(Raw);
        Ok(match path.as_str() {
            "/observer.Observer/ServerStatus" => grpc.unary(self, request).await,
            "/observer.Observer/GetFlows" => grpc.server_streaming(self, request).await,
            _ => Status::unimplemented("unknown service").into_http(),
        })
    }
}

impl UnaryService<Bytes> for Handler {
    type Response = Bytes;
    type Future = std::future::Ready<Result<Response<Bytes>, Status>>;

    fn call(&mut self, _: Request<Bytes>) -> Self::Future {
        let is_there = !matches!((self.script)(0, ""), (_, End::NoService));
        let status = || Response::new(encoded("ServerStatusResponse", &self.status));
        std::future::ready(is_there.then(status).ok_or_else(|| Status::unimplemented("unknown service")))
    }
}

impl ServerStreamingService<Bytes> for Handler {
    type Response = Bytes;
    type ResponseStream = BoxStream<'static, Result<Bytes, Status>>;
    type Future =
        std::pin::Pin<Box<dyn Future<Output = Result<Response<Self::ResponseStream>, Status>> + Send>>;

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        let read = DynamicMessage::decode(message("GetFlowsRequest"), request.into_inner()).unwrap();
        let read = serde_json::to_value(&read).unwrap();
        assert_eq!(read["follow"], json!(true));
        let since = read["since"].as_str().unwrap().to_owned();
        let mut asked = self.asked.lock().unwrap();
        let (lines, end) = (self.script)(asked.len(), &since);
        asked.push(since);
        let messages: Vec<_> = lines.iter().map(|line| Ok(encoded("GetFlowsResponse", line))).collect();
        let rest: BoxStream<'static, Result<Bytes, Status>> = match end {
            End::Silence | End::Mute => stream::pending().boxed(),
            End::Done => stream::empty().boxed(),
            End::Broken => stream::iter([Err(Status::new(Code::Unavailable, "going away"))]).boxed(),
            End::NoService => stream::iter([Err(Status::unimplemented("unknown service"))]).boxed(),
        };
        Box::pin(async move {
            if end == End::Mute {
                std::future::pending::<()>().await;
            }
            Ok(Response::new(stream::iter(messages).chain(rest).boxed()))
        })
    }
}

/// Messages as octets.
#[derive(Clone, Copy)]
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Raw;
    type Decoder = Raw;

    fn encoder(&mut self) -> Raw {
        Raw
    }

    fn decoder(&mut self) -> Raw {
        Raw
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        into.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}

/// Cilium's own server. It ends with us: its standard input is closed then.
pub struct Real {
    /// Where it listens.
    pub address: SocketAddr,
    child: Child,
    stdin: ChildStdin,
}

impl Real {
    /// Where the program is, or why there is none.
    pub fn program() -> Result<PathBuf, String> {
        let build = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hubble/build");
        let output =
            Command::new(build).stderr(Stdio::inherit()).output().map_err(|error| error.to_string())?;
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).trim().into())
        } else {
            Err("tests/hubble/build could not build Cilium's server (see above)".to_owned())
        }
    }

    /// Serves the lines of a file.
    pub fn start(program: &Path, options: &[&str], flows: &Path) -> Self {
        let mut command = Command::new(program);
        command.args(options).arg(flows).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut said = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut said).unwrap();
        let address = said.trim().strip_prefix("listening on ").unwrap().parse().unwrap();
        let stdin = child.stdin.take().unwrap();
        Real { address, child, stdin }
    }

    /// Observes one more line.
    pub fn observe(&mut self, line: &Value) {
        writeln!(self.stdin, "{line}").unwrap();
    }
}

impl Drop for Real {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
