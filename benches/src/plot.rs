//! Bar charts, written by hand as SVG: one per workload, number of keys and
//! figure; a group of bars per contestant, a bar per number of threads.

use crate::metric::Metric;
use crate::report::power;
use crate::rounds::Row;
use std::fmt::Write;

const WIDTH: f64 = 820.0;
/// Where the bars begin, and where the longest ends.
const LEFT: f64 = 150.0;
const RIGHT: f64 = 690.0;
const TOP: f64 = 84.0;
const BAR: f64 = 14.0;
const GAP: f64 = 12.0;

/// Ours and the peers', from few threads to many.
const OURS: [&str; 3] = ["#7fb3e6", "#2f7fd0", "#124f8c"];
const PEERS: [&str; 3] = ["#cbd2d9", "#9aa5b1", "#616e7c"];

/// A picture with the name of its file.
#[derive(Debug)]
pub struct Picture {
    /// Without a folder.
    pub file: String,
    /// The text of the file.
    pub svg: String,
}

/// The pictures of all rows that are drawn.
#[must_use]
pub fn pictures(rows: &[Row], subtitle: &str) -> Vec<Picture> {
    let same = |one: &Row, other: &Row| {
        let place = |row: &Row| (row.workload, row.keys, row.metric);
        place(one) == place(other)
    };
    let mut pictures = Vec::new();
    let mut drawn: Vec<&Row> = Vec::new();
    for row in rows.iter().filter(|row| row.metric.is_plotted()) {
        if drawn.iter().any(|before| same(before, row)) {
            continue;
        }
        drawn.push(row);
        let of_picture: Vec<_> = rows.iter().filter(|other| same(other, row)).collect();
        let name = format!("{}-{}", row.workload.name(), power(row.keys));
        let file = match row.metric {
            Metric::Throughput => format!("{name}.svg"),
            metric => format!("{name}-{}.svg", metric.name().replace('/', "-per-")),
        };
        let title = format!("{}, {} keys", row.workload.name(), power(row.keys));
        pictures.push(Picture { file, svg: draw(&title, subtitle, &of_picture) });
    }
    pictures
}

fn draw(title: &str, subtitle: &str, rows: &[&Row]) -> String {
    let mut threads: Vec<_> = rows.iter().map(|row| row.threads).collect();
    threads.sort_unstable();
    threads.dedup();
    let mut names: Vec<&str> = Vec::new();
    for row in rows {
        if !names.contains(&row.contestant) {
            names.push(row.contestant);
        }
    }
    let longest = rows.iter().map(|row| row.extremes().1).fold(f64::MIN_POSITIVE, f64::max);
    let group = threads.len() as f64 * BAR + GAP;
    let height = TOP + names.len() as f64 * group + 40.0;

    let mut canvas = Canvas::new(height);
    canvas.text(20.0, 34.0, r#"font-size="19" font-weight="600""#, title);
    let metric = rows.first().map_or(Metric::Throughput, |row| row.metric);
    let better = if metric.more_is_better() { "more is better" } else { "less is better" };
    let legend = format!("{}, {better}; {subtitle}", metric.name());
    canvas.text(20.0, 56.0, r##"font-size="12" fill="#52606d""##, &legend);
    for (place, name) in names.iter().enumerate() {
        let top = TOP + place as f64 * group;
        let middle = top + (group - GAP) / 2.0 + 4.0;
        canvas.text(LEFT - 12.0, middle, r#"font-size="13" text-anchor="end""#, name);
        for row in rows.iter().filter(|row| row.contestant == *name) {
            let shade = threads.iter().position(|count| *count == row.threads).unwrap_or(0);
            canvas.bar(row, top + shade as f64 * BAR, shade, longest);
        }
    }
    let note = "Bars: medians. Lines: the lowest and the highest round. t: threads.";
    canvas.text(20.0, height - 16.0, r##"font-size="11" fill="#7b8794""##, note);
    canvas.finish()
}

/// What a picture is drawn on.
pub(crate) struct Canvas {
    svg: String,
}

impl Canvas {
    pub(crate) fn new(height: f64) -> Self {
        let mut canvas = Self { svg: String::new() };
        canvas.line(format_args!(
            r##"<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" font-family="system-ui, 'Segoe UI', Helvetica, Arial, sans-serif" fill="#1f2933">"##
        ));
        canvas.line(format_args!(
            r##"<rect width="{WIDTH}" height="{height}" rx="10" fill="#ffffff"/>"##
        ));
        canvas
    }

    fn line(&mut self, element: core::fmt::Arguments<'_>) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.svg, "{element}");
    }

    pub(crate) fn text(&mut self, x: f64, y: f64, style: &str, text: &str) {
        let text = escape(text);
        self.line(format_args!(r#"<text x="{x:.1}" y="{y:.1}" {style}>{text}</text>"#));
    }

    /// A line along a path.
    pub(crate) fn stroke(&mut self, path: &str, color: &str, width: f64) {
        self.line(format_args!(
            r#"<path d="{path}" fill="none" stroke="{color}" stroke-width="{width}"/>"#
        ));
    }

    /// A bar with its extremes and its value.
    fn bar(&mut self, row: &Row, top: f64, shade: usize, longest: f64) {
        let colors = if row.is_ours() { OURS } else { PEERS };
        let color = colors[shade.min(colors.len() - 1)];
        let x = |value: f64| LEFT + (RIGHT - LEFT) * value / longest;
        let (low, high) = row.extremes();
        let (width, middle) = (x(row.median()) - LEFT, top + BAR / 2.0);
        self.line(format_args!(
            r#"<rect x="{LEFT}" y="{:.1}" width="{width:.1}" height="{:.1}" fill="{color}"/>"#,
            top + 1.0,
            BAR - 2.0
        ));
        self.line(format_args!(
            r##"<path d="M{:.1} {middle:.1}H{:.1}" stroke="#1f2933" stroke-width="1.2"/>"##,
            x(low),
            x(high)
        ));
        let label = format!("{}  {}t", row.metric.show(row.median()), row.threads);
        self.text(x(high) + 8.0, middle + 4.0, r#"font-size="11""#, &label);
    }

    pub(crate) fn finish(mut self) -> String {
        self.svg.push_str("</svg>\n");
        self.svg
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::Workload;

    #[test]
    fn a_picture_per_workload_size_and_figure() {
        let row = |workload, metric, threads, contestant| Row {
            workload,
            keys: 1_000,
            threads,
            metric,
            contestant,
            values: vec![1e6, 2e6, 4e6],
            ratios: Vec::new(),
        };
        let rows = [
            row(Workload::GetHit, Metric::Throughput, 1, "epochkv"),
            row(Workload::GetHit, Metric::Throughput, 2, "epochkv"),
            row(Workload::GetHit, Metric::Throughput, 1, "<peer>"),
            row(Workload::Grow, Metric::P50, 1, "epochkv"),
            row(Workload::Grow, Metric::P99, 1, "epochkv"),
        ];
        let pictures = pictures(&rows, "a & b");
        let files: Vec<_> = pictures.iter().map(|picture| picture.file.as_str()).collect();
        assert_eq!(files, ["get_hit-1e3.svg", "grow-1e3-p99.svg"]);
        let svg = &pictures[0].svg;
        assert_eq!(svg.matches("<path").count(), 3);
        assert!(svg.contains("&lt;peer&gt;") && svg.contains("a &amp; b"));
        // The highest round reaches the right end.
        assert!(svg.contains(&format!("H{RIGHT:.1}")));
    }
}
