//! PNG: the picture of `svg` in pixels, drawn by resvg with a font of our own, so that every machine draws the same.

use std::io::{self, Write};

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg;

use super::layout::layout;
use super::{GraphReport, svg};

/// The regular and the bold one; `font/README.md`.
const FONTS: [&[u8]; 2] = [include_bytes!("font/DejaVuSans.ttf"), include_bytes!("font/DejaVuSans-Bold.ttf")];
const FAMILY: &str = "DejaVu Sans";
/// Pixels of a unit of the drawing: fine on screens that have two of them in the place of one.
const SCALE: f32 = 2.0;
/// Pixels of a side that every viewer opens.
const MOST_SIDE: f32 = 16_384.0;
/// Pixels of all: 160 MB while it is drawn.
const MOST: f32 = 40_000_000.0;
/// Below this nothing of it can be read.
const LEAST_SCALE: f32 = 0.4;

pub(super) fn write(report: &GraphReport, out: &mut dyn Write) -> io::Result<()> {
    let layout = layout(report);
    let (width, height) = svg::size(&layout);
    let scale = scale(width as f32, height as f32);
    if scale < LEAST_SCALE {
        return Err(io::Error::other(format!(
            "a picture of {width} by {height} is too large for PNG: fold it (--by namespace, --externals one), narrow it \
             (-n, --from, --to, --around), or take -o svg"
        )));
    }
    if scale < SCALE {
        say!("flowfence: the picture is large: drawn at {:.0} % of the size that it would have", scale / SCALE * 100.0);
    }
    let mut text = Vec::new();
    svg::draw(report, &layout, &mut text)?;
    let tree = usvg::Tree::from_data(&text, &options()).map_err(io::Error::other)?;
    let pixels = |side: i64| (side as f32 * scale).ceil().max(1.0) as u32;
    let mut picture = Pixmap::new(pixels(width), pixels(height))
        .ok_or_else(|| io::Error::other("there is no room for a picture of that size"))?;
    resvg::render(&tree, Transform::from_scale(scale, scale), &mut picture.as_mut());
    out.write_all(&picture.encode_png().map_err(io::Error::other)?)
}

/// As fine as it should be, coarser where that would be too much.
fn scale(width: f32, height: f32) -> f32 {
    let side = MOST_SIDE / width.max(height);
    let area = (MOST / (width * height)).sqrt();
    SCALE.min(side).min(area)
}

/// Our font for every text, and nothing that is read from anywhere.
fn options() -> usvg::Options<'static> {
    let mut options = usvg::Options { font_family: FAMILY.to_owned(), ..usvg::Options::default() };
    let fonts = options.fontdb_mut();
    FONTS.iter().for_each(|font| fonts.load_font_data(font.to_vec()));
    fonts.set_sans_serif_family(FAMILY);
    options
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::testing::{edge, graph};

    fn picture(report: &GraphReport) -> Vec<u8> {
        let mut out = Vec::new();
        write(report, &mut out).unwrap();
        out
    }

    #[test]
    fn a_picture_has_the_size_of_the_drawing_and_is_not_blank() {
        let report = graph(Vec::new(), vec![edge("shop/Deployment/web -> data/StatefulSet/db 5432/TCP", 1)]);
        let octets = picture(&report);
        assert_eq!(octets, picture(&report), "the same graph gives the same octets");
        let read = Pixmap::decode_png(&octets).unwrap();
        let (width, height) = svg::size(&layout(&report));
        assert_eq!((i64::from(read.width()), i64::from(read.height())), (width * 2, height * 2));
        let dark = read.pixels().iter().filter(|pixel| pixel.red() < 100 && pixel.alpha() == 255).count();
        assert!(dark > 1_000, "lines and letters: {dark}");
        assert!(read.pixels().iter().all(|pixel| pixel.alpha() == 255), "on white");
    }

    #[test]
    fn large_pictures_are_coarser_and_never_larger_than_viewers_open() {
        assert!((scale(1000.0, 1000.0) - 2.0).abs() < f32::EPSILON);
        for (width, height) in [(20_000.0, 500.0), (9_000.0, 9_000.0), (500.0, 30_000.0)] {
            let scale = scale(width, height);
            assert!(scale < 2.0 && width * scale <= MOST_SIDE + 1.0 && height * scale <= MOST_SIDE + 1.0);
            assert!(width * height * scale * scale <= MOST * 1.01);
        }
        assert!(scale(100_000.0, 100_000.0) < LEAST_SCALE);
    }
}
