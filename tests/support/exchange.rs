//! Connections of a size and a length, and questions for names.

use std::net::{Ipv4Addr, SocketAddr};

use super::cluster::Wire;
use super::packet::{self, ACK, FIN, PSH, SYN};

/// What a capture with a short snapshot length keeps of a frame.
const SNAPLEN: usize = 96;
/// As large as segments are on a virtual interface.
const SEGMENT: usize = 60_000;

impl Wire {
    /// A whole TCP connection in which the client sends and receives so many octets within so many seconds.
    pub fn exchange(&mut self, client: SocketAddr, server: SocketAddr, octets: [u32; 2], seconds: i64) {
        let (mine, theirs) = self.sequences();
        self.frame(packet::tcp(client, server, SYN, mine, 0, b""));
        self.frame(packet::tcp(server, client, SYN | ACK, theirs, mine + 1, b""));
        self.frame(packet::tcp(client, server, ACK, mine + 1, theirs + 1, b""));
        let (mut mine, mut theirs) = (mine + 1, theirs + 1);
        let steps = u32::try_from(seconds / 30).unwrap().clamp(1, 200);
        for step in 0..steps {
            let begin = self.now;
            let share = |all: u32| (all / steps + u32::from(step < all % steps)) as usize;
            mine = self.segments([client, server], [mine, theirs], share(octets[0]));
            theirs = self.segments([server, client], [theirs, mine], share(octets[1]));
            self.now = self.now.max(begin + seconds * 1_000_000_000 / i64::from(steps));
        }
        self.frame(packet::tcp(client, server, FIN | ACK, mine, theirs, b""));
        self.frame(packet::tcp(server, client, FIN | ACK, theirs, mine.wrapping_add(1), b""));
        self.frame(packet::tcp(client, server, ACK, mine.wrapping_add(1), theirs.wrapping_add(1), b""));
    }

    /// Sends so many octets, and tells the sequence number that follows.
    fn segments(
        &mut self,
        [from, to]: [SocketAddr; 2],
        [mut sequence, acknowledged]: [u32; 2],
        octets: usize,
    ) -> u32 {
        for n in 0..octets.div_ceil(SEGMENT) {
            let data = vec![b'x'; SEGMENT.min(octets - n * SEGMENT)];
            let mut bytes = packet::tcp(from, to, PSH | ACK, sequence, acknowledged, &data);
            let wire_octets = bytes.len();
            bytes.truncate(SNAPLEN);
            self.frame(bytes);
            if let Some(frame) = self.frames.last_mut() {
                frame.wire_octets = wire_octets;
            }
            sequence = sequence.wrapping_add(u32::try_from(data.len()).unwrap());
        }
        sequence
    }

    /// A question for a name (RFC 1035 §4) of a record type, and its answer: an address, or that there is none.
    pub fn question(
        &mut self,
        client: SocketAddr,
        server: SocketAddr,
        name: &[u8],
        kind: u16,
        answer: Option<Ipv4Addr>,
    ) {
        let mut message = vec![0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        for label in name.split(|octet| *octet == b'.') {
            message.push(u8::try_from(label.len()).unwrap());
            message.extend(label);
        }
        message.extend([0]);
        message.extend(kind.to_be_bytes());
        message.extend([0, 1]);
        self.frame(packet::udp(client, server, &message));
        (message[2], message[3]) = (0x81, if answer.is_some() { 0x80 } else { 0x83 });
        if let Some(address) = answer {
            message[7] = 1;
            message.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 30, 0, 4]);
            message.extend(address.octets());
        }
        self.frame(packet::udp(server, client, &message));
    }
}
