//! A server of flows for tests, that does as it is told.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};

use bytes::{Buf, BufMut, Bytes};
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use prost_reflect::prost::Message;
use prost_reflect::{DescriptorPool, DeserializeOptions, DynamicMessage, MessageDescriptor};
use serde_json::Value;
use tokio::net::UnixListener;
use tokio::runtime::Runtime;
use tonic::body::Body;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::server::{Grpc, ServerStreamingService, UnaryService};
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Certificate, Identity, Server, ServerTlsConfig};
use tonic::{Code, Request, Response, Status};

/// What such a server speaks.
#[derive(Clone)]
pub struct Speech {
    /// What its sources begin with.
    pub scheme: &'static str,
    /// The text that names and numbers the fields of its messages, in `capture/tests/data`.
    pub text: &'static str,
    /// The call that asks who is there, the message that answers it, and what stands in that.
    pub who: (&'static str, &'static str, Value),
    /// The call that streams flows, the message that asks for it, and that of each flow.
    pub flows: [&'static str; 3],
    /// Since when a request asks.
    pub since: fn(&Value) -> String,
    /// The flows that are not before that.
    pub since_then: fn(&[Value], &str) -> Vec<Value>,
}

impl Speech {
    fn message(&self, name: &str) -> MessageDescriptor {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("capture/tests/data");
        let descriptors = protox::compile([self.text], [dir]).unwrap();
        let pool = DescriptorPool::from_file_descriptor_set(descriptors).unwrap();
        pool.get_message_by_name(name).unwrap()
    }

    fn encoded(message: &MessageDescriptor, json: &Value) -> Bytes {
        let options = DeserializeOptions::new().deny_unknown_fields(false);
        DynamicMessage::deserialize_with_options(message.clone(), json, &options)
            .unwrap()
            .encode_to_vec()
            .into()
    }
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

/// What is answered to who asks for flows: how many did before, and since when it asks.
type Script = dyn Fn(usize, &str) -> (Vec<Value>, End) + Send + Sync;

/// A server that does as it is told.
pub struct Fake {
    /// Where it listens.
    pub address: SocketAddr,
    /// Since when each request asked.
    pub asked: Arc<Mutex<Vec<String>>>,
    scheme: &'static str,
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
    speech: Speech,
    script: Arc<Script>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Fake {
    /// On a free port of loopback, without TLS.
    pub fn start(
        speech: &Speech,
        script: impl Fn(usize, &str) -> (Vec<Value>, End) + Send + Sync + 'static,
    ) -> Self {
        Fake::start_at(speech, "127.0.0.1:0".parse().unwrap(), None, script)
    }

    /// One that always has these lines and then falls silent.
    pub fn of(speech: &Speech, lines: Vec<Value>) -> Self {
        let since_then = speech.since_then;
        Fake::start(speech, move |_, since| (since_then(&lines, since), End::Silence))
    }

    /// At an address.
    pub fn start_at(
        speech: &Speech,
        address: SocketAddr,
        tls: Option<Tls>,
        script: impl Fn(usize, &str) -> (Vec<Value>, End) + Send + Sync + 'static,
    ) -> Self {
        let runtime = Runtime::new().unwrap();
        let guard = runtime.enter();
        let incoming = TcpIncoming::bind(address).unwrap();
        let address = incoming.local_addr().unwrap();
        let (handler, asked) = Handler::new(speech, script);
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
        Fake { address, asked, scheme: speech.scheme, _runtime: runtime }
    }

    /// On a socket of this machine; the address means nothing.
    pub fn start_on_socket(speech: &Speech, path: &Path, lines: Vec<Value>) -> Self {
        let runtime = Runtime::new().unwrap();
        let guard = runtime.enter();
        let listener = UnixListener::bind(path).unwrap();
        let since_then = speech.since_then;
        let script = move |_, since: &str| (since_then(&lines, since), End::Silence);
        let (handler, asked) = Handler::new(speech, script);
        let incoming = stream::unfold(listener, |listener| async {
            Some((listener.accept().await.map(|(socket, _)| socket), listener))
        });
        let service = tower::service_fn(move |request| handler.clone().answer(request));
        runtime
            .spawn(async move { Server::builder().serve_with_incoming(service, Box::pin(incoming)).await });
        drop(guard);
        Fake { address: "0.0.0.0:0".parse().unwrap(), asked, scheme: speech.scheme, _runtime: runtime }
    }

    /// As a source.
    pub fn source(&self) -> String {
        format!("{}{}", self.scheme, self.address)
    }
}

impl Handler {
    fn new(
        speech: &Speech,
        script: impl Fn(usize, &str) -> (Vec<Value>, End) + Send + Sync + 'static,
    ) -> (Self, Arc<Mutex<Vec<String>>>) {
        let asked = Arc::<Mutex<Vec<String>>>::default();
        (Handler { speech: speech.clone(), script: Arc::new(script), asked: Arc::clone(&asked) }, asked)
    }

    async fn answer(
        self,
        request: http::Request<Body>,
    ) -> Result<http::Response<Body>, std::convert::Infallible> {
        let path = request.uri().path().to_owned();
        let mut grpc = Grpc::new(Raw);
        Ok(if path == self.speech.who.0 {
            grpc.unary(self, request).await
        } else if path == self.speech.flows[0] {
            grpc.server_streaming(self, request).await
        } else {
            Status::unimplemented("unknown service").into_http()
        })
    }
}

impl UnaryService<Bytes> for Handler {
    type Response = Bytes;
    type Future = std::future::Ready<Result<Response<Bytes>, Status>>;

    fn call(&mut self, _: Request<Bytes>) -> Self::Future {
        let is_there = !matches!((self.script)(0, ""), (_, End::NoService));
        let (_, message, status) = &self.speech.who;
        let status = || Response::new(Speech::encoded(&self.speech.message(message), status));
        std::future::ready(is_there.then(status).ok_or_else(|| Status::unimplemented("unknown service")))
    }
}

impl ServerStreamingService<Bytes> for Handler {
    type Response = Bytes;
    type ResponseStream = BoxStream<'static, Result<Bytes, Status>>;
    type Future =
        std::pin::Pin<Box<dyn Future<Output = Result<Response<Self::ResponseStream>, Status>> + Send>>;

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        let [_, asks, gives] = self.speech.flows;
        let gives = self.speech.message(gives);
        let read = DynamicMessage::decode(self.speech.message(asks), request.into_inner()).unwrap();
        let since = (self.speech.since)(&serde_json::to_value(&read).unwrap());
        let mut asked = self.asked.lock().unwrap();
        let (lines, end) = (self.script)(asked.len(), &since);
        asked.push(since);
        let messages: Vec<_> = lines.iter().map(|line| Ok(Speech::encoded(&gives, line))).collect();
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
