//! Writers of capture files, in every shape.

/// A packet of a file: nanoseconds since the epoch, octets.
pub type Timed = (u64, Vec<u8>);

/// How numbers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Big,
    Little,
}

impl Order {
    pub fn long(self, n: u32) -> [u8; 4] {
        if self == Order::Big { n.to_be_bytes() } else { n.to_le_bytes() }
    }

    pub fn word(self, n: u16) -> [u8; 2] {
        if self == Order::Big { n.to_be_bytes() } else { n.to_le_bytes() }
    }
}

pub fn size(n: usize) -> u32 {
    u32::try_from(n).expect("a short file")
}

fn low(n: u64) -> u32 {
    u32::try_from(n & 0xffff_ffff).expect("32 bits")
}

/// A pcap with a magic number.
pub fn pcap(order: Order, magic: u32, link_type: u32, packets: &[Timed]) -> Vec<u8> {
    let mut file = Vec::new();
    file.extend(order.long(magic));
    file.extend(order.word(2));
    file.extend(order.word(4));
    for n in [0, 0, 65_535, link_type] {
        file.extend(order.long(n));
    }
    let unit = if magic == 0xa1b2_3c4d { 1 } else { 1_000 };
    for (nanos, packet) in packets {
        let secs = low(nanos / 1_000_000_000);
        let fraction = low(nanos % 1_000_000_000 / unit);
        for n in [secs, fraction, size(packet.len()), size(packet.len())] {
            file.extend(order.long(n));
        }
        if magic == 0xa1b2_cd34 {
            file.extend([0; 8]);
        }
        file.extend(packet);
    }
    file
}

/// A little-endian microsecond pcap of Ethernet frames.
pub fn plain(packets: &[Timed]) -> Vec<u8> {
    pcap(Order::Little, 0xa1b2_c3d4, 1, packets)
}

pub fn block(order: Order, kind: u32, body: &[u8]) -> Vec<u8> {
    let length = order.long(size(body.len().next_multiple_of(4) + 12));
    let mut block = order.long(kind).to_vec();
    block.extend(length);
    block.extend(body);
    block.resize(block.len().next_multiple_of(4), 0);
    block.extend(length);
    block
}

pub fn section(order: Order) -> Vec<u8> {
    let mut body = order.long(0x1a2b_3c4d).to_vec();
    body.extend(order.word(1));
    body.extend(order.word(0));
    body.extend([0xff; 8]);
    block(order, 0x0a0d_0d0a, &body)
}

/// An interface description with options: (code, value).
pub fn described(order: Order, link_type: u16, snaplen: u32, options: &[(u16, &[u8])]) -> Vec<u8> {
    let mut body = order.word(link_type).to_vec();
    body.extend([0, 0]);
    body.extend(order.long(snaplen));
    for (code, value) in options {
        body.extend(order.word(*code));
        body.extend(order.word(u16::try_from(value.len()).expect("a short option")));
        body.extend(*value);
        body.resize(body.len().next_multiple_of(4), 0);
    }
    block(order, 1, &body)
}

/// An enhanced packet; `count` in units of the interface.
pub fn enhanced(order: Order, interface: u32, count: u64, packet: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    for n in [interface, low(count >> 32), low(count), size(packet.len()), size(packet.len())] {
        body.extend(order.long(n));
    }
    body.extend(packet);
    block(order, 6, &body)
}

/// A pcapng of one section and interface, microseconds.
pub fn pcapng(order: Order, packets: &[Timed]) -> Vec<u8> {
    let mut file = section(order);
    file.extend(described(order, 1, 0, &[]));
    for (nanos, packet) in packets {
        file.extend(enhanced(order, 0, nanos / 1_000, packet));
    }
    file
}
