//! draw.io (diagrams.net): an uncompressed `mxfile`, workloads in a container per namespace.

use std::io::{self, Write};

use super::layout::{Layout, Pair, Rect, Route, layout};
use super::link::{Link, Standing, title};
use super::{GraphReport, NodeRow};
use crate::output::xml::Xml;

/// Links up to which lines are led around boxes: draw.io holds no thousands of lines with many corners, and leads them itself.
const MOST_ROUTED: usize = 1_000;

pub(super) fn write(report: &GraphReport, out: &mut dyn Write) -> io::Result<()> {
    let layout = layout(report);
    let mut xml = Xml::begin(out)?;
    xml.open("mxfile", &[("host", "flowfence")])?;
    xml.open("diagram", &[("id", "flowfence"), ("name", "flowfence")])?;
    xml.open("mxGraphModel", &[("grid", "0"), ("page", "0")])?;
    xml.open("root", &[])?;
    xml.empty("mxCell", &[("id", "0")])?;
    xml.empty("mxCell", &[("id", "1"), ("parent", "0")])?;
    let mut parents: Vec<Option<usize>> = vec![None; report.nodes.len()];
    for (index, group) in layout.groups.iter().enumerate() {
        let style = "swimlane;html=0;startSize=22;fillColor=#f4f6f8;strokeColor=#b0b8c0;";
        cell(&mut xml, &format!("g{index}"), &group.name, style, "1", group.rect)?;
        for node in &group.nodes {
            if let Some(parent) = parents.get_mut(*node) {
                *parent = Some(index);
            }
        }
    }
    for (at, node) in report.nodes.iter().enumerate() {
        let (parent, rect) = within(&layout, parents.get(at).copied().flatten(), at);
        cell(&mut xml, &format!("n{at}"), &title(node), style(node), &parent, rect)?;
    }
    for (at, link) in layout.links.iter().enumerate() {
        let (id, source, target) = (format!("e{at}"), format!("n{}", link.from), format!("n{}", link.to));
        let line = match link.standing {
            Standing::Allowed | Standing::Unspecified => "",
            Standing::Denied => "strokeWidth=3;",
            Standing::Probe | Standing::Attempted | Standing::Unused => "dashed=1;",
        };
        let route = layout.routes.get(at).cloned().unwrap_or_default();
        let style = format!(
            "html=0;rounded=1;{}strokeColor={};{line}",
            ends(&layout, link, &route),
            link.standing.colour()
        );
        xml.open(
            "mxCell",
            &[
                ("id", &id),
                ("value", &link.label),
                ("style", &style),
                ("edge", "1"),
                ("parent", "1"),
                ("source", &source),
                ("target", &target),
            ],
        )?;
        // The label stands where the line begins, as in the SVG.
        xml.open("mxGeometry", &[("x", "-0.8"), ("relative", "1"), ("as", "geometry")])?;
        if layout.links.len() > MOST_ROUTED {
            xml.close()?;
            xml.close()?;
            continue;
        }
        xml.open("Array", &[("as", "points")])?;
        let inner = route.points.get(1..route.points.len().saturating_sub(1)).unwrap_or_default();
        for (x, y) in inner {
            xml.empty("mxPoint", &[("x", &x.to_string()), ("y", &y.to_string())])?;
        }
        xml.close()?;
        xml.close()?;
        xml.close()?;
    }
    xml.end()
}

/// Where at its boxes a line begins and ends, as shares of their sides.
fn ends(layout: &Layout, link: &Link, route: &Route) -> String {
    let share = |node: usize, point: Option<&Pair>| {
        let (rect, point) =
            (layout.nodes.get(node).copied().unwrap_or_default(), point.copied().unwrap_or_default());
        let part = |at: i64, from: i64, length: i64| (at - from) as f64 / length.max(1) as f64;
        (part(point.0, rect.x, rect.width), part(point.1, rect.y, rect.height))
    };
    let (exit, entry) = (share(link.from, route.points.first()), share(link.to, route.points.last()));
    format!("exitX={:.3};exitY={:.3};entryX={:.3};entryY={:.3};", exit.0, exit.1, entry.0, entry.1)
}

/// Places within a container are told from its corner.
fn within(layout: &Layout, group: Option<usize>, at: usize) -> (String, Rect) {
    let rect = layout.nodes.get(at).copied().unwrap_or_default();
    match group.and_then(|index| Some((index, layout.groups.get(index)?))) {
        Some((index, group)) => {
            (format!("g{index}"), Rect { x: rect.x - group.rect.x, y: rect.y - group.rect.y, ..rect })
        }
        None => ("1".to_owned(), rect),
    }
}

fn style(node: &NodeRow) -> &'static str {
    match node.kind.as_str() {
        "External" => "rounded=1;arcSize=50;html=0;",
        "Node" | "APIServer" => "shape=process;html=0;",
        "Unknown" => "dashed=1;html=0;",
        _ => "rounded=0;html=0;",
    }
}

fn cell<W: Write>(
    xml: &mut Xml<W>,
    id: &str,
    value: &str,
    style: &str,
    parent: &str,
    rect: Rect,
) -> io::Result<()> {
    xml.open(
        "mxCell",
        &[("id", id), ("value", value), ("style", style), ("vertex", "1"), ("parent", parent)],
    )?;
    let numbers = [rect.x, rect.y, rect.width, rect.height].map(|number| number.to_string());
    let [x, y, width, height] = &numbers;
    xml.empty("mxGeometry", &[("x", x), ("y", y), ("width", width), ("height", height), ("as", "geometry")])?;
    xml.close()
}
