//! Networks outside that a person gave names to, for `--networks`.
//!
//! ```yaml
//! apiVersion: flowfence.dev/v1
//! kind: Networks
//! networks:
//!   office: [198.51.100.0/24, 2001:db8:7::/48]
//! ```

use std::path::Path;

use flowfence_policy::recommend::Network;

use super::kind::strict;
use super::refusal::Refusal;
use super::snapshot::Problem;
use super::source::Source;
use super::split;
use super::tree::Field;

/// Reads the one document of a file. Refused whole, with line and field, when anything is wrong:
/// a network that is left out would become many single addresses unsaid.
pub fn parse_networks(text: &str, name: &str) -> Result<Vec<Network>, Problem> {
    let problem = |refusal| Problem::refused(name, refusal);
    let documents = split::documents(text);
    let [document] = &documents[..] else {
        let reason = format!("expected one document of kind Networks, found {}", documents.len());
        return Err(problem(Refusal { line: None, field: None, reason }));
    };
    strict::read(&Source::Yaml(*document), networks).map_err(problem)
}

/// Likewise, from a file.
pub fn read_networks(path: &Path) -> anyhow::Result<Vec<Network>> {
    use anyhow::Context as _;
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {name}"))?;
    parse_networks(&text, &name).map_err(|problem| anyhow::anyhow!("{problem}"))
}

fn networks(root: &Field<'_>) -> Result<Vec<Network>, Refusal> {
    root.only(&["apiVersion", "kind", "networks"])?;
    for (key, expected) in [("apiVersion", "flowfence.dev/v1"), ("kind", "Networks")] {
        let field = root.get(key);
        if field.text()? != Some(expected) {
            return Err(field.refuse(format!("expected {expected}")));
        }
    }
    let listed = root.get("networks");
    listed.only_mapping()?;
    let mut all = Vec::new();
    for name in listed.keys() {
        let field = listed.get(name);
        let cidrs = field.list()?.iter().map(strict::cidr).collect::<Result<Vec<_>, Refusal>>()?;
        if cidrs.is_empty() {
            return Err(field.refuse("expected at least one CIDR"));
        }
        all.push(Network { name: name.to_owned(), cidrs });
    }
    if all.is_empty() {
        return Err(listed.refuse("expected names of networks, each with a list of CIDRs"));
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_have_names_and_masked_blocks() {
        let text = "apiVersion: flowfence.dev/v1\nkind: Networks\nnetworks:\n  office: [198.51.100.7/24]\n";
        let networks = parse_networks(text, "n.yaml").unwrap();
        assert_eq!(networks[0].name, "office");
        assert_eq!(networks[0].cidrs[0].to_string(), "198.51.100.0/24");
    }

    #[test]
    fn mistakes_are_told_with_line_and_field() {
        let head = "apiVersion: flowfence.dev/v1\nkind: Networks\n";
        for (text, told) in [
            (
                format!("{head}networks:\n  office: [198.51.100.0/33]\n"),
                "n.yaml:4: networks.office[0]: \"198.51.100.0/33\" is not a CIDR",
            ),
            (format!("{head}networks:\n  office: []\n"), "networks.office: expected at least one CIDR"),
            (format!("{head}nets: {{}}\n"), "nets: "),
            ("kind: Networks\n".to_owned(), "apiVersion: expected flowfence.dev/v1"),
            (String::new(), "expected one document of kind Networks"),
        ] {
            let problem = parse_networks(&text, "n.yaml").unwrap_err().to_string();
            assert!(problem.contains(told), "{problem}");
        }
    }
}
