// Package dial is how commands reach a server: the flags for it, what addresses mean, a client, the contract, and what
// can be said about how connecting went.
//
//	flags := dial.AddFlags(cmd)
//	ctx, cancel := flags.WithTimeout(ctx)                 // --timeout is for all of it
//	srv, err := flags.Open(ctx, address, dial.Options{})   // reads and checks; connects to nothing
//	defer srv.Close()
//	err = srv.Connect(ctx)                                // the error says what was tried
//	contract, err := srv.Contract(ctx)                    // server reflection, or the files that flags name
//	m, err := srv.Method(ctx, contract, "greeter.v1.Greeter/SayHello")
//	resp, err := dynamic.Unary(ctx, srv.Client, m, req)
//
// Errors about flags and addresses come from Open and are wrong usage; all others are *cli.Error.
package dial
