//! What a capture says about a packet before it is opened.

use flowfence_model::Timestamp;

/// A link-layer type: LINKTYPE values (`www.tcpdump.org/linktypes.html`), and the DLT values that
/// old files carry in their place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkType(pub u16);

impl LinkType {
    /// BSD loopback: an address family in the byte order of the host that captured.
    pub const NULL: LinkType = LinkType(0);
    /// Ethernet II and IEEE 802.3.
    pub const ETHERNET: LinkType = LinkType(1);
    /// Raw IP, as some systems wrote `DLT_RAW`.
    pub const RAW_12: LinkType = LinkType(12);
    /// Raw IP, as `OpenBSD` wrote `DLT_RAW`.
    pub const RAW_14: LinkType = LinkType(14);
    /// Raw IP, IPv4 or IPv6 by the version field.
    pub const RAW: LinkType = LinkType(101);
    /// `OpenBSD` loopback: an address family in network byte order.
    pub const LOOP: LinkType = LinkType(108);
    /// Linux cooked capture v1 (`-i any`).
    pub const LINUX_SLL: LinkType = LinkType(113);
    /// Raw IPv4.
    pub const IPV4: LinkType = LinkType(228);
    /// Raw IPv6.
    pub const IPV6: LinkType = LinkType(229);
    /// Linux cooked capture v2 (`-i any`), which tells the interface of each packet.
    pub const LINUX_SLL2: LinkType = LinkType(276);
}

/// The interface that a packet was captured on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its number in the input; 0 where the format knows only one.
    pub number: u32,
    /// How its frames begin.
    pub link_type: LinkType,
    /// Its name, when the input tells it.
    pub name: Option<String>,
}

/// One captured packet.
#[derive(Clone, Copy, Debug)]
pub struct RawPacket<'a> {
    /// When it was captured.
    pub time: Timestamp,
    /// How long it was on the wire, in octets; a value below what was captured is not believed.
    pub original_len: u32,
    /// What was captured of it, link header first.
    pub data: &'a [u8],
}
