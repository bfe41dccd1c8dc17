//! kubectl's reading against ours.

use std::io::Write;
use std::process::{Command, Stdio};

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

use super::roundtrip::manifest;
use super::*;

/// `kubectl label --local` reads a manifest and prints it without asking any server.
fn through_kubectl(yaml: &str) -> std::io::Result<serde_json::Value> {
    let arguments = ["label", "--local", "-f", "-", "-o", "json", "flowfence-test=x"];
    let mut child = Command::new("kubectl")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(yaml.as_bytes())?;
    }
    let output = child.wait_with_output()?;
    assert!(output.status.success(), "{}\n{yaml}", String::from_utf8_lossy(&output.stderr));
    Ok(serde_json::from_slice(&output.stdout).unwrap())
}

#[test]
fn kubectl_reads_what_we_write() {
    let mut runner = TestRunner::deterministic();
    for _ in 0..12 {
        let manifest = manifest().new_tree(&mut runner).unwrap().current();
        let mut text = String::new();
        write_policy(&mut text, &manifest).unwrap();
        let mut read = match through_kubectl(&text) {
            Ok(read) => read,
            Err(error) => {
                println!("skipped: kubectl cannot be run here ({error})");
                return;
            }
        };
        let metadata = read["metadata"].as_object_mut().unwrap();
        let labels = metadata["labels"].as_object_mut().unwrap();
        labels.remove("flowfence-test");
        if labels.is_empty() {
            metadata.remove("labels");
        }
        metadata.remove("creationTimestamp");
        let ours = to_json(&manifest);
        assert_eq!(read["metadata"], ours["metadata"], "{text}");
        assert_eq!(read["spec"], ours["spec"], "{text}");
        assert_eq!(objects_from_values([&read], "kubectl").policies(), [manifest.policy]);
    }
}
