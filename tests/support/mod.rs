//! What the end-to-end tests stand on: the program, captures, packets, objects, and the shop example with its truth.

// Every test crate compiles all of this and uses its share.
#![allow(dead_code, reason = "each test crate uses its share")]

#[cfg(target_os = "linux")]
pub mod apiserver;
#[cfg(target_os = "linux")]
pub mod authority;
pub mod bundle;
pub mod capture;
pub mod cluster;
pub mod crd;
pub mod example;
pub mod exchange;
#[cfg(target_os = "linux")]
pub mod exporter;
#[cfg(target_os = "linux")]
pub mod flow_server;
pub mod follow;
#[cfg(target_os = "linux")]
pub mod goldmane;
pub mod graph;
#[cfg(target_os = "linux")]
pub mod hubble;
#[cfg(target_os = "linux")]
pub mod netns;
pub mod packet;
#[cfg(target_os = "linux")]
pub mod process;
pub mod program;
pub mod rewrite;
pub mod shop;
