// Package compare is the command "fairlead bench compare": whether results of fairlead bench differ, and whether that
// can be chance.
//
// compare.go has the command, side.go what is compared (files become sides, with samples of each metric),
// statistics.go the test, text.go, json.go and page.go how it is shown.
package compare
