//! Columns for people.

use std::io::{self, Write};

use comfy_table::{ContentArrangement, Table, presets};

use super::safe;

/// Writes rows under a header, columns parted by two spaces, nothing drawn and nothing coloured.
/// Cells hold one line each; control characters of the input do not get through.
pub fn write(out: &mut dyn Write, header: &[&str], rows: &[Vec<String>]) -> io::Result<()> {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header);
    for row in rows {
        table.add_row(row.iter().map(|cell| safe::line(cell)));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    for line in table.lines() {
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}
