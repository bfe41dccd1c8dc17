//! A seeded generator of captures with a known answer.
//!
//! Pods talk to services: a third of the flows are a datagram and its answer, the others TCP with
//! handshake, data both ways and a close. A window of flows is alive at once and a random one of
//! them sends next, so that directions, sizes and table look-ups are as unpredictable as in life.
//! Time spans 30 s: no idle time splits a flow.

use std::io::{self, Write};

/// What to write.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Packets, about.
    pub packets: u64,
    /// Flows, exactly.
    pub flows: u64,
    /// Octets of a packet that are kept.
    pub snaplen: usize,
    /// Different seeds give different captures.
    pub seed: u64,
    /// IPv6 pods.
    pub ipv6: bool,
    /// Each frame in VXLAN between nodes.
    pub vxlan: bool,
}

impl Default for Plan {
    fn default() -> Self {
        Plan { packets: 2_000_000, flows: 10_000, snaplen: 96, seed: 1, ipv6: false, vxlan: false }
    }
}

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Truth {
    /// Packets.
    pub packets: u64,
    /// Flows.
    pub flows: u64,
    /// UDP flows among them.
    pub udp_flows: u64,
    /// Octets of the innermost IP packets.
    pub ip_octets: u64,
}

/// Flows that are alive at once.
const WINDOW: usize = 20_000;
const PORTS: [u16; 8] = [80, 443, 8080, 5432, 6379, 9090, 3306, 9200];

struct Random(u64);

impl Random {
    /// `SplitMix64`.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

struct Flow {
    pods: [u32; 2],
    ports: [u16; 2],
    is_udp: bool,
    left: u64,
    sent: u64,
    seq: [u32; 2],
}

struct Sent {
    back: bool,
    flags: u8,
    payload: usize,
}

impl Flow {
    /// Flow `i` has a client port and pod of its own.
    fn begin(i: u64, mean: u64, random: &mut Random) -> Self {
        let is_udp = random.below(3) == 0;
        let client = low(i % 5_000);
        let server = 5_000 + low(random.below(400));
        let port = if is_udp { 53 } else { PORTS[usize::try_from(random.below(8)).unwrap_or(0)] };
        let left = if is_udp { 2 } else { 7 + random.below(2 * mean.saturating_sub(7) + 1) };
        Flow {
            pods: [client, server],
            ports: [32_768 + u16::try_from(i / 5_000 % 32_768).unwrap_or(0), port],
            is_udp,
            left,
            sent: 0,
            seq: [low(random.next()), low(random.next())],
        }
    }

    fn next(&mut self, random: &mut Random) -> Sent {
        let (n, left) = (self.sent, self.left - 1);
        self.sent += 1;
        self.left = left;
        let step = |back, flags, payload| Sent { back, flags, payload };
        if self.is_udp {
            return step(n == 1, 0, 40);
        }
        match (n, left) {
            (0, _) => step(false, 0x02, 0),
            (1, _) => step(true, 0x12, 0),
            (2, _) | (_, 0) => step(false, 0x10, 0),
            (_, 2) => step(false, 0x11, 0),
            (_, 1) => step(true, 0x11, 0),
            _ => {
                let size = [0, 0, 300, 1400][usize::try_from(random.below(4)).unwrap_or(0)];
                step(random.below(5) < 3, 0x18, size)
            }
        }
    }
}

fn low(n: u64) -> u32 {
    u32::try_from(n & 0xffff_ffff).unwrap_or(0)
}

fn short(n: usize) -> [u8; 2] {
    u16::try_from(n).unwrap_or(u16::MAX).to_be_bytes()
}

impl Plan {
    /// Writes a pcap.
    pub fn write(&self, out: &mut impl Write) -> io::Result<Truth> {
        let snaplen = u32::try_from(self.snaplen).unwrap_or(u32::MAX);
        for field in [0xa1b2_c3d4, 0x0004_0002, 0, 0, snaplen, 1] {
            out.write_all(&field.to_le_bytes())?;
        }
        let mut random = Random(self.seed);
        let mean = (3 * self.packets / self.flows).saturating_sub(2) / 2;
        let step = 30_000_000_000 / self.packets.max(1);
        let (mut alive, mut truth) = (Vec::new(), Truth::default());
        let mut frame = Vec::new();
        loop {
            while alive.len() < WINDOW && truth.flows < self.flows {
                let flow = Flow::begin(truth.flows, mean, &mut random);
                truth.flows += 1;
                truth.udp_flows += u64::from(flow.is_udp);
                alive.push(flow);
            }
            if alive.is_empty() {
                return Ok(truth);
            }
            let i = usize::try_from(random.below(alive.len() as u64)).unwrap_or(0);
            let flow = &mut alive[i];
            let sent = flow.next(&mut random);
            let octets = self.frame(&mut frame, flow, &sent);
            let nanos = truth.packets * step;
            let captured = frame.len().min(self.snaplen);
            let secs = 1_790_000_000 + low(nanos / 1_000_000_000);
            let lengths = [captured, frame.len()].map(|n| u32::try_from(n).unwrap_or(u32::MAX));
            for field in [secs, low(nanos % 1_000_000_000 / 1_000), lengths[0], lengths[1]] {
                out.write_all(&field.to_le_bytes())?;
            }
            out.write_all(&frame[..captured])?;
            truth.packets += 1;
            truth.ip_octets += octets;
            if flow.left == 0 {
                alive.swap_remove(i);
            }
        }
    }

