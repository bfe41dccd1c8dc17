//! SVG 1.1: one picture, drawn without Graphviz, without script and without anything from outside.

use std::io::{self, Write};

use super::curve::Curve;
use super::layout::{Rect, layout, short};
use super::link::{Link, Standing, title};
use super::{GraphReport, NodeRow};
use crate::output::xml::Xml;

const STANDINGS: [Standing; 5] =
    [Standing::Allowed, Standing::Denied, Standing::Unspecified, Standing::Probe, Standing::Attempted];

pub(super) fn write(report: &GraphReport, out: &mut dyn Write) -> io::Result<()> {
    let layout = layout(report);
    let (width, height) = (layout.size.width.to_string(), layout.size.height.to_string());
    let view = format!("0 0 {width} {height}");
    let mut xml = Xml::begin(out)?;
    xml.open(
        "svg",
        &[
            ("xmlns", "http://www.w3.org/2000/svg"),
            ("width", &width),
            ("height", &height),
            ("viewBox", &view),
            ("font-family", "sans-serif"),
            ("font-size", "12"),
            ("role", "img"),
        ],
    )?;
    xml.text("title", &[], "Who talks to whom")?;
    markers(&mut xml)?;
    xml.empty("rect", &[("width", &width), ("height", &height), ("fill", "#ffffff")])?;
    for group in &layout.groups {
        frame(&mut xml, group.rect, &[("fill", "#f4f6f8"), ("stroke", "#b0b8c0")])?;
        let (x, y) = ((group.rect.x + 10).to_string(), (group.rect.y + 17).to_string());
        let style = [("x", x.as_str()), ("y", y.as_str()), ("font-weight", "bold"), ("fill", "#333333")];
        xml.text("text", &style, &short(&group.name))?;
    }
    for (link, curve) in layout.links.iter().zip(&layout.curves) {
        line(&mut xml, report, link, *curve)?;
    }
    for (node, rect) in report.nodes.iter().zip(&layout.nodes) {
        draw_node(&mut xml, node, *rect)?;
    }
    for (link, curve) in layout.links.iter().zip(&layout.curves) {
        label(&mut xml, link, *curve)?;
    }
    xml.end()
}

fn marker(standing: Standing) -> String {
    format!("arrow-{}", standing.colour().trim_start_matches('#'))
}

fn markers<W: Write>(xml: &mut Xml<W>) -> io::Result<()> {
    xml.open("defs", &[])?;
    for standing in STANDINGS {
        xml.open(
            "marker",
            &[
                ("id", &marker(standing)),
                ("viewBox", "0 0 8 8"),
                ("refX", "8"),
                ("refY", "4"),
                ("markerWidth", "8"),
                ("markerHeight", "8"),
                ("markerUnits", "userSpaceOnUse"),
                ("orient", "auto"),
            ],
        )?;
        xml.empty("path", &[("d", "M0,0 L8,4 L0,8 z"), ("fill", standing.colour())])?;
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
        &short(&title(node)),
    )?;
    xml.close()
}

fn line<W: Write>(xml: &mut Xml<W>, report: &GraphReport, link: &Link, curve: Curve) -> io::Result<()> {
    let [start, out, back, end] = curve.points();
    let path =
        format!("M{},{} C{},{} {},{} {},{}", start.0, start.1, out.0, out.1, back.0, back.1, end.0, end.1);
    let head = format!("url(#{})", marker(link.standing));
    let (width, dash) = match link.standing {
        Standing::Denied => ("2.5", "none"),
        Standing::Probe => ("1", "1 3"),
        Standing::Attempted => ("1.2", "6 4"),
        Standing::Allowed | Standing::Unspecified => ("1.2", "none"),
    };
    xml.open(
        "path",
        &[
            ("d", &path),
            ("fill", "none"),
            ("stroke", link.standing.colour()),
            ("stroke-width", width),
            ("stroke-dasharray", dash),
            ("marker-end", &head),
        ],
    )?;
    let id = |at: usize| report.nodes.get(at).map(|node| node.id.to_string()).unwrap_or_default();
    xml.text("title", &[], &format!("{} -> {} {}", id(link.from), id(link.to), link.label))?;
    xml.close()
}

/// Beside the box that it leaves, above its line, on white, so that it is read across lines.
fn label<W: Write>(xml: &mut Xml<W>, link: &Link, curve: Curve) -> io::Result<()> {
    let (x, y) = ((curve.start.0 + curve.leaves * 8).to_string(), (curve.start.1 - 2).to_string());
    let anchor = if curve.leaves > 0 { "start" } else { "end" };
    let place = [("x", x.as_str()), ("y", y.as_str()), ("text-anchor", anchor), ("font-size", "10")];
    // Twice, since not every program knows `paint-order`.
    let halo = [("fill", "#ffffff"), ("stroke", "#ffffff"), ("stroke-width", "3"), ("aria-hidden", "true")];
    xml.text("text", &[place.as_slice(), &halo].concat(), &link.label)?;
    xml.text("text", &[place.as_slice(), &[("fill", link.standing.colour())]].concat(), &link.label)
}
