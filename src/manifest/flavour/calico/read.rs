//! A Calico policy of those that are written, translated into the rules of v1.

use flowfence_model::label::NAMESPACE_NAME;
use flowfence_model::{
    LabelSelector, NetworkPolicy, PeerSelector, PolicyPeer, PolicyPort, PolicyRule, PortName, PortRange,
    Requirement,
};

use super::{NAME, ORCHESTRATOR, selector};
use crate::manifest::flavour::{Rules, read};
use crate::manifest::kind::{network_policy, strict};
use crate::manifest::refusal::Refusal;
use crate::manifest::tree::{Field, NumberOrText};

pub(super) fn policy(root: &Field<'_>) -> Result<Rules, Refusal> {
    root.only(&["apiVersion", "kind", "metadata", "spec"])?;
    let spec = root.get("spec");
    spec.only(&["order", "selector", "types", "ingress", "egress"])?;
    let types = spec.get("types");
    let mut isolates = [false; 2];
    for entry in types.list()? {
        match entry.text()? {
            Some("Egress") => isolates[0] = true,
            Some("Ingress") => isolates[1] = true,
            other => return Err(entry.refuse(format!("{other:?} is neither \"Ingress\" nor \"Egress\""))),
        }
    }
    // Absent types are guessed from the rules; what is guessed is not proved.
    if isolates == [false; 2] {
        return Err(types.refuse("must name a direction"));
    }
    let lists = [("egress", "destination"), ("ingress", "source")].map(|(list, peer)| {
        let rules = spec.get(list).list()?;
        rules
            .iter()
            .map(|entry| rule(entry, peer))
            .filter_map(Result::transpose)
            .collect::<Result<Vec<_>, _>>()
    });
    let [egress, ingress] = lists;
    Ok(Rules::Policy(NetworkPolicy {
        namespace: strict::required(&root.get("metadata").get("namespace"))?,
        name: strict::name(root)?,
        pod_selector: selected(&spec.get("selector"))?,
        ingress: isolates[1].then_some(ingress?),
        egress: isolates[0].then_some(egress?),
    }))
}

/// A rule; nothing for one that matches no address.
fn rule(field: &Field<'_>, peer: &str) -> Result<Option<PolicyRule>, Refusal> {
    field.only(&["action", "protocol", "source", "destination"])?;
    read::is(&field.get("action"), "Allow")?;
    let destination = field.get("destination");
    let (own, other) = (field.get(peer), if peer == "source" { &destination } else { &field.get("source") });
    let known: &[&str] = &["selector", "namespaceSelector", "nets", "notNets"];
    if peer == "source" {
        own.only(known)?;
        other.only(&["ports"])?;
    } else {
        own.only(&[known, &["ports"]].concat())?;
        other.only(&[])?;
    }
    let peers = peers(&own)?;
    let ports = ports(&field.get("protocol"), &destination.get("ports"))?;
    Ok(peers.map(|peers| PolicyRule { peers, ports }))
}

/// The peers; empty for any, nothing for none.
fn peers(field: &Field<'_>) -> Result<Option<Vec<PolicyPeer>>, Refusal> {
    let (pods, namespaces) = (field.get("selector"), field.get("namespaceSelector"));
    let (nets, not_nets) = (field.get("nets"), field.get("notNets"));
    if pods.is_present() || namespaces.is_present() {
        if nets.is_present() || not_nets.is_present() {
            return Err(field.refuse("selectors and nets in one rule are not written"));
        }
        let mut pods = selected(&pods)?;
        // It tells pods from other things with labels, and every pod has it.
        if pods.match_labels.get(ORCHESTRATOR.0).is_some_and(|value| value == ORCHESTRATOR.1) {
            pods.match_labels.remove(ORCHESTRATOR.0);
        }
        let namespaces = namespaces.is_present().then(|| selected(&namespaces)).transpose()?;
        let selector = PeerSelector { namespaces: namespaces.map(by_name), pods: Some(pods) };
        return Ok(Some(vec![PolicyPeer::Pods(selector)]));
    }
    if !nets.is_present() {
        return if not_nets.is_present() {
            Err(not_nets.refuse("notNets without nets is not written"))
        } else {
            Ok(Some(Vec::new()))
        };
    }
    let except = not_nets.list()?.iter().map(strict::cidr).collect::<Result<Vec<_>, _>>()?;
    let mut blocks = Vec::new();
    for entry in nets.list()? {
        let cidr = strict::cidr(&entry)?;
        let except: Vec<_> =
            except.iter().filter(|part| part.contains(&cidr) || cidr.contains(*part)).copied().collect();
        if !except.iter().any(|part| part.contains(&cidr)) {
            blocks.push(PolicyPeer::Block { cidr, except });
        }
    }
    Ok((!blocks.is_empty()).then_some(blocks))
}

fn ports(protocol: &Field<'_>, list: &Field<'_>) -> Result<Vec<PolicyPort>, Refusal> {
    if !protocol.is_present() {
        return if list.is_present() { Err(list.refuse("ports need a protocol")) } else { Ok(Vec::new()) };
    }
    let protocol = strict::protocol(protocol)?;
    let entries = list.list()?;
    if entries.is_empty() {
        return Ok(vec![PolicyPort { protocol, port: None }]);
    }
    let port = |entry: &Field<'_>| Ok(PolicyPort { protocol, port: Some(port(entry)?) });
    entries.iter().map(port).collect()
}

/// A number, `FIRST:LAST`, or a name.
fn port(field: &Field<'_>) -> Result<PortName, Refusal> {
    match field.number_or_text()? {
        Some(NumberOrText::Number(number)) => {
            strict::port(field, number).map(|port| PortName::Range(PortRange::single(port)))
        }
        Some(NumberOrText::Text(text)) => match text.split_once(':') {
            Some((first, last)) => {
                let bound =
                    |text: &str| text.parse::<u16>().map_err(|_| field.refuse("not a range of ports"));
                let (first, last) = (bound(first)?, bound(last)?);
                if first > last {
                    return Err(field.refuse("the range ends before it begins"));
                }
                Ok(PortName::Range(PortRange { first, last }))
            }
            None => network_policy::port_name(field, text).map(PortName::Name),
        },
        None => Err(field.refuse("required")),
    }
}

/// An absent selector selects everything.
fn selected(field: &Field<'_>) -> Result<LabelSelector, Refusal> {
    field.text()?.map_or(Ok(LabelSelector::everything()), |text| {
        selector::parse(text).map_err(|reason| field.refuse(reason))
    })
}

/// Calico's label for the name of a namespace is that of Kubernetes.
fn by_name(selector: LabelSelector) -> LabelSelector {
    let key = |key: String| if key == NAME { NAMESPACE_NAME.to_owned() } else { key };
    let requirement = |requirement| match requirement {
        Requirement::In(name, values) => Requirement::In(key(name), values),
        Requirement::NotIn(name, values) => Requirement::NotIn(key(name), values),
        Requirement::Exists(name) => Requirement::Exists(key(name)),
        Requirement::DoesNotExist(name) => Requirement::DoesNotExist(key(name)),
    };
    LabelSelector {
        match_labels: selector.match_labels.into_iter().map(|(name, value)| (key(name), value)).collect(),
        match_expressions: selector.match_expressions.into_iter().map(requirement).collect(),
    }
}
