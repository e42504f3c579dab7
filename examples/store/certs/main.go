// Certs makes certificates for the programs of the example, in the folder that it is given.
package main

import (
	"log"
	"os"

	"github.com/fairlead-go/fairlead/examples/store/mtls"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: certs FOLDER")
	}
	if err := mtls.Make(os.Args[1], "inventory", "orders", "customer"); err != nil {
		log.Fatal(err)
	}
}
