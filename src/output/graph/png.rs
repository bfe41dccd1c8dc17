//! PNG: the picture of `svg` in pixels, drawn by resvg with a font of our own, so that every machine draws the same.

use std::io::{self, Write};

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg;

use super::layout::layout;
use super::{GraphReport, svg};

/// The regular and the bold one; `font/README.md`.
const FONTS: [&[u8]; 2] = [include_bytes!("font/DejaVuSans.ttf"), include_bytes!("font/DejaVuSans-Bold.ttf")];
const FAMILY: &str = "DejaVu Sans";
/// Hundredths of a pixel for a unit of the drawing: fine on screens that have two pixels in the place of one.
const SCALE: i64 = 200;
/// Pixels of a side that every viewer opens.
const MOST_SIDE: i64 = 16_384;
/// Pixels of all: 160 MB while it is drawn.
const MOST: i64 = 40_000_000;
/// Below this nothing of it can be read.
const LEAST_SCALE: i64 = 40;

pub(super) fn write(report: &GraphReport, out: &mut dyn Write) -> io::Result<()> {
    let layout = layout(report);
    let (width, height) = svg::size(&layout);
    let scale = scale(width, height);
    if scale < LEAST_SCALE {
        return Err(io::Error::other(format!(
            "a picture of {width} by {height} is too large for PNG: fold it (--by namespace, --externals one), narrow it \
             (-n, --from, --to, --around), or take -o svg"
        )));
    }
    if scale < SCALE {
        say!(
            "flowfence: the picture is large: drawn at {} % of the size that it would have",
            scale * 100 / SCALE
        );
    }
    let mut text = Vec::new();
    svg::draw(report, &layout, &mut text)?;
    let tree = usvg::Tree::from_data(&text, &options()).map_err(io::Error::other)?;
    let pixels = |side: i64| u32::try_from((side * scale).div_euclid(100).max(1)).unwrap_or(u32::MAX);
    let mut picture = Pixmap::new(pixels(width), pixels(height))
        .ok_or_else(|| io::Error::other("there is no room for a picture of that size"))?;
    let factor = f32::from(u8::try_from(scale).unwrap_or(u8::MAX)) / 100.0;
    resvg::render(&tree, Transform::from_scale(factor, factor), &mut picture.as_mut());
    out.write_all(&picture.encode_png().map_err(io::Error::other)?)
}

/// As fine as it should be, coarser where that would be too much.
fn scale(width: i64, height: i64) -> i64 {
    let side = MOST_SIDE * 100 / width.max(height).max(1);
    let area = (MOST.saturating_mul(10_000) / width.saturating_mul(height).max(1)).isqrt();
    SCALE.min(side).min(area)
}

/// Our font for every text, and nothing that is read from anywhere.
fn options() -> usvg::Options<'static> {
    let mut options = usvg::Options { font_family: FAMILY.to_owned(), ..usvg::Options::default() };
    let fonts = options.fontdb_mut();
    for font in FONTS {
        fonts.load_font_data(font.to_vec());
    }
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
        assert_eq!(scale(1000, 1000), SCALE);
        for (width, height) in [(20_000, 500), (9_000, 9_000), (500, 30_000)] {
            let scale = scale(width, height);
            assert!(scale < SCALE && width * scale <= MOST_SIDE * 100 && height * scale <= MOST_SIDE * 100);
            assert!(width * height * scale * scale <= MOST * 10_000);
        }
        assert!(scale(100_000, 100_000) < LEAST_SCALE);
        assert_eq!(scale(i64::MAX, i64::MAX), 0);
    }
}
