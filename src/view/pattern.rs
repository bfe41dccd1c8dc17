//! Ends of edges as people name them.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use flowfence_model::NodeId;
use glob::{MatchOptions, Pattern};
use ipnet::IpNet;

use crate::output::graph::NodeRow;

/// What a person wrote for one end or several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndPattern {
    text: String,
    meant: Meant,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Meant {
    /// Everything outside of the cluster.
    Outside,
    /// Everything of a namespace.
    Namespace(Pattern),
    /// Addresses outside, or whose holder is not known.
    Block(IpNet),
    /// One of the names that a node goes by.
    Name(Pattern),
}

/// A `*` stands for characters of one part of a name, and whoever writes `shop/*` means every workload there.
const OPTIONS: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: false,
};

impl EndPattern {
    /// Whether a node is meant. It goes by its id, `NAMESPACE/NAME`, its name and its DNS names.
    pub fn matches(&self, node: &NodeRow) -> bool {
        match &self.meant {
            Meant::Outside => matches!(node.id, NodeId::External(_)),
            Meant::Namespace(name) => node.namespace.as_deref().is_some_and(|ns| is_like(name, ns)),
            Meant::Block(block) => match node.id {
                NodeId::External(ip) | NodeId::Unknown(ip) => block.contains(&ip),
                _ => false,
            },
            Meant::Name(name) => names(node).any(|known| is_like(name, &known)),
        }
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }
}

fn is_like(pattern: &Pattern, text: &str) -> bool {
    pattern.matches_with(text, OPTIONS)
}

/// What a node may be called.
pub(super) fn names(node: &NodeRow) -> impl Iterator<Item = String> + '_ {
    let short = node.namespace.as_ref().map(|namespace| format!("{namespace}/{}", node.name));
    std::iter::once(node.id.to_string())
        .chain(short)
        .chain(std::iter::once(node.name.clone()))
        .chain(node.fqdns.iter().cloned())
}

impl FromStr for EndPattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let glob =
            |text: &str| Pattern::new(text).map_err(|error| format!("{text:?} is no pattern: {error}"));
        let address = text.strip_prefix("external/").unwrap_or(text);
        let meant = if text.is_empty() {
            return Err("expected a name, such as shop/web".to_owned());
        } else if text == "external" {
            Meant::Outside
        } else if let Ok(block) = address.parse::<IpNet>() {
            Meant::Block(block)
        } else if let Ok(ip) = address.parse::<IpAddr>() {
            Meant::Block(ip.into())
        } else if let Some(name) = text.strip_prefix("namespace/") {
            Meant::Namespace(glob(name)?)
        } else {
            Meant::Name(glob(text)?)
        };
        Ok(EndPattern { text: text.to_owned(), meant })
    }
}

impl fmt::Display for EndPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::node;
    use super::*;

    #[test]
    fn an_end_goes_by_its_id_its_short_name_and_patterns() {
        let is = |text: &str, id: &str| text.parse::<EndPattern>().unwrap().matches(&node(id, &[]));
        for text in [
            "shop/Deployment/web",
            "shop/web",
            "web",
            "shop/*",
            "*/web",
            "w?b",
            "*",
            "*/Deployment/*",
            "namespace/sh*",
        ] {
            assert!(is(text, "shop/Deployment/web"), "{text}");
        }
        for text in ["shop", "shop/we", "Web", "data/*", "namespace/web", "external", "10.0.0.0/8"] {
            assert!(!is(text, "shop/Deployment/web"), "{text}");
        }
        assert!(is("node/n1", "node/n1") && is("n1", "node/n1") && is("apiserver", "apiserver"));
    }

    #[test]
    fn addresses_are_found_by_block_and_by_dns_name() {
        let mut outside = node("external/203.0.113.9/32", &[]);
        outside.fqdns = vec!["api.example.com".to_owned()];
        let is = |text: &str| text.parse::<EndPattern>().unwrap().matches(&outside);
        for text in [
            "external",
            "203.0.113.0/24",
            "203.0.113.9",
            "external/203.0.113.9/32",
            "api.example.com",
            "*.example.com",
        ] {
            assert!(is(text), "{text}");
        }
        assert!(!is("198.51.100.0/24") && !is("::/0") && !is("example.com"));
        assert!("10.0.0.0/8".parse::<EndPattern>().unwrap().matches(&node("unknown/10.9.9.9", &[])));
        assert!("[".parse::<EndPattern>().is_err() && "".parse::<EndPattern>().is_err());
    }
}
