//! Which ends of a survey a person asked for.

use std::collections::BTreeSet;
use std::net::IpAddr;

use flowfence_graph::Inventory;
use flowfence_model::{LabelSelector, Requirement};
use flowfence_policy::reach::{End, EndName, Selection};
use flowfence_policy::semantics::Cluster;

use crate::end;

/// What the command line asks for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// `--from`.
    pub from: &'a [String],
    /// `--to`.
    pub to: &'a [String],
    /// `-n`.
    pub namespaces: &'a [String],
    /// `-l`.
    pub selector: Option<&'a str>,
}

/// The ends that are wanted; an error names what the cluster does not have.
pub fn select(
    wanted: &Wanted<'_>,
    ends: &[End],
    inventory: &Inventory,
    cluster: &Cluster,
) -> Result<Selection, String> {
    let named = |names: &[String]| -> Result<Vec<bool>, String> {
        if names.is_empty() {
            return Ok(vec![true; ends.len()]);
        }
        let mut chosen = vec![false; ends.len()];
        for name in names {
            mark(name, ends, inventory, cluster, &mut chosen)?;
        }
        Ok(chosen)
    };
    let selector = wanted.selector.map(selector).transpose()?;
    let either = ends.iter().map(|end| {
        let in_namespace = wanted.namespaces.is_empty()
            || end.namespace().is_some_and(|namespace| wanted.namespaces.iter().any(|n| n == namespace));
        let has_labels = selector.as_ref().is_none_or(|selector| {
            end.pods.iter().any(|pod| selector.matches(&cluster.pod(*pod).meta.labels))
        });
        in_namespace && has_labels
    });
    Ok(Selection { from: named(wanted.from)?, to: named(wanted.to)?, either: either.collect() })
}

/// Chooses the ends that a name means.
fn mark(
    name: &str,
    ends: &[End],
    inventory: &Inventory,
    cluster: &Cluster,
    chosen: &mut [bool],
) -> Result<(), String> {
    let by_id = |end: &End| {
        end.name.to_string() == name
            || name.strip_prefix("namespace/").is_some_and(|namespace| end.namespace() == Some(namespace))
    };
    let meant: Vec<usize> = (0..ends.len()).filter(|at| by_id(&ends[*at])).collect();
    if !meant.is_empty() {
        for at in meant {
            chosen[at] = true;
        }
        return Ok(());
    }
    if let Some(host) = name.strip_prefix("domain/") {
        chosen[domain(host, ends)?] = true;
        return Ok(());
    }
    for meant in end::ends(name, inventory, cluster)? {
        let is_meant = |end: &&End| match (meant.pod, meant.address) {
            (Some(pod), _) => end.pods.contains(&pod),
            (None, Some(address)) => holds(end, address, cluster),
            (None, None) => false,
        };
        // An address that is a node's is also in some range; nodes come first.
        let place = ends.iter().position(|end| is_meant(&end));
        let place = place.ok_or_else(|| format!("{name:?} is no end that policies could speak of"))?;
        chosen[place] = true;
    }
    Ok(())
}

/// The end of a host's name that no rule has exactly: the narrowest wildcard that means it.
fn domain(host: &str, ends: &[End]) -> Result<usize, String> {
    let named = ends.iter().enumerate().filter_map(|(at, end)| match &end.name {
        EndName::Domain(name) => Some((at, name)),
        _ => None,
    });
    let meaning = named.filter(|(_, name)| name.matches(host));
    let narrowest = meaning.max_by_key(|(_, name)| name.as_str().len());
    narrowest
        .map(|(at, _)| at)
        .ok_or_else(|| format!("no rule of a cluster-wide policy accepts the name {host:?}"))
}

fn holds(end: &End, address: IpAddr, cluster: &Cluster) -> bool {
    match &end.name {
        EndName::Workload(_) | EndName::Pod { .. } | EndName::ApiServer | EndName::Domain(_) => false,
        EndName::Node(name) => {
            let mut nodes = cluster.nodes().iter().filter(|node| node.meta.name == *name);
            nodes.any(|node| node.addresses().any(|ip| ip == address))
        }
        EndName::External { block, except } => {
            block.contains(&address) && !except.iter().any(|inner| inner.contains(&address))
        }
    }
}

/// A label selector as kubectl writes it: `a=b,c!=d,e in (f,g),h notin (i),j,!k`.
pub fn selector(text: &str) -> Result<LabelSelector, String> {
    let mut parts: Vec<String> = vec![String::new()];
    let mut depth = 0usize;
    for c in text.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(last) = parts.last_mut() {
            last.push(c);
        }
    }
    let expressions = parts.iter().map(|part| requirement(part.trim()));
    Ok(LabelSelector {
        match_expressions: expressions.collect::<Result<_, _>>()?,
        ..LabelSelector::default()
    })
}

fn requirement(part: &str) -> Result<Requirement, String> {
    let wrong = || {
        format!(
            "{part:?} is no label requirement; expected one like app=web, app!=web, app in (a,b), app or !app"
        )
    };
    let key = |key: &str| -> Result<String, String> {
        let key = key.trim();
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
        if key.is_empty() || !key.chars().all(is_plain) { Err(wrong()) } else { Ok(key.to_owned()) }
    };
    let one = |value: &str| BTreeSet::from([value.trim().to_owned()]);
    let set = |list: &str| -> Result<BTreeSet<String>, String> {
        let inner =
            list.trim().strip_prefix('(').and_then(|list| list.strip_suffix(')')).ok_or_else(wrong)?;
        Ok(inner.split(',').map(|value| value.trim().to_owned()).collect())
    };
    if let Some((name, value)) = part.split_once("!=") {
        return Ok(Requirement::NotIn(key(name)?, one(value)));
    }
    if let Some((name, value)) = part.split_once("==").or_else(|| part.split_once('=')) {
        return Ok(Requirement::In(key(name)?, one(value)));
    }
    if let Some((name, list)) = part.split_once(" notin ") {
        return Ok(Requirement::NotIn(key(name)?, set(list)?));
    }
    if let Some((name, list)) = part.split_once(" in ") {
        return Ok(Requirement::In(key(name)?, set(list)?));
    }
    match part.strip_prefix('!') {
        Some(name) => Ok(Requirement::DoesNotExist(key(name)?)),
        None => Ok(Requirement::Exists(key(part)?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selector_is_read_as_kubectl_reads_it() {
        let read = selector("app=web, tier!=db,env in (a, b),zone notin (x),team,!old").unwrap();
        let values = |values: &[&str]| values.iter().map(|v| (*v).to_owned()).collect::<BTreeSet<_>>();
        assert_eq!(
            read.match_expressions,
            [
                Requirement::In("app".into(), values(&["web"])),
                Requirement::NotIn("tier".into(), values(&["db"])),
                Requirement::In("env".into(), values(&["a", "b"])),
                Requirement::NotIn("zone".into(), values(&["x"])),
                Requirement::Exists("team".into()),
                Requirement::DoesNotExist("old".into()),
            ]
        );
        for wrong in ["", "=a", "a in b", "a b", "a,,b"] {
            assert!(selector(wrong).is_err(), "{wrong}");
        }
    }
}
