//! Fence a Kubernetes network to exactly what it needs.
//!
//! The roof of the house: command line, files, YAML and outputs. What it means lives below, in
//! `flowfence-policy`, `flowfence-graph`, `flowfence-capture` and `flowfence-model`.
//!
//! ```text
//! source ─▶ Recording ─┐
//!                      ├─▶ attribute ─▶ Facts ─▶ judge ─▶ verb ─▶ output
//! cluster ─▶ Inventory ┘
//! ```

#![forbid(unsafe_code)]

#[macro_use]
mod say;

pub mod cli;
pub mod cluster;
pub mod decision;
pub mod end;
pub mod evidence;
pub mod exit;
mod hands;
pub mod kube;
pub mod manifest;
mod near;
pub mod output;
pub mod reach;
pub mod sandbox;
pub mod source;
pub mod verb;
pub mod view;
