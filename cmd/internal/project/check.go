package project

// Check is the section of fairlead check. What it checks, and where imports are, is in the section of fairlead gen.
type Check struct {
	// Rules are the rules to apply: ids, names of categories, "default" or "all"; none for "default".
	Rules []string `yaml:"rules"`
	// Except are ids and categories of rules not to apply.
	Except []string `yaml:"except"`
	// WarningsAsErrors means that warnings fail the command as errors do.
	WarningsAsErrors bool `yaml:"warnings_as_errors"`
	// Ignore says where rules do not apply.
	Ignore []CheckIgnore `yaml:"ignore"`
}

// CheckIgnore is a part of the project in which rules do not apply.
type CheckIgnore struct {
	// Path is a .proto file, or a directory with all below it, relative to the file's directory.
	Path string `yaml:"path"`
	// Rules are ids and names of categories; none for all rules.
	Rules []string `yaml:"rules"`
}
