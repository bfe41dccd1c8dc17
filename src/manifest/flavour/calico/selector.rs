//! Selectors of Calico: expressions in a string. Those that are written are read again, and no
//! others: conjunctions of comparisons with literals.
//!
//! ```text
//! selector = "all()" | term { "&&" term }
//! term     = key "==" text | key ["not"] "in" "{" text { "," text } "}" | ["!"] "has(" key ")"
//! text     = "'" … "'" | '"' … '"'        without escapes
//! ```

use std::collections::BTreeSet;

use flowfence_model::{LabelSelector, Requirement};

/// The selector as a string; `Err` names what no string can say. Keys are spelled by `spell`.
pub(super) fn write(selector: &LabelSelector, spell: impl Fn(&str) -> String) -> Result<String, String> {
    let key = |key: &str| {
        let key = spell(key);
        let is_plain = !key.is_empty() && key.chars().all(is_key_char);
        if is_plain { Ok(key) } else { Err(format!("the label key {key:?}")) }
    };
    let mut terms = Vec::new();
    for (name, value) in &selector.match_labels {
        terms.push(format!("{} == {}", key(name)?, quoted(value)?));
    }
    for requirement in &selector.match_expressions {
        let name = key(requirement.key())?;
        terms.push(match requirement {
            Requirement::In(_, values) => format!("{name} in {{ {} }}", list(values)?),
            Requirement::NotIn(_, values) => format!("{name} not in {{ {} }}", list(values)?),
            Requirement::Exists(_) => format!("has({name})"),
            Requirement::DoesNotExist(_) => format!("!has({name})"),
        });
    }
    Ok(if terms.is_empty() { "all()".to_owned() } else { terms.join(" && ") })
}

/// The selector that a string means; `Err` says what was not understood.
pub(super) fn parse(text: &str) -> Result<LabelSelector, String> {
    let mut parser = Parser { rest: text.trim() };
    let mut selector = LabelSelector::everything();
    if !parser.takes("all()") {
        parser.term(&mut selector)?;
        while parser.takes("&&") {
            parser.term(&mut selector)?;
        }
    }
    if parser.rest.is_empty() { Ok(selector) } else { Err(parser.confused("the end")) }
}

fn is_key_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '/' | '-')
}

fn list(values: &BTreeSet<String>) -> Result<String, String> {
    let quoted: Vec<String> = values.iter().map(|value| quoted(value)).collect::<Result<_, _>>()?;
    Ok(quoted.join(", "))
}

/// There are no escapes: the quote is the one that the text does not hold.
fn quoted(text: &str) -> Result<String, String> {
    let quote = ['\'', '"'].into_iter().find(|quote| !text.contains(*quote));
    let quote = quote.ok_or_else(|| format!("the label value {text:?}, with quotes of both kinds"))?;
    Ok(format!("{quote}{text}{quote}"))
}

struct Parser<'a> {
    rest: &'a str,
}

