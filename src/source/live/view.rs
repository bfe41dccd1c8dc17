//! What a person sees while packets pass: some lines that change on a terminal, else a plain line
//! now and then.

use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::glance::Glance;
use crate::output::safe;

/// So often a terminal is refreshed.
const REFRESH: Duration = Duration::from_millis(500);
/// So often a plain line is written.
const LINE: Duration = Duration::from_secs(10);

/// What is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Counts {
    /// Packets that were read.
    pub packets: u64,
    /// Flow records.
    pub flows: usize,
    /// Flow records given up for want of room.
    pub evicted: u64,
    /// Packets lost in the kernel and before it.
    pub dropped: u64,
    /// These as a share of what arrived.
    pub loss: f64,
    /// Where flows come in place of packets: how many, and from how many nodes if that is known.
    pub heard: Option<(u64, Option<usize>)>,
}

/// The view.
#[derive(Debug)]
pub struct View {
    bar: Option<ProgressBar>,
    began: Instant,
    next: Instant,
    glance: Option<Glance>,
}

impl View {
    /// Begins to show.
    pub fn new() -> Self {
        let bar = io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            bar.set_style(
                ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_bar()),
            );
            bar
        });
        let began = Instant::now();
        let next = began + if bar.is_some() { REFRESH } else { LINE };
        View { bar, began, next, glance: None }
    }

    /// Whether edges are shown too, and so somebody has to look for them.
    pub fn shows_edges(&self) -> bool {
        self.bar.is_some()
    }

    /// Takes what a look showed.
    pub fn glance(&mut self, glance: Glance) {
        self.glance = Some(glance);
    }

    /// Shows the counts, when it is time.
    pub fn show(&mut self, counts: impl FnOnce() -> Counts) {
        let now = Instant::now();
        if now < self.next {
            return;
        }
        let lines = lines(now - self.began, &counts(), self.glance.as_ref());
        if let Some(bar) = &self.bar {
            self.next = now + REFRESH;
            bar.set_message(lines.join("\n"));
        } else {
            self.next = now + LINE;
            say!("flowfence: {}", lines.first().map_or("", String::as_str));
        }
    }

    /// Says a line that stays.
    pub fn say(&self, line: &str) {
        if let Some(bar) = &self.bar {
            bar.suspend(|| say!("flowfence: {line}"));
        } else {
            say!("flowfence: {line}");
        }
    }

    /// Takes it away.
    pub fn close(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// The counts on one line, then the edges.
fn lines(time: Duration, counts: &Counts, glance: Option<&Glance>) -> Vec<String> {
    let edges = glance.map_or(String::new(), |glance| format!(", {} edges", glance.edges));
    let evicted = if counts.evicted > 0 { format!(", {} evicted", counts.evicted) } else { String::new() };
    let ready = glance.filter(|glance| glance.workloads != [0; 3]).map_or(String::new(), |glance| {
        let [ready, watched_on, blind] = glance.workloads;
        format!("; {ready} workloads ready, {watched_on} to be watched on, {blind} blind")
    });
    let mut lines = vec![match counts.heard {
        Some((flows, nodes)) => {
            let nodes = nodes.map_or(String::new(), |nodes| format!(" of {nodes} nodes"));
            format!("live for {} s: {flows} flows{nodes}{edges}{ready}", time.as_secs())
        }
        None => format!(
            "live for {} s: {} packets, {} flows{edges}; {} dropped ({:.2} %){evicted}{ready}",
            time.as_secs(),
            counts.packets,
            counts.flows,
            counts.dropped,
            counts.loss * 100.0
        ),
    }];
    for unexpected in glance.iter().flat_map(|glance| &glance.unexpected) {
        let why = if unexpected.is_denied { "denied" } else { "new" };
        lines.push(safe::line(&format!("  {why}: {}", unexpected.edge)));
    }
    lines
}

#[cfg(test)]
mod tests {
    use flowfence_model::Timestamp;

    use super::*;
    use crate::source::live::glance::Unexpected;

    #[test]
    fn the_newest_edges_stand_under_the_counts_and_command_no_terminal() {
        let edge = "shop/Deployment/blog -> external/198.51.100.66/32 3333/TCP".parse().unwrap();
        let unexpected = vec![Unexpected { edge, first: Timestamp::MIN, is_denied: true }];
        let glance = Glance { edges: 7, unexpected, workloads: [1, 2, 0] };
        let counts = Counts { packets: 1000, flows: 12, evicted: 0, dropped: 10, loss: 0.0099, heard: None };
        assert_eq!(
            lines(Duration::from_millis(2900), &counts, Some(&glance)),
            [
                "live for 2 s: 1000 packets, 12 flows, 7 edges; 10 dropped (0.99 %); 1 workloads ready, 2 to be watched on, 0 blind",
                "  denied: shop/Deployment/blog -> external/198.51.100.66/32 3333/TCP",
            ]
        );
    }
}
