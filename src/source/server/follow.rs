//! One server, followed over as many connections as it takes.

use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

use bytes::Bytes;
use flowfence_capture::{Heard, Recorder};
use tokio::time::{sleep, timeout};
use tonic::Streaming;
use tonic::client::Grpc;
use tonic::transport::Channel;

use super::client::Client;
use super::explain::{self, Trouble};
use super::kind::FlowStream;
use crate::output::safe;
use crate::source::live::stop::{self, Stop};

/// The pause before the first new connection; each further one is twice as long.
const PAUSE: Duration = Duration::from_millis(250);
/// The longest.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// A connection that lasted so long was a good one: the next pause is short again.
const GOOD: Duration = Duration::from_secs(10);
/// So often it is looked whether to end.
const TICK: Duration = Duration::from_millis(50);
/// How long after the end what is on its way may come.
const LAST_WORD: Duration = Duration::from_millis(100);

/// A server's flows into a recorder.
#[derive(Debug)]
pub struct Follower<'a> {
    client: &'a Client,
    recorder: &'a RefCell<Recorder>,
    input: u32,
    stop: &'a Stop,
    stream: RefCell<Box<dyn FlowStream>>,
    /// Flows and other messages that were new.
    news: Cell<u64>,
}

/// Why a connection is over.
enum End {
    Asked,
    Broken(Trouble),
}

impl<'a> Follower<'a> {
    /// Not yet connected.
    pub fn new(client: &'a Client, recorder: &'a RefCell<Recorder>, stop: &'a Stop) -> Self {
        let input = recorder.borrow_mut().begin_input(&client.target.name);
        let stream = RefCell::new((client.target.kind.dialect().open)());
        Follower { client, recorder, input, stop, stream, news: Cell::new(0) }
    }

    /// Messages that were new, and nodes that they are of where the server tells.
    pub fn heard(&self) -> (u64, Option<usize>) {
        (self.news.get(), self.stream.borrow().nodes())
    }

    /// Follows until it is asked to stop; what a person must know of how it went.
    pub async fn follow(&self, first: Grpc<Channel>) -> Option<String> {
        let mut next = Some(first);
        let mut pause = PAUSE;
        // Since when there is no connection, and why.
        let mut away: Option<(Instant, Trouble)> = None;
        loop {
            let began = Instant::now();
            let end = match self.connect(next.take()).await {
                Ok(Some(grpc)) => {
                    if let Some((since, _)) = away.take() {
                        self.say(&format!("connected again after {:.1} s", since.elapsed().as_secs_f64()));
                    }
                    self.session(grpc).await
                }
                Ok(None) => End::Asked,
                Err(trouble) => End::Broken(trouble),
            };
            let End::Broken(trouble) = end else { break };
            if trouble.is_lasting && self.news.get() == 0 {
                return Some(format!("{}: {}", self.client.target.name, trouble.said));
            }
            if began.elapsed() >= GOOD {
                pause = PAUSE;
            }
            if let Some((_, last)) = &mut away {
                *last = trouble;
            } else {
                self.say(&format!("the connection broke off, and is tried again: {}", trouble.said));
                away = Some((Instant::now(), trouble));
            }
            if self.waited(pause).await {
                break;
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        away.map(|(since, trouble)| {
            format!(
                "{}: no connection for the last {:.1} s ({}); what came before counts",
                self.client.target.name,
                since.elapsed().as_secs_f64(),
                trouble.said
            )
        })
    }

    /// A connection, the one that is there already or a new one; `None` when it is time to end.
    async fn connect(&self, there: Option<Grpc<Channel>>) -> Result<Option<Grpc<Channel>>, Trouble> {
        if let Some(grpc) = there {
            return Ok(Some(grpc));
        }
        tokio::select! {
            connected = self.client.connect() => connected.map(|(grpc, _)| Some(grpc)),
            () = asked(self.stop) => Ok(None),
        }
    }

    async fn session(&self, mut grpc: Grpc<Channel>) -> End {
        let request = {
            let mut recorder = self.recorder.borrow_mut();
            self.stream.borrow_mut().connect(stop::now(), &mut recorder, self.input)
        };
        let mut messages = tokio::select! {
            opened = self.client.flows(&mut grpc, request) => match opened {
                Ok(messages) => messages,
                Err(trouble) => return End::Broken(trouble),
            },
            () = asked(self.stop) => return End::Asked,
        };
        tokio::select! {
            trouble = self.read(&mut messages) => return End::Broken(trouble),
            () = asked(self.stop) => {}
        }
        // What had been sent by then.
        let _ = timeout(LAST_WORD, self.read(&mut messages)).await;
        End::Asked
    }

    /// Reads until there is no more.
    async fn read(&self, messages: &mut Streaming<Bytes>) -> Trouble {
        loop {
            match messages.message().await {
                Ok(Some(message)) => self.take(&message),
                Ok(None) => return Trouble::passing("the server ended it".to_owned()),
                Err(status) => return explain::later(&self.client.target, &status),
            }
        }
    }

    fn take(&self, message: &Bytes) {
        let mut recorder = self.recorder.borrow_mut();
        let heard = self.stream.borrow_mut().take(message, &mut recorder, self.input);
        self.news.set(self.news.get() + u64::from(heard == Heard::News));
    }

    /// Waits; whether it is time to end.
    async fn waited(&self, pause: Duration) -> bool {
        tokio::select! {
            () = sleep(pause) => false,
            () = asked(self.stop) => true,
        }
    }

    fn say(&self, what: &str) {
        say!("flowfence: {}", safe::line(&format!("{}: {what}", self.client.target.name)));
    }
}

/// Comes back when it is time to end.
async fn asked(stop: &Stop) {
    while !stop.is_asked() {
        sleep(TICK).await;
    }
}