impl Parser<'_> {
    fn term(&mut self, selector: &mut LabelSelector) -> Result<(), String> {
        let is_negated = self.takes("!");
        if self.takes("has(") {
            let key = self.key()?;
            self.must(")")?;
            let requirement = if is_negated { Requirement::DoesNotExist } else { Requirement::Exists };
            selector.match_expressions.push(requirement(key));
            return Ok(());
        }
        if is_negated {
            return Err(self.confused("has("));
        }
        let key = self.key()?;
        if self.takes("==") {
            let value = self.literal()?;
            // The same key twice is a contradiction, or said twice; a map would forget one.
            if let Some(other) = selector.match_labels.get(&key) {
                if *other != value {
                    selector.match_expressions.push(Requirement::In(key, BTreeSet::from([value])));
                }
            } else {
                selector.match_labels.insert(key, value);
            }
            return Ok(());
        }
        let is_not = self.takes("not ");
        self.must("in")?;
        let values = self.set()?;
        let requirement = if is_not { Requirement::NotIn } else { Requirement::In };
        selector.match_expressions.push(requirement(key, values));
        Ok(())
    }

    fn set(&mut self) -> Result<BTreeSet<String>, String> {
        self.must("{")?;
        let mut values = BTreeSet::from([self.literal()?]);
        while self.takes(",") {
            values.insert(self.literal()?);
        }
        self.must("}")?;
        Ok(values)
    }

    fn key(&mut self) -> Result<String, String> {
        let end = self.rest.find(|c| !is_key_char(c)).unwrap_or(self.rest.len());
        let (key, rest) = self.rest.split_at(end);
        if key.is_empty() {
            return Err(self.confused("a label key"));
        }
        self.rest = rest.trim_start();
        Ok(key.to_owned())
    }

    fn literal(&mut self) -> Result<String, String> {
        let quote = self.rest.chars().next().filter(|c| matches!(c, '\'' | '"'));
        let quote = quote.ok_or_else(|| self.confused("a text in quotes"))?;
        let (text, rest) =
            self.rest[1..].split_once(quote).ok_or_else(|| self.confused("a text that ends"))?;
        self.rest = rest.trim_start();
        Ok(text.to_owned())
    }

    fn takes(&mut self, word: &str) -> bool {
        let rest = self.rest.strip_prefix(word);
        self.rest = rest.map_or(self.rest, str::trim_start);
        rest.is_some()
    }

    fn must(&mut self, word: &str) -> Result<(), String> {
        if self.takes(word) { Ok(()) } else { Err(self.confused(word)) }
    }

    fn confused(&self, expected: &str) -> String {
        format!("expected {expected} at {:?}", self.rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(selector: &LabelSelector) -> String {
        write(selector, str::to_owned).unwrap()
    }

    fn values(values: &[&str]) -> BTreeSet<String> {
        values.iter().map(|value| (*value).to_owned()).collect()
    }

    #[test]
    fn every_operator_reads_back() {
        let selector = LabelSelector {
            match_labels: [("app".to_owned(), "web".to_owned()), ("empty".to_owned(), String::new())].into(),
            match_expressions: vec![
                Requirement::In("app.kubernetes.io/name".into(), values(&["a", "b"])),
                Requirement::NotIn("in".into(), values(&["1"])),
                Requirement::Exists("has".into()),
                Requirement::DoesNotExist("not".into()),
            ],
        };
        let text = written(&selector);
        assert_eq!(
            text,
            "app == 'web' && empty == '' && app.kubernetes.io/name in { 'a', 'b' } && in not in { '1' } \
             && has(has) && !has(not)"
        );
        assert_eq!(parse(&text).unwrap(), selector);
        assert_eq!(written(&LabelSelector::everything()), "all()");
        assert_eq!(parse("all()").unwrap(), LabelSelector::everything());
    }

    #[test]
    fn a_value_cannot_end_its_quotes() {
        for value in ["it's", "say \"x\"", "' || all() || a == '", "a\nb", "ü"] {
            let selector = LabelSelector::labels([("k", value)]);
            assert_eq!(parse(&written(&selector)).unwrap(), selector, "{value}");
        }
        assert!(write(&LabelSelector::labels([("k", "'\"")]), str::to_owned).is_err());
        assert!(write(&LabelSelector::labels([("a b", "1")]), str::to_owned).is_err());
        assert!(write(&LabelSelector::labels([("", "1")]), str::to_owned).is_err());
    }

    #[test]
    fn what_is_not_written_is_not_read() {
        for text in
            ["", "a", "a == b", "a == 'b' || c == 'd'", "a != 'b'", "(a == 'b')", "a in { }", "a == 'b", "!a"]
        {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_contradiction_stays_one() {
        let selector = parse("a == '1' && a == '2'").unwrap();
        assert!(!selector.matches(&[("a".to_owned(), "1".to_owned())].into()));
        assert!(!selector.matches(&[("a".to_owned(), "2".to_owned())].into()));
    }
}
