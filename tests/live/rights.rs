//! With which rights a capture begins, and which it keeps.

use super::*;

/// What /proc tells of a process and each of its threads.
fn told_of(pid: nix::unistd::Pid, what: &str) -> Vec<(String, String)> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let tell = |task: std::path::PathBuf| {
        let name = std::fs::read_to_string(task.join("comm")).unwrap().trim().to_owned();
        let status = std::fs::read_to_string(task.join("status")).unwrap();
        let value = status
            .lines()
            .find_map(|line| line.strip_prefix(what))
            .unwrap()
            .trim_start_matches(':')
            .trim()
            .to_owned();
        (name, value)
    };
    tasks.map(|task| tell(task.unwrap().path())).collect()
}

#[test]
fn every_thread_gives_up_its_rights() {
    let net = net(net_or_skip!());
    let running = net.capture(["graph", "live:s0", "--cluster", "none"]);
    std::thread::sleep(SETTLE);
    let all = |what: &str| told_of(running.pid(), what);
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert!(all(set).iter().all(|(_, value)| value == "0000000000000000"), "{set}: {:?}", all(set));
    }
    assert!(all("NoNewPrivs").iter().all(|(_, value)| value == "1"));
    assert!(all("Seccomp").iter().all(|(_, value)| value == "2"));
    let filters = all("Seccomp_filters");
    assert!(filters.len() >= 3, "main, signals, reader: {filters:?}");
    let reader = filters.iter().find(|(name, _)| name == "reader").unwrap();
    assert_eq!(reader.1, "2", "a reader has a filter of its own beside that of the process");
    running.signal(Signal::SIGINT);
    let run = running.finish().ends(0);
    assert!(
        run.stderr.contains("sandbox: no capabilities, no new privileges, system calls filtered"),
        "{}",
        run.stderr
    );

    let open = net.capture(["graph", "live:s0", "--cluster", "none", "--no-sandbox"]);
    assert!(told_of(open.pid(), "Seccomp").iter().all(|(_, value)| value == "0"));
    open.signal(Signal::SIGINT);
    assert!(open.finish().ends(0).stderr.contains("sandbox: off"));
}

/// A copy of the program that anybody may run, with the capability or without.
fn copy(
    scratch: &support::program::Scratch,
    name: &str,
    capability: Option<&str>,
) -> Result<std::path::PathBuf, String> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(scratch.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = scratch.path().join(name);
    std::fs::copy(env!("CARGO_BIN_EXE_flowfence"), &path).unwrap();
    if let Some(capability) = capability {
        let set = std::process::Command::new("setcap").arg(capability).arg(&path).output();
        let set = set.map_err(|error| format!("setcap: {error}"))?;
        if !set.status.success() {
            return Err(String::from_utf8_lossy(&set.stderr).into_owned());
        }
    }
    Ok(path)
}

fn as_nobody(program: &std::path::Path, args: &[&str]) -> std::process::Command {
    use std::os::unix::process::CommandExt;
    let mut command = std::process::Command::new(program);
    command.args(args).uid(65_534).gid(65_534).current_dir("/");
    command
}

#[test]
fn nobody_captures_with_a_file_capability_and_without_it_is_told_how() {
    let net = net(net_or_skip!());
    let scratch = support::program::Scratch::new();
    let plain = copy(&scratch, "plain", None).unwrap();
    let args = ["graph", "live:s0", "--cluster", "none", "-o", "json"];
    let run = net.start(as_nobody(&plain, &args)).finish().ends(UNREADABLE);
    for word in ["CAP_NET_RAW", "setcap cap_net_raw+ep", "securityContext.capabilities.add: [NET_RAW]"] {
        assert!(run.stderr.contains(word), "{word}: {}", run.stderr);
    }
    for (name, capability) in [("effective", "cap_net_raw+ep"), ("permitted", "cap_net_raw+p")] {
        let able = match copy(&scratch, name, Some(capability)) {
            Ok(path) => path,
            Err(why) => return eprintln!("skipped: no file capability can be given: {why}"),
        };
        let mut running = net.start(as_nobody(&able, &args));
        running.wait_until_said("capturing from");
        talk_tcp(&net, SERVER, 8080, 2);
        std::thread::sleep(SETTLE);
        assert!(told_of(running.pid(), "CapPrm").iter().all(|(_, value)| value == "0000000000000000"));
        assert!(told_of(running.pid(), "Uid").iter().all(|(_, value)| value.starts_with("65534")));
        running.signal(Signal::SIGINT);
        assert_eq!(tcp_count(&edges(&running.finish().ends(0).json()), 8080), 2);
    }
}

#[test]
fn a_confined_capture_still_reads_objects_and_writes_policies() {
    let net = net(net_or_skip!());
    let scratch = support::program::Scratch::new();
    let cluster = support::cluster::Cluster::new(1).deployment("client", 1, &[CLIENT]).deployment(
        "server",
        8080,
        &[SERVER],
    );
    let objects = cluster.inputs(&scratch, &[]).clusters.remove(0);
    let (objects, out) = (objects.to_str().unwrap().to_owned(), scratch.path().join("new/policies"));
    let args = ["recommend", "live:s0", "--cluster", &objects, "--out", out.to_str().unwrap()];
    let running = net.capture(args);
    talk_tcp(&net, SERVER, 8080, 3);
    std::thread::sleep(SETTLE);
    running.signal(Signal::SIGINT);
    let run = running.finish().ends(0);
    assert!(run.stderr.contains("the proof holds"), "{}", run.stderr);
    assert!(out.join("app/server.yaml").exists());
}
