//! How every live source begins, once its sockets are open or its servers named.

use std::sync::Arc;

use super::live::spawn;
use super::live::stop::{self, Stop};
use crate::exit::Failure;
use crate::sandbox::{self, Plan};

/// Gives up what the run does not need, unless told otherwise, and waits for signals from now on; what
/// was given up, for people.
pub fn begin(plan: &Plan, no_sandbox: bool) -> Result<(Arc<Stop>, String), Failure> {
    let signals = stop::hold_signals().map_err(std::io::Error::from)?;
    let sandbox = if no_sandbox { "off".to_owned() } else { sandbox::enter(plan)? };
    let stop = Arc::new(Stop::default());
    let for_signals = Arc::clone(&stop);
    spawn("signals", move || stop::watch(&signals, &for_signals))?;
    Ok((stop, sandbox))
}
