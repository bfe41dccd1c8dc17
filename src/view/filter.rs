//! Which edges are shown.

use std::collections::BTreeSet;

use flowfence_model::{LabelSelector, Timestamp};

use super::pattern::names;
use super::{EndPattern, Moment, PortPattern, Span};
use crate::cli::{Shown, ViewArgs};
use crate::near::advice;
use crate::output::graph::{EdgeRow, GraphReport, NodeRow, Standing};
use crate::output::safe;
use crate::reach::filter::selector;

/// What a person asked to see: an edge has to pass all of it.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    tests: Vec<Test>,
    around: Vec<EndPattern>,
    hops: u32,
}

#[derive(Clone, Debug)]
enum Test {
    Labels(LabelSelector),
    From(Vec<EndPattern>),
    To(Vec<EndPattern>),
    Port(Vec<PortPattern>),
    Verdict(Vec<Shown>),
    Time(Option<Moment>, Option<Moment>),
}

/// An edge with its ends.
#[derive(Clone, Copy)]
struct Ends<'a> {
    edge: &'a EdgeRow,
    from: &'a NodeRow,
    to: &'a NodeRow,
}

/// What is left of a graph.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// By the place of the edge.
    pub edges: Vec<bool>,
    /// What a person should know: names that nothing has, and filters that leave nothing.
    pub notes: Vec<String>,
}

impl Filter {
    /// What the command line asks for.
    pub fn new(args: &ViewArgs) -> Result<Self, String> {
        let mut tests = Vec::new();
        if let Some(text) = &args.selector {
            tests.push(Test::Labels(selector(text)?));
        }
        if !args.from.is_empty() {
            tests.push(Test::From(args.from.clone()));
        }
        if !args.to.is_empty() {
            tests.push(Test::To(args.to.clone()));
        }
        if !args.port.is_empty() {
            tests.push(Test::Port(args.port.clone()));
        }
        if !args.verdict.is_empty() {
            tests.push(Test::Verdict(args.verdict.clone()));
        }
        if args.since.is_some() || args.until.is_some() {
            tests.push(Test::Time(args.since, args.until));
        }
        Ok(Filter { tests, around: args.around.clone(), hops: args.hops.unwrap_or(1) })
    }

    /// Whether it leaves everything.
    pub fn is_everything(&self) -> bool {
        self.tests.is_empty() && self.around.is_empty()
    }

    /// The edges that pass.
    pub fn keep(&self, report: &GraphReport) -> Kept {
        let ends = if self.tests.is_empty() { Vec::new() } else { all_ends(report) };
        let passes = |at: usize, test: &Test| {
            ends.get(at).is_some_and(|ends| ends.is_some_and(|e| test.admits(e, report)))
        };
        let mut edges: Vec<bool> =
            (0..report.edges.len()).map(|at| self.tests.iter().all(|test| passes(at, test))).collect();
        if !self.around.is_empty() {
            self.near(report, &mut edges);
        }
        let mut notes = self.unknown_names(report);
        if !self.is_everything() && !report.edges.is_empty() && !edges.contains(&true) {
            let alone = |test: &Test| (0..edges.len()).filter(|at| passes(*at, test)).count();
            let alone: Vec<String> = self
                .tests
                .iter()
                .map(|test| format!("{} alone leaves {}", test.flag(), alone(test)))
                .collect();
            let alone = if alone.is_empty() { String::new() } else { format!(": {}", alone.join(", ")) };
            notes.push(format!("the filters leave no edge of {}{alone}", edges.len()));
        }
        Kept { edges, notes }
    }

    /// Whether something that policies allow between two nodes, and nobody used, is shown. Times say nothing of it.
    pub fn shows_unused(&self, from: &NodeRow, to: &NodeRow) -> bool {
        let tests = self.tests.iter().all(|test| match test {
            Test::Labels(selector) => [from, to].iter().any(|node| selector.matches(&node.labels)),
            Test::From(wanted) => wanted.iter().any(|end| end.matches(from)),
            Test::To(wanted) => wanted.iter().any(|end| end.matches(to)),
            Test::Verdict(wanted) => wanted.contains(&Shown::Unused),
            Test::Port(_) | Test::Time(..) => true,
        });
        let is_near = |node| self.around.is_empty() || self.around.iter().any(|end| end.matches(node));
        tests && (is_near(from) || is_near(to))
    }

    /// Whether a port is shown.
    pub fn shows_port(&self, protocol: flowfence_model::Protocol, port: u16) -> bool {
        self.tests.iter().all(|test| match test {
            Test::Port(wanted) => wanted.iter().any(|pattern| pattern.matches(protocol, Some(port))),
            _ => true,
        })
    }

