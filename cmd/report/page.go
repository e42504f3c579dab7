package report

// Page is the content of a report. Texts are plain, not HTML.
type Page struct {
	Title string
	// Lead is a line below the title.
	Lead     string
	Verdicts []Verdict
	Facts    []Fact
	Sections []Section
	// Footer is the last line, such as what made the page and when.
	Footer string
	// Command is the command line that made the page, shown below the footer with all its white space, to be copied.
	Command string
	// Data goes into the page's JSON as "result", for programs; nil: nothing does.
	Data any
}

// Level is how good something is.
type Level uint8

// The levels.
const (
	Neutral Level = iota
	Good
	Warning
	Bad
)

// String returns "neutral", "good", "warning" or "bad".
func (l Level) String() string {
	switch l {
	case Good:
		return "good"
	case Warning:
		return "warning"
	case Bad:
		return "bad"
	default:
		return "neutral"
	}
}

// Verdict is a conclusion, shown on top.
type Verdict struct {
	Level Level
	Title string
	Text  string
}

// Fact is a name with a value, such as a figure that matters or a condition of the measurement.
type Fact struct {
	Name  string
	Value string
}

// Section is a part of the page with a heading.
type Section struct {
	Title  string
	Text   string
	Tables []Table
	Charts []Chart
}

// Table is a table. Rows have a cell for each column; missing ones are empty.
type Table struct {
	Title   string
	Columns []Column
	Rows    [][]Cell
}

// Column is the head of a column.
type Column struct {
	Title   string
	Numeric bool // set flush right
}

// Cell is a cell of a table.
type Cell struct {
	Text  string
	Level Level
}

// Chart shows series of points that share their axes.
type Chart struct {
	// ID names the chart in the page: letters, digits, '-' and '_'. Without it the chart gets one made of its title.
	ID     string
	Title  string
	Text   string
	X, Y   Axis
	Series []Series
}

// Series is a line of a chart. X ascends; where Y is not a number the line has a gap.
type Series struct {
	Name string
	X, Y []float64
	// Color is the number of the color, 1 to 8, so that lines of one run can be alike; 0: the series' own.
	Color int
	// Dashed sets the line off from others of its color.
	Dashed bool
}

// Axis is an axis of a chart.
type Axis struct {
	Title string
	Unit  Unit
	Scale Scale
}

// Unit is the unit of the values of an axis, which decides how they are written.
type Unit string

// The units.
const (
	Number         Unit = "number"
	Percent        Unit = "percent"          // 0 to 100
	Nanoseconds    Unit = "nanoseconds"      // written in the unit that fits
	Seconds        Unit = "seconds"          //
	PerSecond      Unit = "per second"       //
	BytesPerSecond Unit = "bytes per second" //
)

// Scale is how values are spread along an axis.
type Scale string

// The scales.
const (
	Linear Scale = "linear" // from 0
	// Nines is for percentiles, as 1/(1-q) for the quantile q: 90 %, 99 % and 99.9 % are equally far apart.
	Nines Scale = "nines"
)
