//! A line chart with error bars, written by hand as one SVG file without any dependency.

use std::fmt::Write;

/// Median and extremes of the rounds of one measurement, in million calls per second.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Point {
    pub(crate) median: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl Point {
    /// Of rates in calls per second; all zero without any.
    pub(crate) fn of(mut rates: Vec<f64>) -> Self {
        rates.sort_by(f64::total_cmp);
        let at = |index: usize| rates.get(index).map_or(0.0, |rate| rate / 1e6);
        Self { median: at(rates.len() / 2), low: at(0), high: at(rates.len().saturating_sub(1)) }
    }
}

/// One line of the chart.
#[derive(Debug)]
pub(crate) struct Series {
    pub(crate) name: &'static str,
    pub(crate) color: &'static str,
    /// One for each entry of [`Chart::threads`].
    pub(crate) points: Vec<Point>,
}

/// Everything that is drawn.
#[derive(Debug)]
pub(crate) struct Chart {
    pub(crate) title: String,
    pub(crate) subtitle: String,
    pub(crate) x_label: String,
    pub(crate) y_label: String,
    pub(crate) note: String,
    pub(crate) command: String,
    pub(crate) threads: Vec<usize>,
    pub(crate) series: Vec<Series>,
}

const WIDTH: f64 = 820.0;
const HEIGHT: f64 = 520.0;
const LEFT: f64 = 84.0;
const RIGHT: f64 = 784.0;
const TOP: f64 = 118.0;
const BOTTOM: f64 = 410.0;
/// Free space between an axis and the first and last thread count.
const INSET: f64 = 40.0;

/// The chart as the text of an SVG file.
pub(crate) fn svg(chart: &Chart) -> String {
    let mut canvas = Canvas::new();
    canvas.frame(chart);
    let step = tick_step(highest(chart));
    let top = step * (highest(chart) / step).ceil().max(1.0);
    canvas.y_axis(step, top, &chart.y_label);
    canvas.x_axis(&chart.threads, &chart.x_label);
    for (index, series) in chart.series.iter().enumerate() {
        canvas.series(series, index, top);
    }
    canvas.finish()
}

fn highest(chart: &Chart) -> f64 {
    let points = chart.series.iter().flat_map(|series| &series.points);
    points.map(|point| point.high).fold(f64::MIN_POSITIVE, f64::max)
}

/// A round number (1, 2 or 5 times a power of ten) that cuts `highest` into four to ten parts.
fn tick_step(highest: f64) -> f64 {
    let power = 10_f64.powf((highest / 4.0).log10().floor());
    let parts = highest / 4.0 / power;
    let factor = if parts >= 5.0 {
        5.0
    } else if parts >= 2.0 {
        2.0
    } else {
        1.0
    };
    factor * power
}

/// Where the thread count number `index` of `len` stands; doublings are equally far apart.
fn x_at(index: usize, len: usize) -> f64 {
    let span = len.saturating_sub(1).max(1) as f64;
    LEFT + INSET + (RIGHT - LEFT - 2.0 * INSET) * index as f64 / span
}

fn y_at(value: f64, top: f64) -> f64 {
    BOTTOM - (BOTTOM - TOP) * value / top
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            // No other control character may stand in XML, not even escaped.
            control if control.is_control() => escaped.push(' '),
            other => escaped.push(other),
        }
    }
    escaped
}

struct Canvas {
    text: String,
}

impl Canvas {
    fn new() -> Self {
        let mut canvas = Self { text: String::new() };
        canvas.line(format_args!(
            r##"<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" font-family="system-ui, 'Segoe UI', Helvetica, Arial, sans-serif" fill="#1f2933">"##
        ));
        canvas
    }

    fn line(&mut self, element: std::fmt::Arguments<'_>) {
        // Writing to a `String` cannot fail.
        let _ = writeln!(self.text, "{element}");
    }

    fn finish(mut self) -> String {
        self.text.push_str("</svg>\n");
        self.text
    }

