//! One connection to a server: gRPC by tonic, whose messages go to the decoder as they came.

use std::time::Duration;

use bytes::{Buf, BufMut, Bytes};
use http::uri::PathAndQuery;
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder, Streaming};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};

use super::explain::{self, Trouble};
use super::target::{self, Target};
use crate::cli::TlsArgs;

/// A server that does not answer in this time is not there.
const PATIENCE: Duration = Duration::from_secs(10);
/// A connection on which nothing comes is asked so often, by the kernel, whether it still is one. Pings
/// of HTTP/2 would tell more, and gRPC servers close on clients that ping more often than every 5 min.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// Octets that are on their way at most: a reader that is slower holds the server back.
const WINDOW: u32 = 1 << 20;

/// Asks one server.
#[derive(Clone, Debug)]
pub struct Client {
    /// The server.
    pub target: Target,
    tls: TlsArgs,
}

impl Client {
    /// Of a server.
    pub fn new(target: Target, tls: TlsArgs) -> Self {
        Client { target, tls }
    }

    /// Connects, and asks who is there: what that says of itself, for people.
    pub async fn connect(&self) -> Result<(Grpc<Channel>, Vec<String>), Trouble> {
        let asked = tokio::time::timeout(PATIENCE, self.connect_patiently()).await;
        asked.unwrap_or_else(|_| Err(Trouble::passing(format!("no answer within {} s", PATIENCE.as_secs()))))
    }

    async fn connect_patiently(&self) -> Result<(Grpc<Channel>, Vec<String>), Trouble> {
        let channel = self.endpoint()?.connect().await;
        let channel = channel.map_err(|error| explain::connection(&self.target, &error))?;
        let mut grpc = Grpc::new(channel);
        grpc.ready().await.map_err(|error| explain::connection(&self.target, &error))?;
        let dialect = self.target.kind.dialect();
        let (path, request) = dialect.who;
        let request = Request::new(Bytes::from(request()));
        match grpc.unary(request, PathAndQuery::from_static(path), Raw).await {
            Ok(response) => Ok((grpc, (dialect.introduced)(response.get_ref()))),
            // Another program may have flows and no answer to this.
            Err(status) if status.code() == Code::Unimplemented && !explain::is_no_grpc(&status) => {
                Ok((grpc, Vec::new()))
            }
            Err(status) => Err(explain::answer(&self.target, &status)),
        }
    }

    fn endpoint(&self) -> Result<Endpoint, Trouble> {
        let lasting = |error: tonic::transport::Error| Trouble::lasting(explain::chain(&error));
        let endpoint = Endpoint::from_shared(self.target.uri()).map_err(lasting)?;
        let endpoint = endpoint
            .connect_timeout(PATIENCE)
            .tcp_keepalive(Some(KEEP_ALIVE))
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOW);
        if !self.target.is_tls {
            return Ok(endpoint);
        }
        let tls =
            target::tls(&self.tls).map_err(|failure| Trouble::lasting(format!("{:#}", failure.error)))?;
        endpoint.tls_config(tls).map_err(lasting)
    }

    /// Asks for flows. Servers answer with the first one, however long that takes.
    pub async fn flows(
        &self,
        grpc: &mut Grpc<Channel>,
        request: Vec<u8>,
    ) -> Result<Streaming<Bytes>, Trouble> {
        grpc.ready().await.map_err(|error| explain::connection(&self.target, &error))?;
        let path = PathAndQuery::from_static(self.target.kind.dialect().flows);
        let answer = grpc.server_streaming(Request::new(Bytes::from(request)), path, Raw).await;
        answer.map(tonic::Response::into_inner).map_err(|status| explain::later(&self.target, &status))
    }
}

/// Messages as octets.
#[derive(Clone, Copy, Debug)]
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
