// Package report writes measurements as a page of HTML: one file that needs nothing else, for a browser now and for an
// archive later.
//
// A Page has facts, verdicts, and sections with tables and charts. It knows nothing of where they come from:
//
//	p := report.Page{Title: "Echo, 1 KiB", Verdicts: []report.Verdict{{Level: report.Good, Title: "All goals met"}}}
//	charts := []report.Chart{report.Percentiles(runs...)}
//	p.Sections = append(p.Sections, report.Section{Title: "Latency", Charts: charts})
//	err := p.Write(file)
//
// The page asks nobody for anything: scripts, styles and data are in it, and its content security policy allows no
// request. All that the charts show is in one element, <script type="application/json" id="data">, for programs, and in
// a table below each chart, for people who cannot see it and browsers without JavaScript. The charts (uPlot's) are
// reachable as window.fairlead.charts, by the identifiers of Chart. Light and dark follow the system.
package report
