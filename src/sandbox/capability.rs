//! Capabilities (capabilities(7)): all of them, in every set.

use caps::errors::CapsError;
use caps::{CapSet, Capability};

/// Drops every capability of this thread, and where it may the right to be given one again.
pub fn drop_all() -> Result<(), CapsError> {
    if caps::has_cap(None, CapSet::Effective, Capability::CAP_SETPCAP)? {
        for capability in caps::all() {
            // Those that the kernel does not know are nobody's.
            let _ = caps::drop(None, CapSet::Bounding, capability);
        }
    }
    // Kernels before 4.3 have no ambient set, and then nothing is in it.
    let _ = caps::clear(None, CapSet::Ambient);
    caps::clear(None, CapSet::Inheritable)?;
    caps::clear(None, CapSet::Effective)?;
    caps::clear(None, CapSet::Permitted)
}
