//! The page that says how well it works.

use std::fmt::Write;

use crate::attack::ATTACKS;
use crate::ordinary::BEHAVIOURS;
use crate::score::{RULES, Score};

const HEAD: &str = "\
# How much is found, and how much is found in vain

This page is written by `make detection` (`tests/detection`), from the seeds that it names. Small clusters are made up, of two to four nodes and
of every shape: names, replicas, ports, Deployments, StatefulSets, DaemonSets, CronJobs. Each has two, four or twelve hours of
ordinary traffic, packet by packet. Half of them are left in peace; in each of the others three intruders do what intruders do, each
from a workload that goes on with its ordinary work. `flowfence audit` reads the captures and the objects, and its findings are held
against what really happened. The first seeds run with the other tests, which fail when what is found there is no longer found, or
something is found where nothing was.

**Found** is an injected attack of which the detector that is meant for it has a finding that names the workload. A **false alarm** is a finding
of level `warning` or `error` about a workload that no intruder was in or at, and that is not simply true (a client whose peer is down
does ask in vain). Notes are not counted.
";

const TAIL: &str = "
## What these figures are not

- The towns are made up by those who made the detectors. That a detector finds all that is injected says that it does what it means
  to, not that nobody can pass by it.
- The report that is sent once a day is the false alarm that is left: seen for one day, it is what a theft looks like. A recording of
  two days, or a baseline, knows it. A replica that was elected leader and goes somewhere inside is a note; one that goes outside would be a warning.
- `first-egress` and `new-connection` compare with a baseline: here the first half of the day, written without a look before anybody
  came (`audit --write-baseline`). What is new in the second half is told, as it is meant to be, and a false alarm of these is a workload of which something
  is new and nobody did anything: one that meets new places all day, or a feature that somebody switched on. A longer morning knows more of them.
- `late-egress` and the slow leak to an address without a name are notes: ordinary features look the same.

## What cannot be told apart, and is said instead

What an attacker puts on the wire never becomes a rule where it is no connection by the evidence of both ends
([`tests/poisoning`](../tests/poisoning/main.rs)): openings under a false source, confirmations of what nobody accepted, answers to what
nobody asked, resets. Some lies have the shape of the truth:

- **A whole connection from a broken pod**, to a door that is open, before it is known to scan. Who scans is a suspect, and whatever
  it opens after its first knock is withheld, and so is a door that it went through without a word directly before. Who knocks at fewer than
  ten doors (five, where they are scattered over ports inside the cluster) is none, and what it reaches is a rule like any other.
  Each door that it did not get through is a `refused-attempt` for a person to look at, and each rule names the connections that it rests on.
- **Both halves of a conversation, forged by one who sits on the wire.** A capture says what passed, not who sent it. Networks of pods that
  check source addresses let nobody do so from a pod.
- **A record in a flow log**, by one who can write the log. What packets make a log write of themselves is judged as they are: answers that
  nobody asked for, openings that nobody answers, what one end lets out and the other stops make no rule. A half-open scan in Zeek's
  states (`S1`, `RSTO`) is an attempt by what `history` tells, and a connection where a log lacks that field, as it is at open doors in logs
  whose rows have one direction (netobserv, NetFlow, VPC); and a reply that Hubble marks as one is believed, for Cilium saw the question.
- **Knocks under the address of another**, ten or more (five, scattered over ports inside): they make a suspect of one who did nothing, and what it opens for the
  first time after them is withheld until somebody accepts it. That is told, and closes what should be open; it opens nothing.
- **Datagrams under a false source to a running pod**: syslog and statsd have the same shape, one way. They are shown as
  `established: false`.
- **A pod that carries another's labels** is admitted wherever the other is; policies select by labels alone. Where it was seen, or is among the objects, the
  proof counts what it may reach as excess.
";

/// The whole page.
pub fn render(seeds: &std::ops::Range<u64>, score: &Score) -> String {
    let mut page = HEAD.to_owned();
    writeln!(
        page,
        "\nSeeds {} to {}: {} clusters, {:.0} workload-hours.\n",
        seeds.start,
        seeds.end - 1,
        score.towns,
        score.hours
    )
    .unwrap();
    page.push_str(
        "| detector | injected | found | missed | recall | false alarms | per 1,000 workload-hours |\n",
    );
    page.push_str("| --- | --- | --- | --- | --- | --- | --- |\n");
    for rule in RULES {
        let (count, alarms) = (score.of(rule), score.alarms_of(rule));
        let recall = (count.found * 100).checked_div(count.injected).unwrap_or(0);
        let rate = score.rate_of(rule);
        let (injected, found) = (count.injected, count.found);
        let missed = injected - found;
        writeln!(page, "| `{rule}` | {injected} | {found} | {missed} | {recall} % | {alarms} | {rate:.2} |")
            .unwrap();
    }
    page.push_str(
        "\n## By how it is done\n\n| detector | how | found | why not |\n| --- | --- | --- | --- |\n",
    );
    for attack in ATTACKS {
        let count = score.attacks.get(&(attack.rule, attack.style)).copied().unwrap_or_default();
        let (rule, style, why) = (attack.rule, attack.style, attack.missed.unwrap_or_default());
        writeln!(page, "| `{rule}` | {style} | {} of {} | {why} |", count.found, count.injected).unwrap();
    }
    page.push_str(
        "\n## What is ordinary\n\nIn so many of a hundred clusters:\n\n| what | of 100 |\n| --- | --- |\n",
    );
    for (what, percent, _) in BEHAVIOURS {
        writeln!(page, "| {what} | {percent} |").unwrap();
    }
    page.push_str(TAIL);
    page
}

/// The page without its figures.
pub fn shape(page: &str) -> String {
    let mut shape = String::new();
    for letter in page.chars() {
        let letter = if letter.is_ascii_digit() || letter == '.' { '#' } else { letter };
        if letter != '#' || !shape.ends_with('#') {
            shape.push(letter);
        }
    }
    shape
}
