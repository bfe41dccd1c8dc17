//! Captures in memory into flow records: `cargo bench -p flowfence-capture`.

#![allow(missing_docs, reason = "criterion's macros make undocumented functions")]

mod generator;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use flowfence_capture::{Limits, Recorder, read_capture};
use generator::Plan;

fn read(capture: &[u8]) -> usize {
    let mut recorder = Recorder::new(Limits::default());
    read_capture(capture, "bench", &mut recorder, &mut |_| {}).expect("a generated capture");
    recorder.finish().records.len()
}

fn reading(c: &mut Criterion) {
    let base = Plan { packets: 200_000, ..Plan::default() };
    let plans = [
        ("ipv4", base.clone()),
        ("ipv6", Plan { ipv6: true, ..base.clone() }),
        ("vxlan", Plan { vxlan: true, snaplen: 128, ..base.clone() }),
        ("many flows", Plan { flows: 50_000, ..base }),
    ];
    let mut group = c.benchmark_group("pcap to flow records");
    group.sample_size(20);
    for (name, plan) in plans {
        let mut capture = Vec::new();
        let truth = plan.write(&mut capture).expect("memory");
        assert_eq!(read(&capture) as u64, truth.flows, "{name}");
        group.throughput(Throughput::Elements(truth.packets));
        group.bench_function(name, |b| b.iter(|| read(&capture)));
    }
    group.finish();
}

criterion_group!(benches, reading);
criterion_main!(benches);
