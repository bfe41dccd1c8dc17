//! What is said to people beside the result, on standard error.

/// Says a line. Whoever closed standard error has heard enough: the run goes on, and its result
/// is written all the same, where `eprintln!` would panic.
macro_rules! say {
    ($($part:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr().lock(), $($part)*);
    }};
}
