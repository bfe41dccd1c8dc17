//! The interfaces of this network namespace: which there are, and what they lost.

use std::path::{Path, PathBuf};

use nix::ifaddrs::getifaddrs;
use nix::net::if_::{InterfaceFlags, if_nameindex, if_nametoindex};

/// The name under which packets of every interface are taken.
pub const ANY: &str = "any";

/// An interface by the name and number that it had when it was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its name; [`ANY`] for all of them.
    pub name: String,
    /// Its number, 0 for all of them. An interface that comes back under its name has another one.
    index: u32,
}

impl Interface {
    /// The interface of that name, when there is one.
    pub fn find(name: &str) -> Option<Self> {
        let index = if name == ANY { 0 } else { if_nametoindex(name).ok()? };
        Some(Interface { name: name.to_owned(), index })
    }

    /// Whether it is still there, up or down.
    pub fn exists(&self) -> bool {
        self.index == 0 || if_nametoindex(self.name.as_str()) == Ok(self.index)
    }

    /// Whether it is up; an answer that cannot be had is taken for yes.
    pub fn is_up(&self) -> bool {
        let flags =
            |name: &str| getifaddrs().ok()?.find(|one| one.interface_name == name).map(|one| one.flags);
        self.index == 0 || flags(&self.name).is_none_or(|flags| flags.contains(InterfaceFlags::IFF_UP))
    }

    /// Whether it is a bridge. It hands itself only what is addressed to the node; what passes from one
    /// of its ports to another shows in promiscuous mode alone.
    pub fn is_bridge(&self) -> bool {
        self.about().is_some_and(|about| about.join("bridge").is_dir())
    }

    /// Packets that the interface or its driver has dropped for want of room since it came up: those
    /// never reach a capture. 0 where the kernel does not tell, and for [`ANY`].
    pub fn dropped(&self) -> u64 {
        let Some(about) = self.about() else { return 0 };
        let number = |file: &str| std::fs::read_to_string(about.join(file)).ok()?.trim().parse::<u64>().ok();
        let counters = ["statistics/rx_missed_errors", "statistics/rx_fifo_errors"];
        counters.into_iter().filter_map(number).sum()
    }

    /// The kernel's directory on it. It shows the namespace in which it was mounted, which may be
    /// another one.
    fn about(&self) -> Option<PathBuf> {
        let about = Path::new("/sys/class/net").join(&self.name);
        let number = std::fs::read_to_string(about.join("ifindex")).ok()?.trim().parse::<u32>().ok()?;
        (self.index != 0 && !self.name.contains('/') && number == self.index).then_some(about)
    }
}

/// The names of all interfaces, for a person who named one that is not there.
pub fn names() -> Vec<String> {
    let Ok(all) = if_nameindex() else { return Vec::new() };
    let mut names: Vec<String> = all.iter().map(|one| one.name().to_string_lossy().into_owned()).collect();
    names.sort();
    names.push(ANY.to_owned());
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_not_there_is_nobodys() {
        assert_eq!(Interface::find("fflive-nobody"), None);
        assert!(Interface::find(ANY).is_some_and(|any| any.exists() && any.is_up() && any.dropped() == 0));
        assert!(names().contains(&ANY.to_owned()));
    }

    #[test]
    fn an_interface_under_another_number_is_another_one() {
        let lo = Interface { name: "lo".to_owned(), index: u32::MAX };
        assert!(!lo.exists());
    }
}
