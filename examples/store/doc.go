// Package store is the contract of the store example, two services of which one calls the other: messages, errors,
// rules, and the stubs of both sides, generated from store.proto. The programs in the folders below it use it.
package store
