package finding

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/cmd/internal/cli"
)

// The types hold the part of SARIF 2.1.0 (OASIS standard, section numbers of it) that findings need.

// sarifLog is section 3.13.
type sarifLog struct {
	Schema  string     `json:"$schema"`
	Version string     `json:"version"`
	Runs    []sarifRun `json:"runs"`
}

// sarifRun is section 3.14.
type sarifRun struct {
	Tool       sarifTool     `json:"tool"`
	ColumnKind string        `json:"columnKind"` //nolint:tagliatelle // SARIF's names are in camel case
	Results    []sarifResult `json:"results"`
}

// sarifTool is section 3.18.
type sarifTool struct {
	Driver sarifDriver `json:"driver"`
}

// sarifDriver is section 3.19.
type sarifDriver struct {
	Name           string      `json:"name"`
	Version        string      `json:"version"`
	InformationURI string      `json:"informationUri"` //nolint:tagliatelle // as above
	Rules          []sarifRule `json:"rules"`
}

// sarifRule is section 3.49.
type sarifRule struct {
	ID               string             `json:"id"`
	ShortDescription sarifText          `json:"shortDescription"`     //nolint:tagliatelle // as above
	HelpURI          string             `json:"helpUri"`              //nolint:tagliatelle // as above
	Default          sarifConfiguration `json:"defaultConfiguration"` //nolint:tagliatelle // as above
	Properties       sarifProperties    `json:"properties"`
}

// sarifText is section 3.12.
type sarifText struct {
	Text string `json:"text"`
}

// sarifConfiguration is section 3.50.
type sarifConfiguration struct {
	Enabled bool   `json:"enabled"`
	Level   string `json:"level"`
}

// sarifProperties is section 3.8.
type sarifProperties struct {
	Tags []string `json:"tags"`
}

// sarifResult is section 3.27.
type sarifResult struct {
	RuleID       string            `json:"ruleId"`    //nolint:tagliatelle // as above
	RuleIndex    int               `json:"ruleIndex"` //nolint:tagliatelle // as above
	Level        string            `json:"level"`
	Message      sarifText         `json:"message"`
	Locations    []sarifLocation   `json:"locations"`
	Related      []sarifLocation   `json:"relatedLocations,omitempty"` //nolint:tagliatelle // as above
	Fingerprints map[string]string `json:"partialFingerprints"`        //nolint:tagliatelle // as above
}

// sarifLocation is section 3.28.
type sarifLocation struct {
	Physical sarifPhysical `json:"physicalLocation"` //nolint:tagliatelle // as above
	Message  *sarifText    `json:"message,omitempty"`
}

// sarifPhysical is section 3.29.
type sarifPhysical struct {
	Artifact sarifArtifact `json:"artifactLocation"` //nolint:tagliatelle // as above
	Region   *sarifRegion  `json:"region,omitempty"`
}

// sarifArtifact is section 3.4.
type sarifArtifact struct {
	URI    string `json:"uri"`
	BaseID string `json:"uriBaseId,omitempty"` //nolint:tagliatelle // as above
}

// sarifRegion is section 3.30.
type sarifRegion struct {
	StartLine   int `json:"startLine"`             //nolint:tagliatelle // as above
	StartColumn int `json:"startColumn,omitempty"` //nolint:tagliatelle // as above
	EndLine     int `json:"endLine,omitempty"`     //nolint:tagliatelle // as above
	EndColumn   int `json:"endColumn,omitempty"`   //nolint:tagliatelle // as above
}

// printSARIF writes a log with one run, in which paths are relative to the root of the sources.
func printSARIF(w io.Writer, rules []Rule, findings []Finding) error {
	run := sarifRun{
		Tool: sarifTool{Driver: sarifDriver{
			Name:           "fairlead",
			Version:        fairlead.Version,
			InformationURI: "https://github.com/fairlead-go/fairlead",
			Rules:          []sarifRule{},
		}},
		ColumnKind: "unicodeCodePoints",
		Results:    []sarifResult{},
	}
	index := make(map[string]int)
	describe := func(r Rule) int {
		if i, ok := index[r.ID]; ok {
			return i
		}
		index[r.ID] = len(index)
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{
			ID:               r.ID,
			ShortDescription: sarifText{sentence(r.Reason)},
			HelpURI:          r.Doc(),
			Default:          sarifConfiguration{Enabled: !r.Off, Level: string(r.Severity)},
			Properties:       sarifProperties{Tags: []string{r.Category}},
		})
		return index[r.ID]
	}
	for _, r := range rules {
		describe(r)
	}
	var sources Sources
	seen := make(map[string]int)
	for i := range findings {
		f := &findings[i]
		at := describe(Rule{ID: f.Rule, Category: f.Category, Severity: f.Severity, Reason: f.Reason})
		run.Results = append(run.Results, sarifResult{
			RuleID:       f.Rule,
			RuleIndex:    at,
			Level:        string(f.Severity),
			Message:      sarifText{sentence(f.Message)},
			Locations:    []sarifLocation{{Physical: physical(f.Place)}},
			Related:      related(f.Related),
			Fingerprints: map[string]string{"findingHash/v1": fingerprint(f, &sources, seen)},
		})
	}
	return cli.PrintJSON(w, sarifLog{
		Schema:  "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
		Version: "2.1.0",
		Runs:    []sarifRun{run},
	})
}

// physical returns where p is. A path in the working directory becomes a relative reference, others name a file on this
// machine (section 3.4.3).
func physical(p Place) sarifPhysical {
	at := sarifPhysical{Artifact: sarifArtifact{
		URI:    (&url.URL{Path: filepath.ToSlash(p.File)}).String(),
		BaseID: "%SRCROOT%",
	}}
	if filepath.IsAbs(p.File) {
		at.Artifact = sarifArtifact{URI: (&url.URL{Scheme: "file", Path: filepath.ToSlash(p.File)}).String()}
	}
	if p.Line > 0 {
		at.Region = &sarifRegion{p.Line, p.Column, p.EndLine, p.EndColumn}
	}
	return at
}

// related returns the places that matter besides.
func related(list []Related) []sarifLocation {
	locations := make([]sarifLocation, len(list))
	for i, r := range list {
		locations[i] = sarifLocation{Physical: physical(r.Place), Message: &sarifText{sentence(r.Message)}}
	}
	return locations
}

// fingerprint tells findings apart, and stays as it is when lines are added above: it comes from the rule, the file and
// the text of the line. Of those that are the same in all that, a number tells.
func fingerprint(f *Finding, sources *Sources, seen map[string]int) string {
	text := strings.Join(strings.Fields(sources.Line(f.File, f.Line)), " ")
	key := strings.Join([]string{f.Rule, filepath.ToSlash(f.File), text, f.Message}, "\x00")
	seen[key]++
	if seen[key] > 1 {
		key += "\x00" + strconv.Itoa(seen[key])
	}
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:16])
}

// sentence makes a sentence of text, as SARIF wants messages to be (section 3.11.2 and 3.49.9).
func sentence(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	if size == 0 {
		return text
	}
	return string(unicode.ToUpper(first)) + text[size:] + "."
}
