//! What a decoder asks of a table, whose columns have names and whose rows are no lines.

/// Columns that are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asks {
    /// JSON pointers of the groups in which they may be, tried in their order; the table itself when there is
    /// none of them.
    pub roots: Vec<String>,
    /// Their names, or JSON pointers.
    pub fields: Vec<String>,
    /// Those without which it is another table.
    pub needs: &'static [&'static str],
    /// Whether moments are wanted as seconds since 1970, and not as RFC 3339 writes them.
    pub wants_seconds: bool,
}
