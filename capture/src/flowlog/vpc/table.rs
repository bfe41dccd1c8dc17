//! Flow logs as a table in CSV (RFC 4180): what Athena and `CloudWatch` Logs Insights give whoever asks them.

use std::borrow::Cow;

use super::fields::{USED, missing};
use crate::flowlog::entry::Skip;
use crate::flowlog::mapping::csv;

/// The names of the columns, as VPC flow logs call them, when a line is the head of such a table.
pub fn head(line: &[u8]) -> Option<Vec<String>> {
    if !line.contains(&b',') {
        return None;
    }
    let names: Vec<String> = csv(text(line)?)?.iter().map(|name| called(name)).collect();
    missing(|wanted| names.iter().any(|name| name == wanted)).is_none().then_some(names)
}

/// The values of a row.
pub fn values(line: &[u8]) -> Result<Vec<Cow<'_, str>>, Skip> {
    let text = text(line).ok_or(Skip::Bad("not UTF-8"))?;
    csv(text).ok_or(Skip::Bad("a quote is not closed"))
}

fn text(line: &[u8]) -> Option<&str> {
    std::str::from_utf8(line).ok().map(str::trim_ascii_end)
}

/// Athena writes `log_status`, Logs Insights `logStatus` and `srcAddr`.
fn called(name: &str) -> String {
    let bare = |name: &str| -> String {
        name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
    };
    let wanted = bare(name);
    let mut used = USED.iter().filter_map(|used| std::str::from_utf8(used).ok());
    used.find(|used| bare(used) == wanted).unwrap_or(name.trim()).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_told_by_its_columns() {
        let names = head(b"\"srcaddr\",\"dstaddr\",\"protocol\",\"log_status\"\r").unwrap();
        assert_eq!(names, ["srcaddr", "dstaddr", "protocol", "log-status"]);
        let names = head(b"@timestamp,interfaceId,srcAddr,dstAddr,srcPort,dstPort,protocol").unwrap();
        assert_eq!(
            names,
            ["@timestamp", "interface-id", "srcaddr", "dstaddr", "srcport", "dstport", "protocol"]
        );
        for other in ["srcaddr dstaddr protocol", "srcaddr,dstaddr", "10.0.0.1,10.0.0.2,6", "a,\"b", "\u{0}"]
        {
            assert_eq!(head(other.as_bytes()), None, "{other}");
        }
    }
}
