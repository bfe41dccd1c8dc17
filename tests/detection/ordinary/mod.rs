//! What goes on in clusters that nobody attacks. One behaviour a row; a new one is a function and its row.

mod machinery;
mod outward;
mod work;

use crate::town::Town;

pub use work::{link, outward};

/// A behaviour: what it is called, in how many towns of a hundred it is, and what it does.
pub type Behaviour = (&'static str, i64, fn(&mut Town));

pub const BEHAVIOURS: &[Behaviour] = &[
    ("applications in layers, with their databases", 100, work::applications),
    ("clients from outside", 60, work::clients),
    ("a rollout in mid-run", 50, work::rollout),
    ("an application whose peer is down, and that tries again and again", 50, work::retries),
    ("workers that elect a leader", 20, work::leader),
    ("a job that asks every service whether it is there", 30, work::smoke_test),
    ("a database whose members talk to each other", 40, work::members),
    ("probes of the kubelet", 80, machinery::probes),
    ("a scraper, with dead targets", 70, machinery::scraper),
    ("agents that ship logs to a service outside", 60, machinery::logs),
    ("time", 70, machinery::clock),
    ("an operator that watches the API and asks its pods", 60, machinery::operator),
    ("a mesh, whose sidecars keep a connection to their control plane", 30, machinery::mesh),
    ("a backup by a CronJob, to a store outside", 60, outward::backup),
    ("uploads all day", 40, outward::uploads),
    ("documents now and then, to a partner who is asked all day", 40, outward::documents),
    ("a member of a swarm outside, many of whose peers are gone", 15, outward::swarm),
    ("a crawler", 30, outward::crawler),
    ("a mail filter that asks for reputations", 20, outward::mail),
    ("a manager of other clusters, each with a long name", 20, outward::fleet),
    ("a service outside that is met late, and gets little", 30, outward::late),
    ("a report that is sent once a day", 15, outward::report),
];

/// Everything that is ordinary in this town.
pub fn live(town: &mut Town) {
    for (_, percent, behave) in BEHAVIOURS {
        if town.random.chance(*percent) {
            behave(town);
        }
    }
}
