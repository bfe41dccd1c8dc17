//! What cannot be asked of the graph.

use std::io::IsTerminal as _;

use crate::cli::{By, Externals, GraphArgs, GraphFormat, Shown};
use crate::exit::Failure;
use crate::output;
use crate::verb::page;

/// What cannot be said together.
pub(super) fn refuse(args: &GraphArgs) -> Result<(), Failure> {
    let (view, format) = (&args.view, args.output);
    if format == GraphFormat::Html {
        page::refuse_terminal()?;
        let is_folded = !matches!(view.by, By::Pod | By::Workload)
            || view.externals != Externals::Address
            || !view.cidr.is_empty();
        if is_folded || view.reach {
            return Err(Failure::usage(
                "the page of -o html folds and shows what was not used by itself: not with --by namespace, app or owner, \
                 --externals, --cidr or --reach",
            ));
        }
    }
    if format == GraphFormat::Png && std::io::stdout().is_terminal() {
        return Err(Failure::usage(
            "a picture is nothing for a terminal: write it to a file, as in -o png > graph.png",
        ));
    }
    if !view.reach {
        if view.verdict.contains(&Shown::Unused) {
            return Err(Failure::usage(
                "--verdict unused is for --reach, which shows what is allowed and was not used",
            ));
        }
        return Ok(());
    }
    if view.by == By::Pod {
        return Err(Failure::usage("--reach is told between workloads: not with --by pod"));
    }
    if !args.against.is_empty() {
        return Err(Failure::usage(
            "--against tells what was seen: not with --reach (reach --against compares policies)",
        ));
    }
    if !output::graph::shows_unused(format) {
        return Err(Failure::usage(
            "--reach is shown by -o table, wide, tree, matrix, json, yaml, dot, mermaid, d2, drawio, svg and png",
        ));
    }
    Ok(())
}