    /// Leaves of `edges` those that a walk of so many hops from the centre goes along, whichever way they point.
    fn near(&self, report: &GraphReport, edges: &mut [bool]) {
        let place = |id| report.nodes.binary_search_by(|node| node.id.cmp(id)).ok();
        let pairs: Vec<Option<(usize, usize)>> =
            report.edges.iter().map(|edge| Some((place(&edge.from)?, place(&edge.to)?))).collect();
        let mut next: Vec<Vec<usize>> = vec![Vec::new(); report.nodes.len()];
        for ((from, to), _) in pairs.iter().flatten().zip(edges.iter()).filter(|(_, is_kept)| **is_kept) {
            next[*from].push(*to);
            next[*to].push(*from);
        }
        let is_centre = |node: &NodeRow| self.around.iter().any(|end| end.matches(node));
        let mut walked: Vec<bool> = vec![false; report.nodes.len()];
        let mut border: BTreeSet<usize> =
            (0..report.nodes.len()).filter(|at| report.nodes.get(*at).is_some_and(is_centre)).collect();
        for _ in 0..self.hops {
            for at in &border {
                walked[*at] = true;
            }
            let reached: BTreeSet<usize> = border.iter().flat_map(|at| &next[*at]).copied().collect();
            border = reached.into_iter().filter(|at| !walked[*at]).collect();
            if border.is_empty() {
                break;
            }
        }
        for (is_kept, pair) in edges.iter_mut().zip(&pairs) {
            *is_kept &= pair.is_some_and(|(from, to)| walked[from] || walked[to]);
        }
    }

    /// A word on each name that nothing in the graph has.
    fn unknown_names(&self, report: &GraphReport) -> Vec<String> {
        let mut asked: Vec<(&str, &EndPattern)> = Vec::new();
        for test in &self.tests {
            match test {
                Test::From(ends) | Test::To(ends) => asked.extend(ends.iter().map(|end| (test.flag(), end))),
                _ => {}
            }
        }
        asked.extend(self.around.iter().map(|end| ("--around", end)));
        asked
            .into_iter()
            .filter(|(_, end)| !report.nodes.iter().any(|node| end.matches(node)))
            .map(|(flag, end)| {
                let known = report.nodes.iter().flat_map(names);
                let near = advice(end.text(), known);
                safe::line(&format!("{flag} {:?} names nothing in this graph{near}", end.text()))
            })
            .collect()
    }
}

/// A word on each namespace of `-n` that no node of a graph is in.
pub fn unknown_namespaces(report: &GraphReport, namespaces: &[String]) -> Vec<String> {
    let known: BTreeSet<&str> = report.nodes.iter().filter_map(|node| node.namespace.as_deref()).collect();
    let asked = namespaces.iter().filter(|name| !known.contains(name.as_str()));
    asked
        .map(|name| {
            let near = advice(name, known.iter().map(|name| (*name).to_owned()));
            safe::line(&format!("-n {name:?}: nothing of this graph is in that namespace{near}"))
        })
        .collect()
}

fn all_ends(report: &GraphReport) -> Vec<Option<Ends<'_>>> {
    let row =
        |id| report.nodes.binary_search_by(|node| node.id.cmp(id)).ok().and_then(|at| report.nodes.get(at));
    report.edges.iter().map(|edge| Some(Ends { edge, from: row(&edge.from)?, to: row(&edge.to)? })).collect()
}

impl Test {
    fn flag(&self) -> &'static str {
        match self {
            Test::Labels(_) => "-l",
            Test::From(_) => "--from",
            Test::To(_) => "--to",
            Test::Port(_) => "--port",
            Test::Verdict(_) => "--verdict",
            Test::Time(_, None) => "--since",
            Test::Time(None, _) => "--until",
            Test::Time(..) => "--since with --until",
        }
    }

    fn admits(&self, Ends { edge, from, to }: Ends<'_>, report: &GraphReport) -> bool {
        match self {
            Test::Labels(selector) => [from, to].iter().any(|node| has_labels(selector, node)),
            Test::From(wanted) => wanted.iter().any(|end| end.matches(from)),
            Test::To(wanted) => wanted.iter().any(|end| end.matches(to)),
            Test::Port(wanted) => wanted.iter().any(|pattern| pattern.matches(edge.protocol, edge.port)),
            Test::Verdict(wanted) => wanted.iter().any(|shown| stands(edge, *shown)),
            Test::Time(since, until) => report.window.is_some_and(|window| {
                let moment =
                    |moment: Option<Moment>, open| moment.map_or(open, |m: Moment| m.in_window(window.end));
                let span =
                    Span { since: moment(*since, Timestamp::MIN), until: moment(*until, Timestamp::MAX) };
                span.has((window.start, window.end), edge.first, edge.last, edge.parts)
            }),
        }
    }
}

/// What is no workload has no labels, and `!app` does not mean the rest of the world.
fn has_labels(selector: &LabelSelector, node: &NodeRow) -> bool {
    (node.id.is_workload() || !node.labels.is_empty()) && selector.matches(&node.labels)
}