    /// Fills `frame`; returns the octets of its innermost IP packet.
    fn frame(&self, frame: &mut Vec<u8>, flow: &mut Flow, sent: &Sent) -> u64 {
        frame.clear();
        let (from, to) = if sent.back { (1, 0) } else { (0, 1) };
        let header = if flow.is_udp { 8 } else { 20 };
        let ip = if self.ipv6 { 40 } else { 20 } + header + sent.payload;
        if self.vxlan {
            let nodes = [flow.pods[from] / 110, flow.pods[to] / 110];
            ethernet(frame, false);
            ip_header(frame, [nodes[0] | 0xac12_0000, nodes[1] | 0xac12_0000], 17, 50 + ip, false);
            frame.extend([0xc0, 0x00, 0x12, 0xb5]);
            frame.extend(short(30 + ip));
            frame.extend([0, 0, 8, 0, 0, 0, 0, 0, 1, 0]);
        }
        ethernet(frame, self.ipv6);
        let pods = [flow.pods[from], flow.pods[to]].map(|pod| 0x0af4_0000 + pod);
        ip_header(frame, pods, if flow.is_udp { 17 } else { 6 }, ip, self.ipv6);
        frame.extend(flow.ports[from].to_be_bytes());
        frame.extend(flow.ports[to].to_be_bytes());
        if flow.is_udp {
            frame.extend(short(8 + sent.payload));
            frame.extend([0, 0]);
        } else {
            let ack = if sent.flags == 0x02 { 0 } else { flow.seq[to] };
            frame.extend(flow.seq[from].to_be_bytes());
            frame.extend(ack.to_be_bytes());
            frame.extend([0x50, sent.flags, 2, 0, 0, 0, 0, 0]);
            let length = u32::try_from(sent.payload).unwrap_or(0) + u32::from(sent.flags & 3 != 0);
            flow.seq[from] = flow.seq[from].wrapping_add(length);
        }
        frame.resize(frame.len() + sent.payload, 0x55);
        ip as u64
    }
}

fn ethernet(frame: &mut Vec<u8>, is_v6: bool) {
    frame.extend([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1]);
    frame.extend(if is_v6 { [0x86, 0xdd] } else { [0x08, 0x00] });
}

fn ip_header(frame: &mut Vec<u8>, ends: [u32; 2], protocol: u8, length: usize, is_v6: bool) {
    if is_v6 {
        frame.extend([0x60, 0, 0, 0]);
        frame.extend(short(length - 40));
        frame.extend([protocol, 64]);
        for end in ends {
            frame.extend([0xfd, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
            frame.extend(end.to_be_bytes());
        }
    } else {
        frame.extend([0x45, 0]);
        frame.extend(short(length));
        frame.extend([0, 1, 0x40, 0, 64, protocol, 0, 0]);
        for end in ends {
            frame.extend(end.to_be_bytes());
        }
    }
}
