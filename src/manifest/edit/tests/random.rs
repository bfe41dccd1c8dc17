use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;

/// How one policy is written.
#[derive(Clone, Debug)]
struct Style {
    /// Spaces before the dashes of a list, beyond its key.
    indent: usize,
    /// Which entries are in flow style, have comments above, behind, or a blank line before them.
    dice: Vec<u8>,
    windows: bool,
    last_break: bool,
}

impl Style {
    fn roll(&self, at: &mut usize) -> u8 {
        *at += 1;
        self.dice[*at % self.dice.len()]
    }
}

/// Writes a policy with `shape` rules of so many peers and ports; every line of a peer or port
/// names its place, so that a test knows whose it is.
fn text(shape: &[(usize, usize)], style: &Style) -> String {
    let mut out = String::from(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: p\n  namespace: shop\n\
         spec:\n  podSelector: {}\n  policyTypes: [Ingress]\n  ingress: # rules\n",
    );
    let mut at = 0;
    let pad = " ".repeat(2 + style.indent);
    for (r, (peers, ports)) in shape.iter().enumerate() {
        if style.roll(&mut at).is_multiple_of(3) {
            let _ = writeln!(out, "{pad}# about r{r}.");
        }
        let mut first = true;
        let mut key = |out: &mut String, name: &str| {
            let lead = if first { "- " } else { "  " };
            first = false;
            let _ = writeln!(out, "{pad}{lead}{name}:");
        };
        if *peers > 0 {
            key(&mut out, "from");
        }
        let inner = format!("{pad}  {}", " ".repeat(style.indent));
        for p in 0..*peers {
            let dice = style.roll(&mut at);
            if dice % 4 == 1 {
                let _ = writeln!(out, "{inner}# above r{r}p{p}.");
            }
            let _ = match dice % 3 {
                0 => {
                    writeln!(out, "{inner}- podSelector: {{matchLabels: {{app: 'r{r}p{p}.'}}}} # r{r}p{p}.\t")
                }
                1 => writeln!(
                    out,
                    "{inner}-   podSelector:  # r{r}p{p}.\n{inner}        matchLabels:  # r{r}p{p}.\n{inner}            \"app\": r{r}p{p}."
                ),
                _ => writeln!(
                    out,
                    "{inner}- ipBlock:  # r{r}p{p}.\n{inner}    cidr: 10.{r}.{p}.0/24  # r{r}p{p}."
                ),
            };
        }
        if *ports > 0 {
            key(&mut out, "ports");
        }
        for p in 0..*ports {
            let dice = style.roll(&mut at);
            if dice.is_multiple_of(5) {
                let _ = writeln!(out);
            }
            let _ = match dice % 2 {
                0 => writeln!(out, "{inner}- port: {}   # r{r}q{p}.", 100 * r + p + 1),
                _ => writeln!(
                    out,
                    "{inner}- protocol: UDP # r{r}q{p}.\n{inner}  port: {} # r{r}q{p}.",
                    100 * r + p + 1
                ),
            };
        }
        if *peers + *ports == 0 {
            let _ = writeln!(out, "{pad}- {{}} # r{r}.");
        }
    }
    out.push_str("# the end\n---\nkind: Other\napiVersion: v1\nkeep: [ 1,2 ,3 ] # odd\n");
    if !style.last_break {
        out.truncate(out.len() - 1);
    }
    // A label value may not end in a dot; the comments keep theirs.
    let out = out.replace(".'}", "'}").lines().fold(String::new(), |mut all, line| {
        let line = if line.contains("\"app\":") { line.trim_end_matches('.') } else { line };
        all.push_str(line);
        all.push('\n');
        all
    });
    let out = if style.last_break { out } else { out.trim_end_matches('\n').to_owned() };
    if style.windows { out.replace('\n', "\r\n") } else { out }
}

fn part() -> impl Strategy<Value = Part> {
    prop_oneof![3 => Just(Part::Stays), 2 => Just(Part::Goes), 1 => Just(Part::Becomes)]
}

fn step() -> impl Strategy<Value = Step> {
    let parts = || prop::collection::vec(part(), 4);
    prop_oneof![
        1 => Just(Step::Drop),
        1 => Just(Step::Split),
        4 => (parts(), parts()).prop_map(|(peers, ports)| Step::Rule { peers, ports }),
    ]
}

