//! Blocks of addresses in languages that have no `except`.

use ipnet::IpNet;

/// The blocks that make up `cidr` without `except`, ascending: exactly, and as few as that takes.
pub(super) fn without(cidr: IpNet, except: &[IpNet]) -> Vec<IpNet> {
    if except.iter().any(|part| part.contains(&cidr)) {
        return Vec::new();
    }
    let inside: Vec<IpNet> = except.iter().filter(|part| cidr.contains(*part)).copied().collect();
    if inside.is_empty() {
        return vec![cidr];
    }
    // Something inside is smaller than the block, so that it has halves.
    let halves = cidr.subnets(cidr.prefix_len() + 1).into_iter().flatten();
    halves.flat_map(|half| without(half, &inside)).collect()
}

/// How many addresses a block has; the whole of IPv6 has one more than fits, which nobody counts.
pub(super) fn size(block: &IpNet) -> u128 {
    let bits = u32::from(block.max_prefix_len() - block.prefix_len());
    1_u128.checked_shl(bits).unwrap_or(u128::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn net(text: &str) -> IpNet {
        text.parse().unwrap()
    }

    fn left(cidr: &str, except: &[&str]) -> Vec<String> {
        let except: Vec<IpNet> = except.iter().map(|text| net(text)).collect();
        without(net(cidr), &except).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_is_left_of_a_block_is_exact() {
        assert_eq!(left("10.0.0.0/8", &[]), ["10.0.0.0/8"]);
        assert_eq!(left("10.0.0.0/30", &["10.0.0.1/32"]), ["10.0.0.0/32", "10.0.0.2/31"]);
        assert_eq!(left("10.0.0.0/30", &["10.0.0.0/31", "10.0.0.2/31"]), [""; 0]);
        assert_eq!(left("10.0.0.0/8", &["10.0.0.0/8"]), [""; 0]);
        assert_eq!(left("10.0.0.0/8", &["192.168.0.0/16"]), ["10.0.0.0/8"], "elsewhere");
        assert_eq!(left("2001:db8::/127", &["2001:db8::1/128"]), ["2001:db8::/128"]);
    }

    #[test]
    fn a_hole_in_everything_takes_one_block_a_bit() {
        let all = left("0.0.0.0/0", &["10.244.0.0/16"]);
        assert_eq!(all.len(), 16);
        assert_eq!(left("::/0", &["fd00::/8"]).len(), 8);
        assert!(!all.contains(&"10.244.0.0/16".to_owned()));
    }

    #[test]
    fn sizes_of_blocks() {
        assert_eq!(size(&net("10.0.0.0/30")), 4);
        assert_eq!(size(&net("10.0.0.1/32")), 1);
        assert_eq!(size(&net("::/0")), u128::MAX);
    }
}
