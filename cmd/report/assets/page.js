"use strict";
// Draws the charts of the page's data, and draws them again when the system changes between light and dark.
(() => {
  const page = JSON.parse(document.getElementById("data").textContent);
  const fairlead = (window.fairlead = { page: page, charts: {} });

  // The same rules as in format.go.
  const digits = (v) => {
    let places = 3;
    for (let a = Math.abs(v); a >= 10 && places > 0; a /= 10) places--;
    const p = 10 ** places;
    return String(Math.round(v * p) / p);
  };
  const scaled = (v) => {
    const a = Math.abs(v);
    if (a >= 1e9) return digits(v / 1e9) + " G";
    if (a >= 1e6) return digits(v / 1e6) + " M";
    if (a >= 1e4) return digits(v / 1e3) + " k";
    return digits(v);
  };
  const units = {
    "number": scaled,
    "percent": (v) => v + " %",
    "seconds": (v) => digits(v) + " s",
    "per second": (v) => scaled(v) + "/s",
    "bytes per second": (v) => scaled(v) + "B/s",
    "nanoseconds": (v) =>
      v < 1e3 ? digits(v) + " ns" : v < 1e6 ? digits(v / 1e3) + " µs" : v < 1e9 ? digits(v / 1e6) + " ms" : digits(v / 1e9) + " s",
  };
  const nines = (v) => {
    const places = Math.max(Math.ceil(Math.log10(v)) - 1, 0) + 1;
    const p = 10 ** places;
    return Math.floor(100 * (1 - 1 / v) * p) / p + " %";
  };
  const writer = (axis) => (axis.scale === "nines" ? nines : units[axis.unit] || scaled);

  const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  const axisOf = (axis, vertical) => {
    const write = writer(axis);
    const o = {
      label: axis.title,
      labelSize: 24,
      stroke: style("--soft"),
      grid: { stroke: style("--line"), width: 1 },
      ticks: { stroke: style("--line"), width: 1, size: 6 },
      values: (_, splits) => splits.map((v) => (v === null ? "" : write(v))),
      size: vertical ? 84 : 44,
      space: vertical ? 34 : 70,
    };
    if (axis.scale === "nines") {
      o.splits = (plot, _, low, high) => {
        const room = (plot.width - 84) / Math.log10(Math.max(high, 10)); // pixels from 90 % to 99 %
        const list = room < 160 ? [1] : [1, 2, 4];
        for (let v = 10; v <= high * 1.001; v *= room < 70 ? 100 : 10) list.push(v);
        return list.filter((v) => v >= low * 0.999 && v <= high * 1.001);
      };
      o.filter = (_, splits) => splits;
    }
    return o;
  };

  const scaleOf = (axis, vertical) => {
    if (axis.scale === "nines") return { time: false, distr: 3, range: (_, low, high) => [low, Math.max(high, low * 10)] };
    if (!vertical) return { time: false };
    // From 0, so that heights can be compared.
    return { time: false, range: (_, low, high) => [Math.min(0, low || 0), high > 0 ? high * 1.05 : 1] };
  };

  // uPlot draws a line over places where a series has no point (undefined), and breaks it where a value is missing (null).
  const gaps = (chart) =>
    chart.data.map((values, i) => {
      if (i === 0) return values;
      const missing = new Set(chart.series[i - 1].gaps);
      return values.map((v, j) => (v === null && !missing.has(j) ? undefined : v));
    });

  // A value between two gaps is on no line: it is drawn as a point.
  const alone = (values) => {
    const drawn = values.map((_, j) => j).filter((j) => values[j] !== undefined);
    const there = (j) => j !== undefined && values[j] !== null;
    return drawn.filter((j, n) => there(j) && !there(drawn[n - 1]) && !there(drawn[n + 1]));
  };

  const width = (place) => Math.max(place.parentElement.clientWidth, 280);

  const draw = (chart) => {
    const place = document.getElementById("chart-" + chart.id);
    if (!place) return;
    const old = fairlead.charts[chart.id];
    if (old) old.destroy();
    const writeX = writer(chart.x);
    const writeY = writer(chart.y);
    const sparse = chart.data[0].length < 3;
    const data = gaps(chart);
    const series = [{ label: chart.x.title, value: (_, v) => (v === null ? "–" : writeX(v)) }];
    for (const s of chart.series) {
      series.push({
        label: s.name,
        stroke: style("--c" + s.color),
        width: 2,
        dash: s.dashed ? [6, 4] : undefined,
        spanGaps: false,
        points: { show: sparse, filter: (_, i, show) => (show ? null : alone(data[i])) },
        value: (_, v) => (v === null || v === undefined ? "–" : writeY(v)),
      });
    }
    fairlead.charts[chart.id] = new uPlot(
      {
        width: width(place),
        height: 320,
        scales: { x: scaleOf(chart.x, false), y: scaleOf(chart.y, true) },
        axes: [axisOf(chart.x, false), axisOf(chart.y, true)],
        series: series,
        cursor: { points: { size: 7 }, drag: { x: true, y: false } },
        legend: { live: true },
      },
      data,
      place,
    );
  };

  const drawAll = () => page.charts.forEach(draw);
  drawAll();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
  addEventListener("resize", () => {
    for (const chart of page.charts) {
      const place = document.getElementById("chart-" + chart.id);
      if (place) fairlead.charts[chart.id].setSize({ width: width(place), height: 320 });
    }
  });
})();
