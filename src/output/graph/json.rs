//! The graph as a `CommunicationGraph` object.

use std::io::{self, Write};

use super::GraphReport;

/// Octets that are written at once.
const AT_ONCE: usize = 1 << 16;

/// Gathers what is written. A large graph is tens of megabytes in pieces of a few octets, most of them of a length that
/// the compiler knows: where it sees through to the memory, a piece is one instruction.
struct Gathered<'a> {
    octets: Vec<u8>,
    out: &'a mut dyn Write,
}

impl Gathered<'_> {
    #[cold]
    fn hand_over(&mut self) -> io::Result<()> {
        let told = self.out.write_all(&self.octets);
        self.octets.clear();
        told
    }
}

impl Write for Gathered<'_> {
    #[inline]
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.write_all(octets)?;
        Ok(octets.len())
    }

    #[inline]
    fn write_all(&mut self, octets: &[u8]) -> io::Result<()> {
        self.octets.extend_from_slice(octets);
        if self.octets.len() >= AT_ONCE { self.hand_over() } else { Ok(()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.hand_over()?;
        self.out.flush()
    }
}

pub(super) fn write(report: &GraphReport, out: &mut dyn Write) -> io::Result<()> {
    let mut out = Gathered { octets: Vec::with_capacity(2 * AT_ONCE), out };
    serde_json::to_writer_pretty(&mut out, report)?;
    out.write_all(b"\n")?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::testing::{edge, graph, node};

    #[test]
    fn a_graph_of_many_blocks_is_written_whole_and_what_cannot_be_written_is_told() {
        let nodes = vec![node("shop/Deployment/web", &[]), node("data/StatefulSet/db", &[])];
        let one = "shop/Deployment/web -> data/StatefulSet/db 5432/TCP";
        let report = graph(nodes, (0..500).map(|n| edge(one, n)).collect());
        let mut told = Vec::new();
        write(&report, &mut told).unwrap();
        let expected = serde_json::to_string_pretty(&report).unwrap() + "\n";
        assert!(told == expected.as_bytes() && told.len() > 3 * AT_ONCE, "{} octets", told.len());

        let mut little = [0; 100];
        let error = write(&report, &mut &mut little[..]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WriteZero);
    }
}
