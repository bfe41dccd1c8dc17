//! Files and directories.

use std::fs;
use std::path::Path;

use super::*;

fn write(directory: &Path, name: &str, content: &[u8]) {
    fs::write(directory.join(name), content).unwrap();
}

const NAMESPACE: &[u8] = b"apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n";

#[test]
fn a_directory_reads_its_manifests_by_name_and_counts_the_rest() {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), "b.yml", b"apiVersion: v1\nkind: Namespace\nmetadata: {name: b}\n");
    write(directory.path(), "a.yaml", NAMESPACE);
    write(directory.path(), "README.md", b"# read me");
    fs::create_dir(directory.path().join("c")).unwrap();
    write(
        &directory.path().join("c"),
        "c.json",
        br#"{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"c"}}"#,
    );
    let snapshot = read_objects(directory.path()).unwrap();
    let read: Vec<String> = names(&snapshot).into_iter().map(|(name, _)| name).collect();
    assert_eq!((read, snapshot.ignored_files), (vec!["a".to_owned(), "b".into(), "c".into()], 1));
}

#[test]
fn a_wrong_file_says_what_it_looks_like_and_what_to_give_instead() {
    let directory = tempfile::tempdir().unwrap();
    let cases: &[(&[u8], &str, &str)] = &[
        (&[0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0], "a pcap capture", "without --cluster"),
        (&[0x0a, 0x0d, 0x0d, 0x0a], "a pcapng capture", "without --cluster"),
        (&[0x1f, 0x8b, 8], "a gzip file", "Unpack"),
        (b"a\0b", "a binary file", "kubectl get"),
        (b"caf\xe9", "another encoding", "UTF-8"),
        (b"NAME   READY   STATUS\nweb-1  1/1  Running\n", "the table that kubectl prints", "-o yaml"),
        (b"hello world\n", "plain text", "kubectl get"),
        (b"{\"flow\": {\"verdict\": \"FORWARDED\"}}\n", "flow log", "kubectl get"),
    ];
    for (content, looks_like, hint) in cases {
        write(directory.path(), "x.yaml", content);
        let message = read_objects(&directory.path().join("x.yaml")).unwrap_err().to_string();
        assert!(message.contains(looks_like) && message.contains(hint), "{message}");
    }
    assert!(read_objects(directory.path()).is_err(), "a directory of nothing else is wrong as well");
    write(directory.path(), "y.yaml", NAMESPACE);
    let snapshot = read_objects(directory.path()).unwrap();
    assert_eq!((snapshot.objects.len(), snapshot.problems[0].level), (1, Level::Note));
}

#[test]
fn nothing_there_is_told_apart() {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), "capture.pcap", b"x");
    assert!(matches!(read_objects(directory.path()), Err(ManifestError::NothingToRead { ignored: 1, .. })));
    assert!(matches!(read_objects(&directory.path().join("no")), Err(ManifestError::Unreadable { .. })));
    write(directory.path(), "empty.yaml", b"apiVersion: v1\nitems: []\nkind: List\n");
    assert_eq!(read_objects(&directory.path().join("empty.yaml")).unwrap(), Snapshot::default());
}

#[test]
fn a_file_of_broken_objects_is_read_as_problems() {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), "x.yaml", b"apiVersion: v1\nkind: Pod\nmetadata: {name: p\n");
    let snapshot = read_objects(&directory.path().join("x.yaml")).unwrap();
    assert!(snapshot.objects.is_empty() && snapshot.has_errors());
}
