//! What policies mean, and what follows from it for what was seen.
//!
//! ```text
//! objects ─▶ semantics ─┬▶ reach, explain        without traffic
//! Facts ────────────────┼▶ judge ─┬▶ audit       what is unexpected, too wide, unused
//! decision ─────────────┤         ├▶ readiness   whether enough was seen
//!                       │         ├▶ recommend   policies, and their proof
//!                       ├─────────┴▶ replay      what a candidate set would have done
//!                       │            grounds     by which rule, by which policy
//!                       └▶ respond               how to cut a pod off, and the proof
//! ```
//!
//! Pure: no I/O, no clock.

#![forbid(unsafe_code)]

pub mod audit;
pub mod decision;
pub mod explain;
pub mod grounds;
pub mod judge;
pub mod reach;
pub mod readiness;
pub mod recommend;
pub mod replay;
pub mod respond;
pub mod semantics;
