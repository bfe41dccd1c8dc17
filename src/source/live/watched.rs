//! An interface that is being read: what the kernel counted there, and what befell it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::SCHEME;
use super::interface::Interface;
use super::reader::Kernel;

/// An interface with its readers' counts.
#[derive(Debug)]
pub struct Watched {
    interface: Interface,
    /// Packets that it had dropped before.
    dropped_before: u64,
    /// What the kernel counted, by reader.
    kernel: Vec<Kernel>,
    /// Whether it is gone for good, for its readers.
    pub is_gone: Arc<AtomicBool>,
    has_trouble: bool,
}

impl Watched {
    /// An interface with so many readers.
    pub fn new(interface: Interface, readers: usize) -> Self {
        Watched {
            dropped_before: interface.dropped(),
            interface,
            kernel: vec![Kernel::default(); readers],
            is_gone: Arc::default(),
            has_trouble: false,
        }
    }

    /// As the user named it.
    pub fn name(&self) -> String {
        format!("{SCHEME}{}", self.interface.name)
    }

    /// Takes what the kernel counted so far for one of its readers.
    pub fn count(&mut self, reader: usize, kernel: Kernel) {
        if let Some(slot) = self.kernel.get_mut(reader) {
            *slot = kernel;
        }
    }

    /// Packets that arrived at its rings, those that were dropped there included.
    pub fn arrived(&self) -> u64 {
        self.kernel.iter().map(|kernel| kernel.arrived).sum()
    }

    /// Packets that its rings had no room for.
    pub fn dropped_by_kernel(&self) -> u64 {
        self.kernel.iter().map(|kernel| kernel.dropped).sum()
    }

    /// Packets that the interface itself dropped meanwhile.
    pub fn dropped_by_interface(&self) -> u64 {
        self.interface.dropped().saturating_sub(self.dropped_before)
    }

    /// Finds out what is behind an error of its ring, `after` this time of capturing: a sentence the
    /// first time, and when the interface is gone.
    pub fn trouble(&mut self, said: &str, after: Duration) -> Option<String> {
        let was_gone = self.is_gone.load(Ordering::Relaxed);
        let is_gone = !self.interface.exists();
        self.is_gone.store(is_gone, Ordering::Relaxed);
        let is_news = if is_gone { !was_gone } else { !self.has_trouble };
        self.has_trouble = true;
        let what = if is_gone { "the interface disappeared" } else { "gives no packets, and is tried again" };
        is_news.then(|| self.sentence(&format!("{what} ({said})"), after))
    }

    /// Looks whether it is still up: a sentence the first time that it is not. Its ring stays, and
    /// gives packets once it is up again.
    pub fn check(&mut self, after: Duration) -> Option<String> {
        let is_down = !self.is_gone.load(Ordering::Relaxed) && !self.interface.is_up();
        let is_news = is_down && !self.has_trouble;
        self.has_trouble |= is_down;
        is_news.then(|| self.sentence("the interface went down, and is read again once it is up", after))
    }

    fn sentence(&self, what: &str, after: Duration) -> String {
        format!(
            "{}: {what}, {:.1} s after the capture began; what came before counts",
            self.name(),
            after.as_secs_f64()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_is_told_once_while_the_interface_is_there() {
        let mut watched = Watched::new(Interface::find("any").unwrap(), 2);
        let told = watched.trouble("network is down", Duration::from_millis(1500)).unwrap();
        assert!(
            told.starts_with("live:any: gives no packets, and is tried again (network is down), 1.5 s"),
            "{told}"
        );
        assert_eq!(watched.trouble("network is down", Duration::from_secs(2)), None);
        assert!(!watched.is_gone.load(Ordering::Relaxed));
    }
}
