//! Where a recorder puts blocks while it goes on.

use std::fmt;

use crate::gather::Block;

type IsDue = Box<dyn FnMut() -> bool + Send>;
type Take = Box<dyn FnMut(Block) + Send>;

/// Somebody who wants a block now and then.
pub struct Outlet {
    pub(crate) is_due: IsDue,
    pub(crate) take: Take,
}

impl Outlet {
    /// `is_due` is asked every so many packets, for nothing here looks at a clock.
    pub fn new(
        is_due: impl FnMut() -> bool + Send + 'static,
        take: impl FnMut(Block) + Send + 'static,
    ) -> Self {
        Outlet { is_due: Box::new(is_due), take: Box::new(take) }
    }
}

impl fmt::Debug for Outlet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Outlet")
    }
}