fn style() -> impl Strategy<Value = Style> {
    (0..3_usize, prop::collection::vec(any::<u8>(), 1..40), any::<bool>(), any::<bool>())
        .prop_map(|(indent, dice, windows, last_break)| Style { indent, dice, windows, last_break })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// `edit` itself reads the result back and compares the rest of the file.
    #[test]
    fn lines_of_what_stays_survive_and_no_others_come(
        shape in prop::collection::vec((0..4_usize, 0..4_usize), 1..4),
        steps in prop::collection::vec(step(), 4),
        style in style(),
    ) {
        let text = text(&shape, &style);
        let was = policies(&text).remove(0);
        let now = narrowed(&was, Direction::Ingress, &steps);
        let edited = edit(&text, "test.yaml", &[Change { was: &was, now: &now }]);
        let edited = edited.unwrap_or_else(|error| panic!("{error}\n{text}\n{:#?}", now.policy));
        prop_assert_eq!(&policies(&edited)[0], &now.policy);
        let lines: Vec<&str> = edited.lines().collect();
        for (at, rule) in now.ingress.iter().enumerate() {
            // The first of a split rule is edited where it was; the second is new.
            if at > 0 && now.ingress[at - 1].rule == rule.rule {
                continue;
            }
            let (old, new) = (&was.ingress.as_ref().unwrap()[rule.rule], &now.policy.ingress.as_ref().unwrap()[at]);
            for (peer, of) in new.peers.iter().zip(&rule.peers).filter(|(p, of)| old.peers.get(**of) == Some(*p)) {
                let own = format!("r{}p{of}.", rule.rule);
                for line in text.lines().filter(|line| line.contains(&own)) {
                    prop_assert!(lines.contains(&line), "{line:?} of {peer:?} is lost\n{text}\n{edited}");
                }
            }
            for (port, of) in new.ports.iter().zip(&rule.ports).filter(|(p, of)| old.ports.get(**of) == Some(*p)) {
                let own = format!("r{}q{of}.", rule.rule);
                for line in text.lines().filter(|line| line.contains(&own)) {
                    prop_assert!(lines.contains(&line), "{line:?} of {port:?} is lost\n{text}\n{edited}");
                }
            }
            let about = format!("# about r{}.", rule.rule);
            prop_assert!(!text.contains(&about) || edited.contains(&about));
        }
        let fresh = |line: &str| {
            let words = ["from:", "ports:", "podSelector:", "ipBlock:", "cidr:", "matchLabels:", "app:", "protocol:", "port:"];
            let content = line.trim_start_matches([' ', '-']);
            words.iter().any(|word| content.starts_with(word))
        };
        for line in &lines {
            let is_known = text.lines().any(|own| own == *line) || *line == "  ingress: [] # rules";
            prop_assert!(is_known || fresh(line), "{line:?} came\n{text}\n{edited}");
        }
        prop_assert_eq!(text.ends_with('\n'), edited.ends_with('\n'));
        prop_assert_eq!(style.windows, edited.contains("\r\n"));
    }

    /// Whatever a text is, an edit of it ends in the wanted text or in words.
    #[test]
    fn damaged_texts_never_panic(
        shape in prop::collection::vec((0..3_usize, 0..3_usize), 1..4),
        steps in prop::collection::vec(step(), 4),
        style in style(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), "[-\\[\\]{}:#&*!|>'\"\t\n\r,a ]{0,2}"), 1..4),
    ) {
        let whole = text(&shape, &style);
        let was = policies(&whole).remove(0);
        let now = narrowed(&was, Direction::Ingress, &steps);
        let mut damaged: Vec<char> = whole.chars().collect();
        for (place, piece) in damage {
            let at = place.index(damaged.len());
            damaged.splice(at..=at, piece.chars());
        }
        let damaged: String = damaged.into_iter().collect();
        if let Ok(edited) = edit(&damaged, "test.yaml", &[Change { was: &was, now: &now }]) {
            let parsed = parse_objects(&edited, "test.yaml").policies();
            prop_assert!(parsed.contains(&now.policy) || parsed.is_empty(), "{edited}");
        }
    }
}