    /// Background, headings, and the small print.
    fn frame(&mut self, chart: &Chart) {
        let title = escape(&chart.title);
        self.line(format_args!("<title>{title}</title>"));
        self.line(format_args!(
            r##"<rect width="{WIDTH}" height="{HEIGHT}" rx="10" fill="#ffffff"/>"##
        ));
        self.text_at(LEFT, 36.0, r#"font-size="20" font-weight="600""#, &chart.title);
        self.text_at(LEFT, 58.0, r##"font-size="13" fill="#52606d""##, &chart.subtitle);
        let small = r##"font-size="11" fill="#52606d""##;
        self.text_at(LEFT, 482.0, small, &chart.note);
        let command = r##"font-size="10" fill="#7b8794" font-family="ui-monospace, Menlo, Consolas, monospace""##;
        self.text_at(LEFT, 502.0, command, &shorten(&chart.command, 115));
    }

    fn text_at(&mut self, x: f64, y: f64, style: &str, text: &str) {
        let text = escape(text);
        self.line(format_args!(r#"<text x="{x:.1}" y="{y:.1}" {style}>{text}</text>"#));
    }

    fn rule(&mut self, [x1, y1, x2, y2]: [f64; 4], style: &str) {
        self.line(format_args!(
            r#"<line x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}" {style}/>"#
        ));
    }

    fn y_axis(&mut self, step: f64, top: f64, label: &str) {
        let decimals = (-step.log10().floor()).max(0.0) as usize;
        let ticks = (top / step).round() as usize;
        for tick in 0..=ticks {
            let value = tick as f64 * step;
            let y = y_at(value, top);
            let color = if tick == 0 { "#52606d" } else { "#e4e7eb" };
            self.rule([LEFT, y, RIGHT, y], &format!(r#"stroke="{color}""#));
            let style = r#"font-size="12" text-anchor="end""#;
            self.text_at(LEFT - 10.0, y + 4.0, style, &format!("{value:.decimals$}"));
        }
        let (x, y) = (26.0, (TOP + BOTTOM) / 2.0);
        let style =
            format!(r#"font-size="13" text-anchor="middle" transform="rotate(-90 {x} {y})""#);
        self.text_at(x, y, &style, label);
    }

    fn x_axis(&mut self, threads: &[usize], label: &str) {
        for (index, count) in threads.iter().enumerate() {
            let x = x_at(index, threads.len());
            self.rule([x, BOTTOM, x, BOTTOM + 6.0], r##"stroke="#52606d""##);
            let style = r#"font-size="12" text-anchor="middle""#;
            self.text_at(x, BOTTOM + 22.0, style, &count.to_string());
        }
        let style = r#"font-size="13" text-anchor="middle""#;
        self.text_at((LEFT + RIGHT) / 2.0, BOTTOM + 46.0, style, label);
    }

    /// Legend entry, error bars, line and markers of one series.
    fn series(&mut self, series: &Series, index: usize, top: f64) {
        let color = series.color;
        let thin = format!(r#"stroke="{color}" stroke-width="1.5" stroke-opacity="0.6""#);
        let thick = format!(r#"stroke="{color}" stroke-width="2.5""#);
        let marker = format!(r##"r="4.5" fill="{color}" stroke="#ffffff" stroke-width="1.5""##);

        let legend = LEFT + 12.0 + index as f64 * 150.0;
        self.rule([legend, 88.0, legend + 26.0, 88.0], &thick);
        self.line(format_args!(r#"<circle cx="{:.1}" cy="88" {marker}/>"#, legend + 13.0));
        self.text_at(legend + 34.0, 92.0, r#"font-size="13""#, series.name);

        let place = |at: usize, value: f64| (x_at(at, series.points.len()), y_at(value, top));
        let mut path = String::new();
        for (at, point) in series.points.iter().enumerate() {
            let (x, low) = place(at, point.low);
            let (_, high) = place(at, point.high);
            self.rule([x, low, x, high], &thin);
            for end in [low, high] {
                self.rule([x - 5.0, end, x + 5.0, end], &thin);
            }
            let (_, y) = place(at, point.median);
            // Writing to a `String` cannot fail.
            let _ = write!(path, "{x:.1},{y:.1} ");
        }
        let path = path.trim_end();
        self.line(format_args!(
            r#"<polyline points="{path}" fill="none" stroke="{color}" stroke-width="2.5" stroke-linejoin="round"/>"#
        ));
        for (at, point) in series.points.iter().enumerate() {
            let (x, y) = place(at, point.median);
            self.line(format_args!(
                r#"<circle cx="{x:.1}" cy="{y:.1}" {marker}><title>{}: {:.2} million calls/s</title></circle>"#,
                escape(series.name),
                point.median
            ));
        }
    }
}

/// At most `max` characters.
fn shorten(text: &str, max: usize) -> String {
    match text.char_indices().nth(max) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_few() {
        for highest in [0.003, 0.9, 1.0, 3.99, 4.0, 7.3, 19.0, 42.0, 999.0] {
            let parts = highest / tick_step(highest);
            assert!((3.99..=10.01).contains(&parts), "{highest}: {parts} parts");
        }
    }

    #[test]
    fn medians_and_extremes() {
        let point = Point::of(vec![3e6, 1e6, 2e6]);
        assert_eq!((point.low, point.median, point.high), (1.0, 2.0, 3.0));
        assert_eq!(Point::of(Vec::new()).median, 0.0);
    }

    #[test]
    fn hostile_text_stays_text() {
        assert_eq!(escape("<a & \"b\">\u{1}"), "&lt;a &amp; &quot;b&quot;&gt; ");
        assert_eq!(shorten("äöü", 2), "äö…");
    }
}
