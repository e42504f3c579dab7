// Package idl finds and compiles contracts, and says what is wrong with them. It needs no protoc: the compiler is
// part of the program, and so are the files that contracts commonly import (google/protobuf/*.proto,
// google/api/*.proto, google/rpc/*.proto, google/type/*.proto, buf/validate/validate.proto and
// fairlead/options.proto).
//
// What the compiler refuses comes back as a *ContractError with all problems of all files. The compiler's own words
// are replaced: mistakes of syntax are looked for again by package outline, which knows what people get wrong; types,
// options and imports that are not known are compared with all that the import roots and the program declare; numbers
// that are taken come with the next one that is free. Its text, which any command can print as it is, shows each
// place with the line of the contract and a mark under it.
package idl
