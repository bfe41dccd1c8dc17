//! Files (landlock(7)): those that were named, and those that any program needs.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, BitFlags, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetCreatedAttr,
    RulesetError, RulesetStatus, path_beneath_rules,
};
use nix::unistd::{AccessFlags, access};

use super::Plan;
use crate::exit::Failure;

/// What is known of landlock; older kernels keep as much of it as they can.
const KNOWN: ABI = ABI::V5;

/// What names are resolved with, connections are trusted by, and processors are counted by.
const ANYBODY_READS: &[&str] = &[
    "/etc/ca-certificates",
    "/etc/gai.conf",
    "/etc/group",
    "/etc/host.conf",
    "/etc/hosts",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/etc/nsswitch.conf",
    "/etc/passwd",
    "/etc/pki",
    "/etc/resolv.conf",
    "/etc/services",
    "/etc/ssl",
    "/etc/terminfo",
    "/lib",
    "/lib64",
    "/proc/self",
    "/run/systemd/resolve",
    "/sys",
    "/usr",
];

/// Where what a token program may need is, beside what everybody reads.
const PROGRAMS: &[&str] = &["/bin", "/lib", "/lib64", "/opt", "/sbin", "/snap", "/usr"];

/// Where a pod finds the token of its service account.
const IN_CLUSTER: &[&str] = &["/run/secrets", "/var/run/secrets"];

/// What a token program keeps under the home directory.
const KEPT_AT_HOME: &[&str] = &[".aws", ".azure", ".cache", ".config", ".kube"];

const DEVICES: &[&str] = &["/dev/null", "/dev/tty", "/dev/urandom"];

/// Makes sure that what was named can be reached without the rights that were just given up: root
/// without capabilities is subject to the permissions of files like anybody.
pub fn demand_access(plan: &Plan) -> Result<(), Failure> {
    let unread = plan.read.iter().find(|path| path.exists() && access(*path, AccessFlags::R_OK).is_err());
    let unwritten = plan.write.iter().filter_map(|path| existing(path));
    let unwritten = unwritten.filter(|path| access(path, AccessFlags::W_OK).is_err()).min();
    let complaint = match (unread, unwritten) {
        (Some(path), _) => format!("{}: cannot be read", path.display()),
        (None, Some(path)) => format!("{}: cannot be written", path.display()),
        (None, None) => return Ok(()),
    };
    Err(Failure::unreadable(format!(
        "{complaint} once the rights of capturing are given up: change its owner or permissions, or say --no-sandbox"
    )))
}

/// Confines this thread and those that it spawns to the files of the plan; says how far.
pub fn confine(plan: &Plan) -> &'static str {
    match restrict(plan) {
        Ok(RulesetStatus::FullyEnforced) => "files confined",
        Ok(RulesetStatus::PartiallyEnforced) => "files confined as far as this kernel can",
        Ok(RulesetStatus::NotEnforced) | Err(_) => "files not confined (this kernel cannot)",
    }
}

fn restrict(plan: &Plan) -> Result<RulesetStatus, RulesetError> {
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let all = AccessFs::from_all(KNOWN);
    let mut ruleset =
        Ruleset::default().set_compatibility(CompatLevel::BestEffort).handle_access(all)?.create()?;
    for (paths, rights) in rules(plan, read, all) {
        // What does not exist is passed over, and needs no rule.
        ruleset = ruleset.add_rules(path_beneath_rules(paths, rights))?;
    }
    Ok(ruleset.restrict_self()?.ruleset)
}

fn rules(
    plan: &Plan,
    read: BitFlags<AccessFs>,
    all: BitFlags<AccessFs>,
) -> Vec<(BTreeSet<PathBuf>, BitFlags<AccessFs>)> {
    let fixed = |paths: &[&str]| paths.iter().map(PathBuf::from).collect::<BTreeSet<_>>();
    let written = all & !AccessFs::Execute;
    let mut rules = vec![
        (fixed(ANYBODY_READS), read),
        (fixed(DEVICES), read | AccessFs::WriteFile | AccessFs::IoctlDev),
        (plan.read.iter().cloned().collect(), read),
        (plan.write.iter().filter_map(|path| existing(path)).collect(), written),
    ];
    if plan.kube_api {
        let home: Option<PathBuf> = std::env::var_os("HOME").map(PathBuf::from);
        let configs = std::env::var_os("KUBECONFIG");
        let configs = configs.iter().flat_map(std::env::split_paths).chain(home.clone());
        rules.push((fixed(PROGRAMS), read | AccessFs::Execute));
        rules.push((fixed(IN_CLUSTER).into_iter().chain(configs).collect(), read | AccessFs::Execute));
        let kept = home.iter().flat_map(|home| KEPT_AT_HOME.iter().map(|name| home.join(name)));
        rules.push((kept.collect(), written));
    }
    rules
}

/// The directory in which a path is made or replaced; of one that does not exist, the nearest above
/// it that does.
fn existing(path: &Path) -> Option<PathBuf> {
    let absolute = std::path::absolute(path).ok()?;
    absolute.ancestors().find(|above| above.is_dir()).map(Path::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_exist_is_made_in_the_nearest_directory_above() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(existing(&dir.path().join("a/b/c.yaml")).as_deref(), Some(dir.path()));
        std::fs::write(dir.path().join("file"), "").unwrap();
        assert_eq!(existing(&dir.path().join("file")).as_deref(), Some(dir.path()));
    }

    #[test]
    fn a_confined_thread_reaches_what_was_named_and_nothing_else() {
        let (named, other, out) =
            (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for dir in [&named, &other] {
            std::fs::write(dir.path().join("file"), "x").unwrap();
        }
        let plan = Plan {
            read: vec![named.path().into()],
            write: vec![out.path().join("new/file")],
            kube_api: false,
        };
        let (inside, outside) = (named.path().join("file"), other.path().join("file"));
        let made = out.path().join("new");
        let outcome = std::thread::spawn(move || {
            let said = confine(&plan);
            let written = std::fs::create_dir(&made).and_then(|()| std::fs::write(made.join("file"), "x"));
            (
                said,
                std::fs::read(&inside).is_ok(),
                std::fs::read(&outside).is_ok(),
                written.is_ok(),
                std::fs::write(&inside, "y").is_ok(),
            )
        });
        let (said, inside, outside, written, overwritten) = outcome.join().expect("the thread ends");
        if said == "files not confined (this kernel cannot)" {
            println!("skipped: this kernel has no landlock");
            return;
        }
        assert_eq!((inside, outside, written, overwritten), (true, false, true, false));
    }
}
