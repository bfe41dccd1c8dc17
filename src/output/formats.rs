//! The formats of flow logs, for people.

use std::fmt::Write as _;
use std::io::{self, Write};

use flowfence_capture::{FORMATS, LogFormat};

use super::table;

/// The columns; `docs/formats.md` has the same table.
const COLUMNS: [&str; 8] =
    ["FORMAT", "OPENER", "ANSWER", "VERDICT", "NAMES", "COUNTS", "SERVICE", "WHAT IT IS"];

/// Writes the table, and what each format cannot tell.
pub fn write(out: &mut dyn Write) -> io::Result<()> {
    let rows: Vec<Vec<String>> = FORMATS.iter().map(row).collect();
    table::write(out, &COLUMNS, &rows)?;
    writeln!(
        out,
        "\nOPENER who opened the connection; ANSWER whether it was answered; VERDICT whether a policy stopped it; \
         NAMES pods\nby name; COUNTS packets or octets; SERVICE the service that it went through. Any other CSV or \
         JSON lines: --format map:FILE.\n"
    )?;
    for format in FORMATS {
        writeln!(out, "{}: {}", format.token, format.caveat)?;
    }
    Ok(())
}

fn row(format: &LogFormat) -> Vec<String> {
    let tells = format.tells;
    let ticks = [tells.opener, tells.answer, tells.verdict, tells.names, tells.counts, tells.service];
    let ticks = ticks.map(|tick| if tick { "yes" } else { "-" }.to_owned());
    std::iter::once(format.token.to_owned()).chain(ticks).chain([format.name.to_owned()]).collect()
}

/// The page of every format.
pub fn page() -> String {
    let mut page = String::from(PAGE_HEAD);
    for format in FORMATS {
        // Writing to a String cannot fail.
        let _ = writeln!(
            page,
            "| `{}` | {} |",
            format.token,
            row(format).get(1..).unwrap_or_default().join(" | ")
        );
    }
    page.push_str(PAGE_MIDDLE);
    for format in FORMATS {
        let _ = writeln!(page, "- **`{}`**: {}", format.token, format.caveat);
    }
    page
}

const PAGE_HEAD: &str = "# Formats of flow logs

What `--list-formats` prints. *Opener*: who opened the connection. *Answer*: whether it was answered. *Verdict*: whether a policy
stopped it. *Names*: pods by name. *Counts*: packets or octets. *Service*: the service that the connection went through. How
lines become connections is on [another page](flow-logs.md), as is how to read any other table.

| format | opener | answer | verdict | names | counts | service | what it is |
| --- | --- | --- | --- | --- | --- | --- | --- |
";

const PAGE_MIDDLE: &str = "
What each cannot tell, or tells in an odd way:

";
