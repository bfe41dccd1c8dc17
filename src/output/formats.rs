//! The formats of flow logs, for people.

use std::io::{self, Write};

use flowfence_capture::{FORMATS, LogFormat};

use super::table;

/// The columns, and what each says; `docs/flow-logs.md` has the same table.
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
