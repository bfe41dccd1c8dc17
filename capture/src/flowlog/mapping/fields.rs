//! The fields that a mapping names: no other column of a table is read.

use std::iter;

use super::{Condition, EndFields, Mapping, NameFields, Sampling};

impl Mapping {
    /// Every field, each once, in the order in which they are first named.
    pub fn fields(&self) -> Vec<String> {
        let mut all = Vec::new();
        let time = &self.time;
        all.extend(time.first.iter().chain(&time.last).chain(&time.duration));
        end(&self.source, &mut all);
        end(&self.destination, &mut all);
        all.extend(&self.protocol);
        all.extend(self.icmp.iter().flatten().flat_map(|names| &names.0));
        all.extend(self.reply.iter().map(|choice| &choice.field));
        all.extend(self.tcp_flags.iter().chain(&self.plain_flags));
        all.extend(self.handshake.iter().flat_map(|handshake| [&handshake.there, &handshake.back]));
        let counts = &self.counts;
        let numbers = [&counts.packets, &counts.octets, &counts.packets_back, &counts.octets_back];
        all.extend(numbers.into_iter().chain([&counts.connections, &counts.dropped]).flatten());
        all.extend(counts.turned.iter().map(field));
        all.extend(self.verdict.iter().flat_map(|verdicts| &verdicts.field));
        all.extend(self.answer.iter().flat_map(|answers| iter::once(&answers.field).chain(&answers.history)));
        name(self.policy.as_ref(), &mut all);
        name(self.service.as_ref(), &mut all);
        all.extend(self.observer.iter().chain(&self.destination_name));
        all.extend(self.server.port.iter().chain(&self.server.address));
        all.extend(self.policy_trace.iter().chain(&self.trial_trace));
        all.extend(self.sampling.iter().flat_map(|sampling| match sampling {
            Sampling::Always(_) => &[],
            Sampling::OneIn(fields) => fields.0.as_slice(),
        }));
        all.extend(self.skip.iter().chain(&self.only).map(field));
        let mut fields: Vec<String> = Vec::new();
        for field in all {
            if !fields.contains(field) {
                fields.push(field.clone());
            }
        }
        fields
    }
}

fn field(condition: &Condition) -> &String {
    &condition.field
}

fn name<'a>(fields: Option<&'a NameFields>, all: &mut Vec<&'a String>) {
    if let Some(fields) = fields {
        all.extend(&fields.namespace);
        all.push(&fields.name);
    }
}

fn end<'a>(fields: &'a EndFields, all: &mut Vec<&'a String>) {
    all.extend(fields.address.iter().chain(&fields.port).chain(&fields.namespace).chain(&fields.pod));
    all.extend(fields.workload.iter().flatten());
    all.extend([&fields.labels, &fields.node, &fields.outside].into_iter().flatten());
    all.extend([&fields.only_if, &fields.node_if, &fields.outside_if].into_iter().flatten().map(field));
    if let Some(translated) = &fields.translated {
        all.push(&translated.when.field);
        end(&translated.end, all);
        name(translated.service.as_ref(), all);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Texts that stand where a field is asked for: a new key of mappings must be added above.
    #[test]
    fn no_field_of_a_mapping_is_forgotten() {
        let text = r#"
            protocol = "f-protocol"
            icmp = ["f-type", "f-code"]
            reply = { field = "f-reply" }
            tcp_flags = "f-flags"
            plain_flags = "f-plain"
            handshake = { there = "f-there", back = "f-back" }
            verdict = { field = "f-verdict" }
            answer = { field = "f-answer", history = "f-history" }
            policy = { namespace = "f-policy-ns", name = "f-policy" }
            service = { name = "f-service" }
            observer = ["f-observer"]
            destination_name = "f-name"
            skip = [{ field = "f-skip" }]
            only = [{ field = "f-only" }]
            server = { port = "f-server-port", address = "f-server" }
            policy_trace = "f-trace"
            trial_trace = "f-trial"
            sampling = "f-sampling"
            [time]
            first = "f-first"
            last = "f-last"
            duration = "f-duration"
            [counts]
            packets = "f-packets"
            octets = "f-octets"
            packets_back = "f-packets-back"
            octets_back = "f-octets-back"
            connections = "f-connections"
            dropped = "f-dropped"
            turned = { field = "f-turned" }
            [source]
            address = "f-source"
            [destination]
            address = "f-address"
            port = "f-port"
            namespace = "f-namespace"
            pod = "f-pod"
            workload = ["f-kind", "f-workload"]
            labels = "f-labels"
            only_if = { field = "f-only-if" }
            node = "f-node"
            node_if = { field = "f-node-if" }
            outside = "f-outside"
            outside_if = { field = "f-outside-if" }
            translated = { when = { field = "f-when" }, end = { address = "f-real" }, service = { name = "f-behind" } }
        "#;
        let mapping: Mapping = toml::from_str(text).unwrap();
        let mut named: Vec<String> =
            text.split('"').filter(|part| part.starts_with("f-")).map(str::to_owned).collect();
        let mut found = mapping.fields();
        named.sort();
        found.sort();
        assert_eq!(found, named);
    }
}
