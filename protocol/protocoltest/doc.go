// Package protocoltest is for tests of servers, clients and middleware that do not depend on a particular wire. It has
// a small wire ([FrameServer] and [FrameClient]), a message type with a codec ([Msg], [Codec]), and a service with a
// method of each kind ([Echo]). None of it needs HTTP, protobuf or generated code.
//
// [Run] is the test suite for implementations of protocol.Server and protocol.Client; protocols that are carried by
// HTTP requests run it over package protocol/web.
package protocoltest
