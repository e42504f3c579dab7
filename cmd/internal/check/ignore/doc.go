// Package ignore reads the comments with which a contract silences findings in place:
//
//	// fairlead:ignore FIELD_LOWER_SNAKE_CASE The partner's system sends it like this.
//	string userName = 1;
//
//	double price = 2; // fairlead:ignore FLOAT_MONEY Shown to people only.
//
// The comment names one rule, or several with commas between them, and must say why. On a line of its own it is about
// the next line that is more than a comment, otherwise about its own. With "fairlead:ignore-file" it is about the whole
// file.
package ignore
