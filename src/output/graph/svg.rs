//! SVG 1.1: one picture, drawn without Graphviz, without script and without anything from outside.

use std::io::{self, Write};

use super::layout::{Layout, Rect, Route, layout, short, title_of};
use super::link::{Link, Standing};
use super::{GraphReport, NodeRow};
use crate::output::xml::Xml;

/// Above the picture, for its title.
const HEAD: i64 = 44;
/// Below it, for the legend.
const FOOT: i64 = 64;
/// What an entry of the legend takes.
const ENTRY: i64 = 270;
const LEAST_WIDTH: i64 = 2 * ENTRY + 20;

pub(super) fn write(report: &GraphReport, out: &mut dyn Write) -> io::Result<()> {
    draw(report, &layout(report), out)
}

/// The size of the picture of a layout.
pub(super) fn size(layout: &Layout) -> (i64, i64) {
    (layout.size.width.max(LEAST_WIDTH), layout.size.height + HEAD + FOOT)
}

/// Draws what is laid out.
pub(super) fn draw(report: &GraphReport, layout: &Layout, out: &mut dyn Write) -> io::Result<()> {
    let (width, height) = size(layout);
    let (wide, high) = (width.to_string(), height.to_string());
    let (view, top) = (format!("0 -{HEAD} {width} {height}"), format!("-{HEAD}"));
    let mut xml = Xml::begin(out)?;
    xml.open(
        "svg",
        &[
            ("xmlns", "http://www.w3.org/2000/svg"),
            ("width", &wide),
            ("height", &high),
            ("viewBox", &view),
            ("font-family", "'DejaVu Sans', Verdana, sans-serif"),
            ("font-size", "12"),
            ("role", "img"),
        ],
    )?;
    xml.text("title", &[], "Who talks to whom")?;
    markers(&mut xml)?;
    xml.empty("rect", &[("y", &top), ("width", &wide), ("height", &high), ("fill", "#ffffff")])?;
    head(&mut xml, report)?;
    for group in &layout.groups {
        frame(&mut xml, group.rect, &[("rx", "4"), ("fill", "#f4f6f8"), ("stroke", "#b0b8c0")])?;
        let (x, y) = ((group.rect.x + 10).to_string(), (group.rect.y + 17).to_string());
        let style = [("x", x.as_str()), ("y", y.as_str()), ("font-weight", "bold"), ("fill", "#333333")];
        xml.text("text", &style, &short(&group.name))?;
    }
    for (link, route) in layout.links.iter().zip(&layout.routes) {
        line(&mut xml, report, link, route)?;
    }
    for (node, rect) in report.nodes.iter().zip(&layout.nodes) {
        draw_node(&mut xml, node, *rect)?;
    }
    for (link, route) in layout.links.iter().zip(&layout.routes) {
        label(&mut xml, link, route)?;
    }
    legend(&mut xml, layout, width)?;
    xml.end()
}

/// What the picture is of.
fn head<W: Write>(xml: &mut Xml<W>, report: &GraphReport) -> io::Result<()> {
    let style =
        [("x", "20"), ("y", "-20"), ("font-size", "16"), ("font-weight", "bold"), ("fill", "#111111")];
    xml.text("text", &style, "Who talks to whom")?;
    let window =
        report.window.map_or_else(String::new, |window| format!("{} to {}, ", window.start, window.end));
    let counts = format!("{window}{} nodes, {} edges", report.nodes.len(), report.edges.len());
    xml.text("text", &[("x", "20"), ("y", "-4"), ("font-size", "11"), ("fill", "#555555")], &counts)
}

/// The lines that are drawn, with what they mean.
fn legend<W: Write>(xml: &mut Xml<W>, layout: &Layout, width: i64) -> io::Result<()> {
    let shown = Standing::ALL
        .into_iter()
        .filter(|standing| layout.links.iter().any(|link| link.standing == *standing));
    let columns = ((width - 20) / ENTRY).max(1);
    let (top, wide, high) = (layout.size.height.to_string(), width.to_string(), FOOT.to_string());
    xml.open("svg", &[("x", "0"), ("y", &top), ("width", &wide), ("height", &high)])?;
    for (at, standing) in (0..).zip(shown) {
        let (x, y) = (20 + at % columns * ENTRY, 12 + at / columns * 16);
        let path = format!("M{x},{y} L{},{y}", x + 44);
        stroke(xml, &path, standing)?;
        xml.close()?;
        let (x, y) = ((x + 52).to_string(), (y + 4).to_string());
        xml.text(
            "text",
            &[("x", &x), ("y", &y), ("font-size", "10"), ("fill", "#333333")],
            standing.meaning(),
        )?;
    }
    xml.close()
}

