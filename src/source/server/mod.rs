//! Flows from servers of gRPC, while they are observed: Cilium's Hubble, Calico's Goldmane.
//!
//! ```text
//! hubble://HOST:PORT ─▶ target ─▶ client ─▶ sandbox ─▶ follow ─▶ FlowStream ─▶ Recorder
//! goldmane://…                      ▲  TLS               │ ▲ flows, lost events, nodes away
//!                                   └── a new connection ┘ │
//!                                             stop: time, signal, enough seen
//! ```
//!
//! What differs between kinds of servers is one file each, and the table [`kind::Kind`]: `hubble`, `goldmane`.
//!
//! Everything happens in one thread, for a message costs microseconds: a slow reader holds the server
//! back. Nothing is waiting in between.

mod client;
mod explain;
mod follow;
mod goldmane;
mod hubble;
mod kind;
mod target;

use std::cell::RefCell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use flowfence_capture::Recorder;
use futures::future::join_all;
use tokio::runtime::Runtime;
use tonic::client::Grpc;
use tonic::transport::Channel;

use super::live::glance::Looker;
use super::live::stop::Stop;
use super::live::view::{Counts, View};
use crate::cli::InputArgs;
use crate::cluster::Objects;
use crate::exit::Failure;
use crate::output::safe;
use client::Client;
use follow::Follower;
use target::Target;
pub use target::is_target;

/// So often it is looked whether to end.
const TICK: Duration = Duration::from_millis(50);

/// Servers that were named.
#[derive(Debug)]
pub struct Named(Vec<Client>);

/// Servers that are there.
#[derive(Debug)]
pub struct Servers {
    runtime: Runtime,
    reached: Vec<(Client, Grpc<Channel>)>,
    stop: Arc<Stop>,
    duration: Option<Duration>,
    until_ready: Option<Duration>,
    /// What could not be reached, one sentence each.
    problems: Vec<String>,
}

impl Named {
    /// The servers among the sources. Mistakes on the command line, and files that are not there, are
    /// found before anything is begun.
    pub fn find(args: &InputArgs) -> Result<Self, Failure> {
        let named = args.sources.iter().filter(|source| is_target(source));
        let mut targets =
            named.map(|source| Target::parse(source, &args.tls)).collect::<Result<Vec<_>, _>>()?;
        targets.sort();
        targets.dedup();
        if targets.is_empty() {
            return match args.tls.said() {
                Some(option) => Err(Failure::usage(format!(
                    "{option} is for servers of flows (hubble://HOST:PORT, goldmane://HOST:PORT), and none is given"
                ))),
                None => Ok(Named(Vec::new())),
            };
        }
        if targets.iter().any(|target| target.is_tls) {
            target::tls(&args.tls)?;
        }
        Ok(Named(targets.into_iter().map(|target| Client::new(target, args.tls.clone())).collect()))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Asks who is there. One that cannot be reached does not keep the others from it; when none can,
    /// that is an error. From here on the thread has what it opened in its own runtime.
    pub fn connect(self, args: &InputArgs, stop: Arc<Stop>, sandbox: &str) -> Result<Servers, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        let answers = runtime.block_on(join_all(self.0.iter().map(Client::connect)));
        let (mut reached, mut problems) = (Vec::new(), Vec::new());
        for (client, answer) in self.0.into_iter().zip(answers) {
            match answer {
                Ok((grpc, server)) => {
                    let who = introduced(&client.target.name, &server);
                    say!("flowfence: following {}; sandbox: {sandbox}", safe::line(&who));
                    reached.push((client, grpc));
                }
                Err(trouble) => problems.push(format!("{}: {}", client.target.name, trouble.said)),
            }
        }
        if reached.is_empty() {
            return Err(Failure::unreadable(problems.join("\n")));
        }
        let (duration, until_ready) = (args.live.duration, args.live.until_ready);
        Ok(Servers { runtime, reached, stop, duration, until_ready, problems })
    }
}

/// A server and what it says of itself.
fn introduced(name: &str, said: &[String]) -> String {
    if said.is_empty() { name.to_owned() } else { format!("{name} ({})", said.join(", ")) }
}

impl Servers {
    /// Follows the servers until it is time to end; the recorder, and what went wrong. `objects` tells
    /// what is known of the cluster meanwhile.
    pub fn read(
        self,
        recorder: Recorder,
        objects: Option<Objects>,
    ) -> Result<(Recorder, Vec<String>), Failure> {
        let Servers { runtime, reached, stop, duration, until_ready, mut problems } = self;
        // Beside interfaces it is their view that is shown.
        let view = objects.is_some().then(View::new);
        let wanted = view.as_ref().is_some_and(View::shows_edges) || until_ready.is_some();
        let looker = objects.filter(|_| wanted).map(Looker::start).transpose()?;
        let recorder = RefCell::new(recorder);
        let mut watch = Watch { began: Instant::now(), duration, until_ready, looker, view, stop: &stop };
        let (followers, connections): (Vec<_>, Vec<_>) = reached
            .iter()
            .map(|(client, grpc)| (Follower::new(client, &recorder, &stop), grpc.clone()))
            .unzip();
        let ended = runtime.block_on(async {
            let all = followers.iter().zip(connections).map(|(follower, grpc)| follower.follow(grpc));
            let mut all = std::pin::pin!(join_all(all));
            let mut tick = tokio::time::interval(TICK);
            loop {
                tokio::select! {
                    ended = &mut all => return ended,
                    _ = tick.tick() => watch.look(&recorder, &followers),
                }
            }
        });
        // From here on a signal ends the program.
        stop.ask();
        watch.view.iter().for_each(View::close);
        problems.extend(ended.into_iter().flatten());
        drop(followers);
        Ok((recorder.into_inner(), problems))
    }
}

/// What happens beside the reading.
struct Watch<'a> {
    began: Instant,
    duration: Option<Duration>,
    until_ready: Option<Duration>,
    looker: Option<Looker>,
    view: Option<View>,
    stop: &'a Stop,
}

impl Watch<'_> {
    fn look(&mut self, recorder: &RefCell<Recorder>, followers: &[Follower<'_>]) {
        if self.duration.is_some_and(|duration| self.began.elapsed() >= duration) {
            self.stop.ask();
        }
        if self.stop.is_asked() {
            return;
        }
        let heard = followers.iter().map(Follower::heard);
        let (flows, nodes) = heard.fold((0, None), |(all, known): (u64, Option<usize>), (flows, nodes)| {
            (all + flows, known.map_or(nodes, |known| Some(known + nodes.unwrap_or(0))))
        });
        if let Some(looker) = &mut self.looker {
            if let Some(glance) = looker.answer() {
                let is_long = self.until_ready.is_some_and(|rare| self.began.elapsed() >= rare * 3);
                if is_long && glance.is_ready() {
                    self.view
                        .iter()
                        .for_each(|view| view.say("every workload that can be seen here is ready"));
                    self.stop.ask();
                }
                if let Some(view) = &mut self.view {
                    view.glance(glance);
                }
            }
            if looker.is_due() {
                let began = Instant::now();
                let recording = recorder.borrow().so_far();
                let lost = recording.counts.get("log-events-lost") as f64;
                looker.look(recording, lost / (lost + flows as f64).max(1.0), began.elapsed());
            }
        }
        if let Some(view) = &mut self.view {
            view.show(|| Counts { heard: Some((flows, nodes)), ..Counts::default() });
        }
    }
}
