//! Line charts of latencies, as SVG: half of the calls on the left, the slowest one on the
//! right, a line per contestant.

use crate::metric::Metric;
use crate::plot::{Canvas, Picture};
use crate::report::power;
use crate::rounds::Row;

/// From the middle of the calls to the last one.
const POINTS: [Metric; 5] = [Metric::P50, Metric::P99, Metric::P999, Metric::P9999, Metric::Worst];

const LEFT: f64 = 80.0;
const RIGHT: f64 = 640.0;
const TOP: f64 = 84.0;
const BOTTOM: f64 = 400.0;
const HEIGHT: f64 = 450.0;

const OURS: &str = "#2f7fd0";
const PEERS: [&str; 5] = ["#616e7c", "#b08968", "#7b9e6b", "#a06a8c", "#9aa5b1"];

/// The pictures of all rows whose calls were timed one by one.
#[must_use]
pub fn pictures(rows: &[Row], subtitle: &str) -> Vec<Picture> {
    let mut pictures: Vec<Picture> = Vec::new();
    for row in rows.iter().filter(|row| row.metric == Metric::Worst) {
        let (name, keys, threads) = (row.workload.name(), power(row.keys), row.threads);
        let file = format!("{name}-{keys}-latency-{threads}.svg");
        if pictures.iter().any(|picture| picture.file == file) {
            continue;
        }
        let same = |other: &&Row| {
            (other.workload, other.keys, other.threads) == (row.workload, row.keys, threads)
        };
        let of_picture: Vec<_> = rows.iter().filter(same).collect();
        let title = format!("{name}, {keys} keys, {threads} threads: time of a call");
        pictures.push(Picture { file, svg: draw(&title, subtitle, &of_picture) });
    }
    pictures
}

fn draw(title: &str, subtitle: &str, rows: &[&Row]) -> String {
    let timed = || rows.iter().filter(|row| POINTS.contains(&row.metric));
    // Whole powers of ten around all of them.
    let bounds = timed().map(|row| row.median().max(1.0).log10());
    let (low, high) =
        bounds.fold((f64::MAX, 0.0f64), |(low, high), at| (low.min(at), high.max(at)));
    let (low, high) = (low.floor(), high.ceil());
    let y = |ns: f64| BOTTOM - (BOTTOM - TOP) * (ns.max(1.0).log10() - low) / (high - low).max(1.0);
    let x = |point: usize| LEFT + (RIGHT - LEFT) * point as f64 / (POINTS.len() - 1) as f64;

    let mut canvas = Canvas::new(HEIGHT);
    canvas.text(20.0, 34.0, r#"font-size="19" font-weight="600""#, title);
    let legend = format!("less is better, logarithmic; {subtitle}");
    canvas.text(20.0, 56.0, r##"font-size="12" fill="#52606d""##, &legend);
    for power in low as i32..=high as i32 {
        let ns = 10f64.powi(power);
        canvas.stroke(&format!("M{LEFT} {:.1}H{RIGHT}", y(ns)), "#e4e7eb", 1.0);
        canvas.text(
            LEFT - 8.0,
            y(ns) + 4.0,
            r#"font-size="11" text-anchor="end""#,
            &Metric::Worst.show(ns),
        );
    }
    for (point, metric) in POINTS.iter().enumerate() {
        let style = r#"font-size="12" text-anchor="middle""#;
        canvas.text(x(point), BOTTOM + 22.0, style, metric.name());
    }
    let ends = timed().filter(|row| row.metric == Metric::Worst);
    let mut labels: Vec<(f64, &str, &str)> = Vec::new();
    for (place, end) in ends.enumerate() {
        let color = if end.is_ours() { OURS } else { PEERS[place % PEERS.len()] };
        let mut path = String::new();
        for (point, metric) in POINTS.iter().enumerate() {
            let is_point = |row: &&&Row| row.contestant == end.contestant && row.metric == *metric;
            if let Some(row) = timed().find(is_point) {
                let step = if path.is_empty() { 'M' } else { 'L' };
                path.push_str(&format!("{step}{:.1} {:.1}", x(point), y(row.median())));
            }
        }
        canvas.stroke(&path, color, if end.is_ours() { 3.0 } else { 1.6 });
        labels.push((y(end.median()), end.contestant, color));
    }
    // Names that would lie over one another move down.
    labels.sort_by(|one, other| one.0.total_cmp(&other.0));
    let mut free = 0.0f64;
    for (at, name, color) in labels {
        let at = at.max(free);
        free = at + 14.0;
        canvas.text(RIGHT + 10.0, at + 4.0, &format!(r#"font-size="12" fill="{color}""#), name);
    }
    canvas.finish()
}

#[cfg(test)]
mod tests {
    use super::{POINTS, pictures};
    use crate::rounds::Row;
    use crate::workload::Workload;

    fn row(contestant: &'static str, place: usize) -> Row {
        let values = vec![10f64.powi(2 + place as i32)];
        let metric = POINTS[place];
        let workload = Workload::Grow;
        Row { workload, keys: 1000, threads: 2, metric, contestant, values, ratios: Vec::new() }
    }

    #[test]
    fn a_line_for_each_contestant_through_all_points() {
        let rows: Vec<_> = ["epochkv", "a & b"]
            .into_iter()
            .flat_map(|name| (0..POINTS.len()).map(move |place| row(name, place)))
            .collect();
        let pictures = pictures(&rows, "here");
        assert_eq!(pictures.len(), 1);
        assert_eq!(pictures[0].file, "grow-1e3-latency-2.svg");
        let svg = &pictures[0].svg;
        assert!(svg.contains("a &amp; b") && svg.contains("p99.99"));
        let lines = svg.lines().filter(|line| line.matches('L').count() == POINTS.len() - 1);
        assert_eq!(lines.count(), 2);
    }
}
