//! The splices that turn one policy of a text into its narrowed form.

use flowfence_model::{Direction, NetworkPolicy, PolicyPeer, PolicyPort, PolicyRule};
use flowfence_policy::recommend::tighten::{Origin, Tightened};

use super::lines::Lines;
use super::list::{self, Fate};
use super::node::{Body, Node};
use super::render::Entries;
use super::splice::Splice;

/// Why a policy cannot be edited where it is.
pub(super) type Refusal = &'static str;

const NO_LIST: Refusal = "its lists are written in a way that cannot be edited line by line";

/// A policy to edit.
pub(super) struct Editor<'a> {
    pub lines: &'a Lines<'a>,
    pub was: &'a NetworkPolicy,
    pub now: &'a Tightened,
}

/// A rule of today and the narrowed rules that stand for it.
type Successors<'a> = Vec<(&'a PolicyRule, &'a Origin)>;

impl Editor<'_> {
    /// The splices for the object whose `spec` this is.
    pub(super) fn splices(&self, spec: &Node) -> Result<Vec<Splice>, Refusal> {
        let mut splices = Vec::new();
        for direction in Direction::BOTH {
            let was = self.was.rules(direction).unwrap_or_default();
            let now = self.now.policy.rules(direction).unwrap_or_default();
            if was == now {
                continue;
            }
            let (key, list) = spec.entry(direction.token()).ok_or(NO_LIST)?;
            if now.is_empty() {
                self.emptied(key, list, &mut splices)?;
                if direction == Direction::Egress {
                    self.keep_isolating(spec, &mut splices)?;
                }
            } else {
                self.rules(direction, list, &mut splices)?;
            }
        }
        Ok(splices)
    }

    /// `egress: []`: nothing is admitted, and the direction stays isolated.
    fn emptied(&self, key: &Node, list: &Node, splices: &mut Vec<Splice>) -> Result<(), Refusal> {
        if list.is_flow {
            splices.push(Splice { range: list.start..list.end, text: "[]".to_owned() });
            return Ok(());
        }
        let block = self.lines.block(list).ok_or(NO_LIST)?;
        let (head, tail) = match block.items.as_slice() {
            [] => return Err(NO_LIST),
            [only] => (only, only),
            [head, .., tail] => (head, tail),
        };
        splices.push(Splice::insert(self.colon(key, list)?, " []".to_owned()));
        splices.push(Splice::remove(self.lines.bytes(head.lead).start..self.lines.bytes(tail.tail).end));
        Ok(())
    }

    /// The place behind the colon of a key.
    fn colon(&self, key: &Node, value: &Node) -> Result<usize, Refusal> {
        let between = self.lines.slice(key.end..value.start.max(key.end));
        between.find(':').map(|at| key.end + at + 1).ok_or(NO_LIST)
    }

    /// Without policyTypes, egress is isolated only by having a rule.
    fn keep_isolating(&self, spec: &Node, splices: &mut Vec<Splice>) -> Result<(), Refusal> {
        let known = spec.get("policyTypes");
        if known.is_some_and(|types| !types.items().is_empty()) {
            return Ok(());
        }
        if known.is_some() {
            return Err("its policyTypes are empty, and without them it would no longer isolate for egress");
        }
        let mut types = vec!["Egress"];
        if self.was.ingress.is_some() {
            types.insert(0, "Ingress");
        }
        if spec.is_flow {
            let names: Vec<String> = types.iter().map(|name| format!("\"{name}\"")).collect();
            splices
                .push(Splice::insert(spec.start + 1, format!("\"policyTypes\": [{}], ", names.join(", "))));
            return Ok(());
        }
        let Body::Mapping(entries) = &spec.body else { return Err(NO_LIST) };
        let (first, _) = entries.first().ok_or(NO_LIST)?;
        let line_break = self.lines.line_break();
        let indent = " ".repeat(self.lines.column(first));
        let items: Vec<String> = types.iter().map(|name| format!("{indent}- {name}{line_break}")).collect();
        let text = format!("policyTypes:{line_break}{}{indent}", items.concat());
        splices.push(Splice::insert(first.start, text));
        Ok(())
    }

    fn rules(&self, direction: Direction, list: &Node, splices: &mut Vec<Splice>) -> Result<(), Refusal> {
        let was = self.was.rules(direction).unwrap_or_default();
        let now = self.now.policy.rules(direction).unwrap_or_default();
        if list.items().len() != was.len() {
            return Err(NO_LIST);
        }
        let mut followers: Vec<Vec<PolicyRule>> = Vec::new();
        let mut firsts: Vec<Option<(&PolicyRule, &Origin)>> = Vec::new();
        for at in 0..was.len() {
            let all = now.iter().zip(self.now.origins(direction));
            let mut left: Successors<'_> = all.filter(|(_, origin)| origin.rule == at).collect();
            firsts.push((!left.is_empty()).then(|| left.remove(0)));
            followers.push(left.into_iter().map(|(rule, _)| rule.clone()).collect());
        }
        let mut fates = Vec::new();
        for ((first, followers), (node, was)) in
            firsts.iter().zip(&followers).zip(list.items().iter().zip(was))
        {
            let Some((first, origin)) = first else {
                fates.push(Fate::Goes);
                continue;
            };
            // A rule that says nothing has nothing to be edited in.
            let is_bare = node.is_null() || matches!(&node.body, Body::Mapping(keys) if keys.is_empty());
            if is_bare && was != *first {
                fates.push(Fate::Stays);
                self.bare(node, list, (direction, first, followers), splices)?;
                continue;
            }
            self.rule(direction, node, (was, first, origin), splices)?;
            fates.push(if followers.is_empty() {
                Fate::Stays
            } else {
                Fate::IsFollowedBy(Entries::Rules(direction, followers))
            });
        }
        splices.extend(list::edit(self.lines, list, &fates).ok_or(NO_LIST)?);
        Ok(())
    }

    /// `{}` or nothing becomes rules; a comment behind it stays where it is.
    fn bare(
        &self,
        node: &Node,
        list: &Node,
        (direction, first, followers): (Direction, &PolicyRule, &[PolicyRule]),
        splices: &mut Vec<Splice>,
    ) -> Result<(), Refusal> {
        let all: Vec<PolicyRule> = [first.clone()].into_iter().chain(followers.iter().cloned()).collect();
        let entries = Entries::Rules(direction, &all);
        if list.is_flow {
            splices.push(Splice { range: node.start..node.end, text: entries.flow_items() });
            return Ok(());
        }
        let block = self.lines.block(list).ok_or(NO_LIST)?;
        let line = self.lines.of(node.start);
        let item = block.items.iter().find(|item| item.first == line && item.last == line).ok_or(NO_LIST)?;
        let text = entries.block(block.column, self.lines.line_break());
        let (head, rest) = text.split_once(self.lines.line_break()).ok_or(NO_LIST)?;
        let head = head.trim_start().strip_prefix("- ").ok_or(NO_LIST)?;
        let gap = if self.lines.slice(0..node.start).ends_with([' ', '\t']) { "" } else { " " };
        splices.push(Splice { range: node.start..node.end, text: format!("{gap}{head}") });
        splices.push(list::below(self.lines, item.first, rest.to_owned()));
        Ok(())
    }

    /// The lists of one rule.
    fn rule(
        &self,
        direction: Direction,
        node: &Node,
        (was, now, origin): (&PolicyRule, &PolicyRule, &Origin),
        splices: &mut Vec<Splice>,
    ) -> Result<(), Refusal> {
        if was.peers != now.peers {
            let groups: Vec<Vec<PolicyPeer>> = by_origin(&now.peers, &origin.peers, was.peers.len());
            let spell = |group| Entries::Peers(group);
            self.list(node, direction.peers(), (&was.peers, &groups), spell, splices)?;
        }
        if was.ports != now.ports {
            let groups: Vec<Vec<PolicyPort>> = by_origin(&now.ports, &origin.ports, was.ports.len());
            let spell = |group| Entries::Ports(group);
            self.list(node, "ports", (&was.ports, &groups), spell, splices)?;
        }
        Ok(())
    }

    /// One list of a rule; `groups` holds what stands in the place of each entry of `was`, or in
    /// one group what is to stand where there was nothing.
    fn list<'g, T: PartialEq>(
        &self,
        rule: &Node,
        key: &str,
        (was, groups): (&[T], &'g [Vec<T>]),
        spell: impl Fn(&'g [T]) -> Entries<'g>,
        splices: &mut Vec<Splice>,
    ) -> Result<(), Refusal> {
        let known = rule.entry(key);
        if was.is_empty() {
            let entries = spell(groups.first().ok_or(NO_LIST)?);
            return self.new_list(rule, key, known, entries, splices);
        }
        let (_, list) = known.ok_or(NO_LIST)?;
        let fates: Vec<Fate<'_>> = was
            .iter()
            .zip(groups)
            .map(|(was, now)| match now.as_slice() {
                [] => Fate::Goes,
                [only] if only == was => Fate::Stays,
                now => Fate::Becomes(spell(now)),
            })
            .collect();
        splices.extend(list::edit(self.lines, list, &fates).ok_or(NO_LIST)?);
        Ok(())
    }

    /// A list where the rule had none, or an empty one.
    fn new_list(
        &self,
        rule: &Node,
        key: &str,
        known: Option<&(Node, Node)>,
        entries: Entries<'_>,
        splices: &mut Vec<Splice>,
    ) -> Result<(), Refusal> {
        if let Some((own, value)) = known {
            let range = value.start..value.end;
            let is_absent = range.is_empty();
            let place =
                if is_absent { self.colon(own, value).map_or(own.end + 1, |at| at) } else { range.start };
            let range = if is_absent { place..place } else { range };
            let gap = if is_absent { " " } else { "" };
            splices.push(Splice { range, text: format!("{gap}{}", entries.flow()) });
            return Ok(());
        }
        let Body::Mapping(keys) = &rule.body else { return Err(NO_LIST) };
        let (first, _) = keys.first().ok_or(NO_LIST)?;
        if rule.is_flow {
            splices.push(Splice::insert(rule.start + 1, format!("\"{key}\": {}, ", entries.flow())));
            return Ok(());
        }
        let column = self.lines.column(first);
        let line_break = self.lines.line_break();
        let items = entries.block(column, line_break);
        let indent = " ".repeat(column);
        // The new key comes first, as the API lists peers before ports; ports come last.
        if key == "ports" {
            let last = self.lines.last_of(rule, column).ok_or(NO_LIST)?;
            splices.push(list::below(self.lines, last, format!("{indent}{key}:{line_break}{items}")));
        } else {
            splices.push(Splice::insert(first.start, format!("{key}:{line_break}{items}{indent}")));
        }
        Ok(())
    }
}

/// What stands for each of `count` entries; with none, everything in one group.
fn by_origin<T: Clone>(now: &[T], origins: &[usize], count: usize) -> Vec<Vec<T>> {
    let mut groups = vec![Vec::new(); count.max(1)];
    for (entry, origin) in now.iter().zip(origins) {
        if let Some(group) = groups.get_mut(*origin) {
            group.push(entry.clone());
        }
    }
    groups
}