/// `denied` means what today's policies deny, whether it got through or was only tried; the others are those of
/// pictures.
fn stands(edge: &EdgeRow, shown: Shown) -> bool {
    let is_denied = [edge.verdict.egress, edge.verdict.ingress].contains(&Some("denied"));
    match (shown, Standing::of(edge)) {
        (Shown::Denied, _) => is_denied,
        (Shown::Allowed, Standing::Allowed)
        | (Shown::Unspecified, Standing::Unspecified)
        | (Shown::Probe, Standing::Probe)
        | (Shown::Attempted, Standing::Attempted) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{edge, graph, node};
    use super::*;

    fn shop() -> GraphReport {
        let nodes = vec![
            node("shop/Deployment/web", &[("app", "web")]),
            node("shop/Deployment/api", &[("app", "api"), ("tier", "back")]),
            node("data/StatefulSet/db", &[("app", "db")]),
        ];
        let mut probe = edge("node/n1 -> shop/Deployment/web 8080/TCP", 3);
        probe.probe = true;
        let mut denied = edge("shop/Deployment/web -> data/StatefulSet/db 5432/TCP", 0);
        denied.verdict.ingress = Some("denied");
        let mut late = edge("shop/Deployment/api -> external/203.0.113.9/32 443/TCP", 1);
        (late.first, late.last) = (Timestamp::from_secs(90, 0), Timestamp::from_secs(95, 0));
        let edges = vec![
            edge("shop/Deployment/web -> shop/Deployment/api 9090/TCP", 5),
            edge("shop/Deployment/api -> data/StatefulSet/db 5432/TCP", 5),
            denied,
            late,
            probe,
        ];
        graph(nodes, edges)
    }

    fn left(change: impl Fn(&mut ViewArgs)) -> (Vec<String>, Vec<String>) {
        let mut args = ViewArgs::default();
        change(&mut args);
        let report = shop();
        let kept = Filter::new(&args).unwrap().keep(&report);
        let edges = report.edges.iter().zip(&kept.edges).filter(|(_, is_kept)| **is_kept);
        (edges.map(|(edge, _)| edge.key().to_string()).collect(), kept.notes)
    }

    fn ends(text: &str) -> Vec<EndPattern> {
        vec![text.parse().unwrap()]
    }

    const WEB_API: &str = "shop/Deployment/web -> shop/Deployment/api 9090/TCP";
    const API_DB: &str = "shop/Deployment/api -> data/StatefulSet/db 5432/TCP";
    const API_OUT: &str = "shop/Deployment/api -> external/203.0.113.9/32 443/TCP";
    const WEB_DB: &str = "shop/Deployment/web -> data/StatefulSet/db 5432/TCP";
    const PROBE: &str = "node/n1 -> shop/Deployment/web 8080/TCP";

    #[test]
    fn each_filter_leaves_what_it_names() {
        assert_eq!(left(|_| {}).0.len(), 5);
        assert_eq!(left(|args| args.selector = Some("tier=back".into())).0, [API_DB, API_OUT, WEB_API]);
        assert_eq!(left(|args| args.from = ends("api")).0, [API_DB, API_OUT]);
        assert_eq!(left(|args| args.to = ends("external")).0, [API_OUT]);
        assert_eq!(left(|args| args.port = vec!["5432".parse().unwrap()]).0, [API_DB, WEB_DB]);
        assert_eq!(left(|args| args.since = Some("20s".parse().unwrap())).0, [API_OUT]);
        assert_eq!(left(|args| args.until = Some("80s".parse().unwrap())).0.len(), 4);
        assert_eq!(
            left(|args| (args.from, args.port) = (ends("shop/*"), vec!["443".parse().unwrap()])).0,
            [API_OUT],
            "all of them have to pass"
        );
    }

    #[test]
    fn a_standing_is_that_of_pictures_and_denied_means_tried_too() {
        let of = |shown| left(|args: &mut ViewArgs| args.verdict = vec![shown]).0;
        assert_eq!(of(Shown::Denied), [WEB_DB]);
        assert_eq!(of(Shown::Attempted), [WEB_DB]);
        assert_eq!(of(Shown::Probe), [PROBE]);
        assert_eq!(of(Shown::Allowed).len(), 3);
        assert!(of(Shown::Unspecified).is_empty() && of(Shown::Unused).is_empty());
    }

    #[test]
    fn hops_go_along_edges_both_ways() {
        let around =
            |hops| left(|args: &mut ViewArgs| (args.around, args.hops) = (ends("node/n1"), Some(hops))).0;
        assert_eq!(around(1), [PROBE]);
        assert_eq!(around(2), [WEB_DB, WEB_API, PROBE]);
        assert_eq!(around(3).len(), 5);
    }

    #[test]
    fn what_matches_nothing_says_so_with_close_names() {
        let (edges, notes) = left(|args| args.from = ends("shop/wbe"));
        assert!(edges.is_empty());
        assert!(
            notes[0].contains("--from \"shop/wbe\"") && notes[0].contains("nearest: shop/web"),
            "{notes:?}"
        );
        assert_eq!(notes[1], "the filters leave no edge of 5: --from alone leaves 0");
        assert!(left(|args| args.from = ends("api")).1.is_empty());
        let namespaces = ["shop".to_owned(), "dta".to_owned()];
        let notes = unknown_namespaces(&shop(), &namespaces);
        assert_eq!(notes, ["-n \"dta\": nothing of this graph is in that namespace; nearest: data"]);
    }
}
