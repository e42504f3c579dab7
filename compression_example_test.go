package fairlead_test

import (
	"context"
	"fmt"
	"log"
	"strings"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/client"
	"github.com/fairlead-go/fairlead/preset"
	"github.com/fairlead-go/fairlead/server"
	"github.com/fairlead-go/fairlead/transport/inproc"
)

// A handler knows that what it answers is worth compressing, and has it compressed although the request was not.
func ExampleCall_SetSendCompressor() {
	type text = wrapperspb.StringValue
	read := fairlead.NewMethod[text, text](fairlead.Unary, "library.v1.Library", "Read")
	library := fairlead.Implement(fairlead.NewService("library.v1.Library", "proto", nil, read),
		fairlead.UnaryHandler(func(ctx context.Context, _ *text) (*text, error) {
			if err := fairlead.CallFrom(ctx).SetSendCompressor("gzip"); err != nil {
				log.Print(err) // the client does not accept it: then it is sent as it is
			}
			return wrapperspb.String(strings.Repeat("and so on ", 1000)), nil
		}))

	network := inproc.New()
	srv, err := preset.NewServer("library:80", server.Transport(network), server.Service(library))
	if err != nil {
		log.Fatal(err)
	}
	if err := srv.Start(context.Background()); err != nil {
		log.Fatal(err)
	}
	conn, err := preset.NewClient("static:///library:80", client.Dialer(network))
	if err != nil {
		log.Fatal(err)
	}
	call := fairlead.NewCall(read, wrapperspb.String("a book"))
	book, err := fairlead.Result[text](call, conn.Bind(read)(context.Background(), call))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(book.GetValue()), "bytes, compressed on the way:", call.ReceivedCompressed())
	_ = conn.Close()
	_ = srv.Shutdown(context.Background())
	// Output: 10000 bytes, compressed on the way: true
}
