//! System calls (seccomp(2)): what is refused gets EPERM, so that a library can go on without it.

use std::collections::BTreeMap;
use std::env::consts::ARCH;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch, apply_filter,
};

/// What no verb does after its sockets are open: changing the kernel, the machine, the view of files
/// or other processes; `io_uring`, whose calls no filter sees.
#[rustfmt::skip]
const NEVER: &[i64] = &[
    libc::SYS_acct, libc::SYS_add_key, libc::SYS_adjtimex, libc::SYS_bpf, libc::SYS_chroot,
    libc::SYS_clock_adjtime, libc::SYS_clock_settime, libc::SYS_delete_module, libc::SYS_fanotify_init,
    libc::SYS_finit_module, libc::SYS_fsconfig, libc::SYS_fsmount, libc::SYS_fsopen, libc::SYS_fspick,
    libc::SYS_init_module, libc::SYS_io_uring_enter, libc::SYS_io_uring_register, libc::SYS_io_uring_setup,
    libc::SYS_kcmp, libc::SYS_kexec_load, libc::SYS_keyctl, libc::SYS_lookup_dcookie, libc::SYS_migrate_pages,
    libc::SYS_mknodat, libc::SYS_mount, libc::SYS_mount_setattr, libc::SYS_move_mount, libc::SYS_move_pages,
    libc::SYS_name_to_handle_at, libc::SYS_open_by_handle_at, libc::SYS_open_tree, libc::SYS_perf_event_open,
    libc::SYS_personality, libc::SYS_pidfd_getfd, libc::SYS_pivot_root, libc::SYS_process_madvise,
    libc::SYS_process_vm_readv, libc::SYS_process_vm_writev, libc::SYS_ptrace, libc::SYS_quotactl,
    libc::SYS_reboot, libc::SYS_request_key, libc::SYS_setdomainname, libc::SYS_setfsgid, libc::SYS_setfsuid,
    libc::SYS_setgid, libc::SYS_setgroups, libc::SYS_sethostname, libc::SYS_setns, libc::SYS_setregid,
    libc::SYS_setresgid, libc::SYS_setresuid, libc::SYS_setreuid, libc::SYS_settimeofday, libc::SYS_setuid,
    libc::SYS_swapoff, libc::SYS_swapon, libc::SYS_umount2, libc::SYS_unshare, libc::SYS_userfaultfd,
    libc::SYS_vhangup,
];

/// Running another program: only where the kube API may want one for a token.
const PROGRAMS: &[i64] = &[libc::SYS_execve, libc::SYS_execveat];

/// What a thread does that reads a ring: wait, look at it, keep memory, hand over, end.
#[rustfmt::skip]
const READER: &[i64] = &[
    libc::SYS_brk, libc::SYS_clock_gettime, libc::SYS_clock_nanosleep, libc::SYS_close, libc::SYS_exit,
    libc::SYS_futex, libc::SYS_getpid, libc::SYS_getrandom, libc::SYS_getsockopt, libc::SYS_gettid,
    libc::SYS_gettimeofday, libc::SYS_madvise, libc::SYS_mmap, libc::SYS_mprotect, libc::SYS_mremap,
    libc::SYS_munmap, libc::SYS_nanosleep, libc::SYS_ppoll, libc::SYS_recvfrom, libc::SYS_restart_syscall,
    libc::SYS_rseq, libc::SYS_rt_sigaction, libc::SYS_rt_sigprocmask, libc::SYS_rt_sigreturn,
    libc::SYS_sched_getaffinity, libc::SYS_sched_yield, libc::SYS_set_robust_list, libc::SYS_sigaltstack,
    libc::SYS_tgkill,
];

/// Calls of old architectures beside those.
#[cfg(target_arch = "x86_64")]
const READER_OLD: &[i64] = &[libc::SYS_poll];
#[cfg(not(target_arch = "x86_64"))]
const READER_OLD: &[i64] = &[];

/// Asks whether an interface is up; libpcap does when a ring fails.
const SIOCGIFFLAGS: u64 = 0x8913;

/// Confines this thread and those that it spawns; says how far, for people.
pub fn confine(may_run_programs: bool) -> &'static str {
    match denied(may_run_programs).ok().map(|filter| apply_filter(&filter)) {
        Some(Ok(())) => "no new privileges, system calls filtered",
        _ => "system calls not filtered (this kernel cannot)",
    }
}

/// Confines this thread to what a reader of a ring does. Where the kernel cannot, `confine` has
/// said so.
pub fn confine_reader() {
    if let Ok(filter) = reader() {
        let _ = apply_filter(&filter);
    }
}

fn denied(may_run_programs: bool) -> Result<BpfProgram, seccompiler::BackendError> {
    let programs = if may_run_programs { &[] } else { PROGRAMS };
    let mut rules: Rules = NEVER.iter().chain(programs).map(|call| (*call, Vec::new())).collect();
    // No new socket sees packets of others.
    rules.insert(libc::SYS_socket, vec![argument(0, u64::from(libc::AF_PACKET.unsigned_abs()))?]);
    filter(rules, SeccompAction::Allow, SeccompAction::Errno(libc::EPERM.unsigned_abs()))
}

fn reader() -> Result<BpfProgram, seccompiler::BackendError> {
    let mut rules: Rules = READER.iter().chain(READER_OLD).map(|call| (*call, Vec::new())).collect();
    // The last words of a thread that breaks down.
    let to_stderr = vec![argument(0, 2)?];
    rules.insert(libc::SYS_write, to_stderr.clone());
    rules.insert(libc::SYS_writev, to_stderr);
    rules.insert(libc::SYS_ioctl, vec![argument(1, SIOCGIFFLAGS)?]);
    filter(rules, SeccompAction::Errno(libc::EPERM.unsigned_abs()), SeccompAction::Allow)
}

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

fn argument(number: u8, value: u64) -> Result<SeccompRule, seccompiler::BackendError> {
    let is = SeccompCondition::new(number, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value)?;
    SeccompRule::new(vec![is])
}

fn filter(
    rules: Rules,
    others: SeccompAction,
    these: SeccompAction,
) -> Result<BpfProgram, seccompiler::BackendError> {
    SeccompFilter::new(rules, others, these, TargetArch::try_from(ARCH)?)?.try_into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In a thread of its own, for a filter stays until the thread ends.
    fn in_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
        std::thread::spawn(work).join().expect("the thread ends")
    }

    #[test]
    fn a_confined_thread_runs_no_program_unless_it_may() {
        let run = || std::process::Command::new("true").status().map_err(|error| error.raw_os_error());
        let (refused, admitted) =
            (in_thread(move || (confine(false), run()).1), in_thread(move || (confine(true), run()).1));
        assert_eq!(refused.err(), Some(Some(libc::EPERM)));
        assert!(admitted.is_ok_and(|status| status.success()));
    }

    #[test]
    fn a_confined_reader_opens_no_file_and_no_socket_and_still_allocates_and_waits() {
        let (file, socket, memory) = in_thread(|| {
            confine_reader();
            let file = std::fs::File::open("/etc/hostname").map_err(|error| error.raw_os_error());
            let socket = std::net::UdpSocket::bind("127.0.0.1:0").map_err(|error| error.raw_os_error());
            std::thread::sleep(std::time::Duration::from_millis(1));
            let memory: Vec<Vec<u8>> = (1..64).map(|n| vec![1; n << 12]).collect();
            (file.err(), socket.err(), memory.len())
        });
        assert_eq!((file, socket, memory), (Some(Some(libc::EPERM)), Some(Some(libc::EPERM)), 63));
    }
}
