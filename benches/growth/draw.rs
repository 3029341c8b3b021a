//! The plot: a column for each thing that grows, CPU time above memory.

use plotters::coord::Shift;
use plotters::prelude::*;

use super::{Axis, Point};

/// A panel of the plot.
const PANEL: (u32, u32) = (300, 220);

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Draws all curves into an SVG file.
pub fn draw(file: &str, curves: &[(&Axis, Vec<Point>)]) {
    let columns = curves.len() as u32;
    let root = SVGBackend::new(file, (PANEL.0 * columns, PANEL.1 * 2)).into_drawing_area();
    root.fill(&WHITE).expect("drawn");
    let panels = root.split_evenly((2, curves.len()));
    for (column, (axis, points)) in curves.iter().enumerate() {
        let of =
            |value: fn(&Point) -> f64| points.iter().map(|p| (p.size as f64, value(p))).collect::<Vec<_>>();
        panel(&panels[column], "CPU ms", axis.unit, &of(|point| point.cpu));
        panel(&panels[column + curves.len()], "memory, MB", axis.unit, &of(|point| point.memory));
    }
    root.present().expect("written");
}

fn panel(area: &Area<'_>, what: &str, unit: &str, points: &[(f64, f64)]) {
    let most = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).fold(0.0, f64::max) * 1.1;
    let mut chart = ChartBuilder::on(area)
        .caption(what, ("sans-serif", 14))
        .margin(8)
        .x_label_area_size(36)
        .y_label_area_size(44)
        .build_cartesian_2d(0.0..most(|point| point.0), 0.0..most(|point| point.1))
        .expect("a chart");
    let mesh = |value: &f64| format!("{value:.0}");
    chart
        .configure_mesh()
        .x_desc(unit)
        .x_labels(5)
        .y_labels(5)
        .x_label_formatter(&mesh)
        .y_label_formatter(&mesh)
        .light_line_style(TRANSPARENT)
        .draw()
        .expect("drawn");
    chart.draw_series(LineSeries::new(points.iter().copied(), &BLUE)).expect("drawn");
    chart.draw_series(points.iter().map(|point| Circle::new(*point, 3, BLUE.filled()))).expect("drawn");
}
