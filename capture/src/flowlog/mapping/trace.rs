//! What each policy on the way said, as Calico writes it into its flow logs: `INDEX|TIER|NAME|ACTION|RULE`.
//!
//! NAME is `NAMESPACE/TIER.POLICY`, without the first where the policy has no namespace; those on trial are
//! `NAMESPACE/staged:TIER.POLICY`, Kubernetes' own `NAMESPACE/knp.default.POLICY`. Where no policy selects, the tier is
//! `__PROFILE__`.

use std::borrow::Cow;

use flowfence_model::logged::{LoggedVerdict, NameId};
use serde_json::Value;

use super::Mapping;
use super::row::Row;
use crate::flowlog::Sink;

/// What one policy said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Hit<'a> {
    index: u64,
    namespace: &'a str,
    /// Empty where it is no policy.
    name: &'a str,
    action: Action,
    is_trial: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Denies,
    /// The next tier decides.
    PassesOn,
    Allows,
}

/// What became of it, with the policy that decided, by the verdict of the row and what the policies said.
pub fn decided(
    mapping: &Mapping,
    row: &Row<'_>,
    verdict: LoggedVerdict,
    to: &mut Sink<'_>,
) -> (LoggedVerdict, Option<NameId>) {
    let texts = |fields: &[String]| fields.iter().map(|field| list(row, field)).find(|list| !list.is_empty());
    let (traced, on_trial) = (texts(&mapping.policy_trace), texts(&mapping.trial_trace));
    let (traced, on_trial) = (hits(traced.as_deref()), hits(on_trial.as_deref()));
    let decides = |hit: &&Hit<'_>| hit.action != Action::PassesOn;
    let denies = |hit: &&Hit<'_>| hit.action == Action::Denies;
    match verdict {
        LoggedVerdict::Denied => {
            let last = traced.iter().rev().filter(|hit| !hit.is_trial).find(denies);
            (verdict, last.and_then(|hit| to.fold.name(hit.namespace, hit.name)))
        }
        LoggedVerdict::Allowed => {
            // Of those on trial the first that decides; in a trace of their own, which ends there, the last.
            let among = traced.iter().filter(|hit| hit.is_trial).find(decides).filter(denies);
            match among.or_else(|| on_trial.last().filter(denies)) {
                Some(hit) => (LoggedVerdict::WouldDeny, to.fold.name(hit.namespace, hit.name)),
                None => (verdict, None),
            }
        }
        LoggedVerdict::WouldDeny | LoggedVerdict::Dropped => (verdict, None),
    }
}

/// The texts of a list, or one text.
fn list<'r>(row: &'r Row<'_>, field: &str) -> Vec<Cow<'r, str>> {
    match row.value(field) {
        Some(Value::Array(list)) => list.iter().filter_map(|text| Some(text.as_str()?.into())).collect(),
        _ => row.text(field).into_iter().collect(),
    }
}

/// What the policies said, in the order in which they were asked.
fn hits<'t>(texts: Option<&'t [Cow<'_, str>]>) -> Vec<Hit<'t>> {
    let mut hits: Vec<Hit<'t>> = texts.into_iter().flatten().filter_map(|text| read(text)).collect();
    hits.sort_by_key(|hit| hit.index);
    hits
}

fn read(text: &str) -> Option<Hit<'_>> {
    let mut parts = text.split('|');
    let (index, tier, name, action) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let (namespace, name) = name.split_once('/').unwrap_or(("", name));
    let (is_trial, name) = match name.strip_prefix("staged:") {
        Some(name) => (true, name),
        None => (false, name),
    };
    let bare = name.strip_prefix(tier).and_then(|name| name.strip_prefix('.')).unwrap_or(name);
    let bare = bare.strip_prefix("knp.default.").unwrap_or(bare);
    Some(Hit {
        index: index.trim().parse().ok()?,
        namespace,
        name: if tier == "__PROFILE__" { "" } else { bare },
        action: match action {
            "deny" => Action::Denies,
            "pass" => Action::PassesOn,
            _ => Action::Allows,
        },
        is_trial,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hit_names_its_policy_without_tier_and_mark() {
        let cases = [
            (
                "0|allow-tigera|tigera-system/allow-tigera.access|allow|1",
                ("tigera-system", "access", Action::Allows, false),
            ),
            ("1|default|shop/default.fence|deny|0", ("shop", "fence", Action::Denies, false)),
            ("2|default|shop/knp.default.web|deny|-1", ("shop", "web", Action::Denies, false)),
            ("3|default|shop/staged:default.trial|deny|0", ("shop", "trial", Action::Denies, true)),
            ("4|security|security.everybody|pass|0", ("", "everybody", Action::PassesOn, false)),
            ("5|__PROFILE__|__PROFILE__.kns.shop|allow|0", ("", "", Action::Allows, false)),
        ];
        for (text, (namespace, name, action, is_trial)) in cases {
            let hit = read(text).unwrap();
            assert_eq!(
                (hit.namespace, hit.name, hit.action, hit.is_trial),
                (namespace, name, action, is_trial),
                "{text}"
            );
        }
        assert_eq!((read("x|default|a|deny"), read("0|default|a"), read("")), (None, None, None));
    }
}
