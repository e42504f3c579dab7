// Package scaffold is the command "fairlead new", which writes a service that builds, passes its tests and runs.
//
// What it writes are the files in templates, rendered with the fields of Variables, and the code that is generated for
// the contracts among them. Files whose names end in .tmpl are templates of package text/template and lose that ending;
// others are copied. Their paths are templates, too. A directory that the user names overrides files one by one, by the
// paths that they have in the project.
//
// Everything is made in memory before the first file is written, and what was written is taken back when one cannot be.
package scaffold