fn marker(standing: Standing) -> String {
    format!("arrow-{}", standing.colour().trim_start_matches('#'))
}

fn markers<W: Write>(xml: &mut Xml<W>) -> io::Result<()> {
    xml.open("defs", &[])?;
    for standing in Standing::ALL {
        xml.open(
            "marker",
            &[
                ("id", &marker(standing)),
                ("viewBox", "0 0 10 8"),
                ("refX", "10"),
                ("refY", "4"),
                ("markerWidth", "10"),
                ("markerHeight", "8"),
                ("markerUnits", "userSpaceOnUse"),
                ("orient", "auto"),
            ],
        )?;
        xml.empty("path", &[("d", "M0,0 L10,4 L0,8 z"), ("fill", standing.colour())])?;
        xml.close()?;
    }
    xml.close()
}

fn frame<W: Write>(xml: &mut Xml<W>, rect: Rect, style: &[(&str, &str)]) -> io::Result<()> {
    let numbers = [rect.x, rect.y, rect.width, rect.height].map(|number| number.to_string());
    let [x, y, width, height] = &numbers;
    let mut attributes: Vec<(&str, &str)> = vec![("x", x), ("y", y), ("width", width), ("height", height)];
    attributes.extend(style);
    xml.empty("rect", &attributes)
}

fn draw_node<W: Write>(xml: &mut Xml<W>, node: &NodeRow, rect: Rect) -> io::Result<()> {
    xml.open("g", &[])?;
    let mut tooltip = node.id.to_string();
    for fqdn in &node.fqdns {
        tooltip.push_str("; ");
        tooltip.push_str(fqdn);
    }
    xml.text("title", &[], &tooltip)?;
    let style: &[(&str, &str)] = match node.kind.as_str() {
        "External" => &[("rx", "15"), ("fill", "#ffffff"), ("stroke", "#333333")],
        "Node" | "APIServer" => &[("fill", "#e8e8e8"), ("stroke", "#333333"), ("stroke-width", "2")],
        "Unknown" => &[("fill", "#ffffff"), ("stroke", "#333333"), ("stroke-dasharray", "4 3")],
        _ => &[("rx", "3"), ("fill", "#ffffff"), ("stroke", "#333333")],
    };
    frame(xml, rect, style)?;
    let (x, y) = ((rect.x + rect.width / 2).to_string(), (rect.y + rect.height / 2 + 4).to_string());
    xml.text(
        "text",
        &[("x", &x), ("y", &y), ("text-anchor", "middle"), ("fill", "#111111")],
        &title_of(node),
    )?;
    xml.close()
}

fn line<W: Write>(xml: &mut Xml<W>, report: &GraphReport, link: &Link, route: &Route) -> io::Result<()> {
    stroke(xml, &route.path(), link.standing)?;
    let id = |at: usize| report.nodes.get(at).map(|node| node.id.to_string()).unwrap_or_default();
    xml.text("title", &[], &format!("{} -> {} {}", id(link.from), id(link.to), link.label))?;
    xml.close()
}

/// Opens a path that is drawn as a standing is.
fn stroke<W: Write>(xml: &mut Xml<W>, path: &str, standing: Standing) -> io::Result<()> {
    let head = format!("url(#{})", marker(standing));
    let (width, dash) = standing.line();
    xml.open(
        "path",
        &[
            ("d", path),
            ("fill", "none"),
            ("stroke", standing.colour()),
            ("stroke-width", width),
            ("stroke-dasharray", dash),
            ("marker-end", &head),
        ],
    )
}

/// Beside the box that the line leaves, above it, where no other line is.
fn label<W: Write>(xml: &mut Xml<W>, link: &Link, route: &Route) -> io::Result<()> {
    let Some(start) = route.points.first() else { return Ok(()) };
    let (x, y) = ((start.0 + route.leaves * 6).to_string(), (start.1 - 3).to_string());
    let anchor = if route.leaves > 0 { "start" } else { "end" };
    // Darker than its line where that would be hard to read.
    let fill = if link.standing == Standing::Probe { "#666666" } else { link.standing.colour() };
    let place =
        [("x", x.as_str()), ("y", y.as_str()), ("text-anchor", anchor), ("font-size", "10"), ("fill", fill)];
    xml.text("text", &place, &link.short)
}
