//! One line as a table of fields.

use std::borrow::Cow;

use serde_json::Value;

/// A line, taken apart.
pub enum Row<'a> {
    /// A JSON object, and the pointer of the part that has the fields.
    Json(&'a Value),
    /// Columns by the names of the header.
    Columns { names: &'a [String], values: &'a [Cow<'a, str>] },
}

impl Row<'_> {
    /// The text of a field; `None` when the row does not have it, or has nothing in it.
    pub fn text(&self, field: &str) -> Option<Cow<'_, str>> {
        let text = match self {
            Row::Json(object) => scalar(find(object, field)?)?,
            Row::Columns { names, values } => {
                let at = names.iter().position(|name| name == field)?;
                Cow::Borrowed(values.get(at)?.trim())
            }
        };
        let is_nothing = matches!(text.as_ref(), "" | "-" | "(empty)" | "null" | "None");
        (!is_nothing).then_some(text)
    }

    /// A value of JSON that is no scalar.
    pub fn value(&self, field: &str) -> Option<&Value> {
        match self {
            Row::Json(object) => find(object, field),
            Row::Columns { .. } => None,
        }
    }
}

fn find<'v>(object: &'v Value, field: &str) -> Option<&'v Value> {
    if field.starts_with('/') { object.pointer(field) } else { object.get(field) }
}

fn scalar(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        Value::Bool(flag) => Some(Cow::Borrowed(if *flag { "true" } else { "false" })),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The values of a line (RFC 4180, but for line ends inside quotes); `None` when a quote is not closed.
pub fn csv(line: &str) -> Option<Vec<Cow<'_, str>>> {
    let mut values = Vec::new();
    let mut rest = line;
    loop {
        let (value, after) = match rest.strip_prefix('"') {
            Some(quoted) => unquote(quoted)?,
            None => match rest.split_once(',') {
                Some((value, after)) => (Cow::Borrowed(value), Some(after)),
                None => (Cow::Borrowed(rest), None),
            },
        };
        values.push(value);
        match after {
            Some(after) => rest = after,
            None => return Some(values),
        }
    }
}

/// A quoted value, and what follows the comma behind it.
fn unquote(quoted: &str) -> Option<(Cow<'_, str>, Option<&str>)> {
    let mut value = String::new();
    let mut rest = quoted;
    loop {
        let (part, after) = rest.split_once('"')?;
        value.push_str(part);
        if let Some(more) = after.strip_prefix('"') {
            value.push('"');
            rest = more;
        } else {
            let after = if after.is_empty() { None } else { Some(after.strip_prefix(',')?) };
            return Some((Cow::Owned(value), after));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_and_quotes_within_quotes_belong_to_the_value() {
        let values = csv(r#"a,"b,c","d""e",,f"#).unwrap();
        assert_eq!(values, ["a", "b,c", "d\"e", "", "f"]);
        assert_eq!(csv(r#"a,"b"#), None);
    }

    #[test]
    fn a_field_is_a_member_or_a_pointer() {
        let object: Value = serde_json::from_str(r#"{"a":{"b":"x","n":6.0},"c/d":7,"e":"-"}"#).unwrap();
        let row = Row::Json(&object);
        assert_eq!(row.text("/a/b").as_deref(), Some("x"));
        assert_eq!(row.text("/a/n").as_deref(), Some("6.0"));
        assert_eq!(row.text("c/d").as_deref(), Some("7"));
        assert_eq!((row.text("a"), row.text("e"), row.text("/a/z")), (None, None, None));
    }
}
