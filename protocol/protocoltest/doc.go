// Package protocoltest is what tests of servers, clients and middleware call over when the wire is not what they test:
// a small wire of its own ([FrameServer] and [FrameClient]), a message type with a codec ([Msg], [Codec]), and a
// service with a method of each kind ([Echo]). None of it needs HTTP, protobuf or generated code.
//
// [Run] is the test suite for implementations of protocol.Server and protocol.Client; protocols that HTTP requests
// carry run it over package protocol/web.
package protocoltest
