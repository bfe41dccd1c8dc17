//! stub
use crate::cli::AuditArgs;
use crate::exit::{Ending, Failure};
/// stub
pub fn run(args: &AuditArgs) -> Result<Ending, Failure> {
    super::observed::observe(&args.input).map(|o| o.ending())
}
